/** The mutants that no test can tell from the real thing, each with the reason. */

/** By `FUNCTION:INDEX:CHANGE`. One of these that is killed after all is an error: it has to go from the list. */
export const survivors: Readonly<Record<string, string>> = {};
