/** Mutants that no test can distinguish from the original, each with the reason. */

/** By `FUNCTION:INDEX:CHANGE`. A mutant of this list that is killed is an error: it must be removed. */
export const survivors: Readonly<Record<string, string>> = {};
