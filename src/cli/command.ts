/** What the commands share: exit codes, and where they write. */

/** A command of the tool, in a module of its own. */
export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  readonly help: string;
  /** Runs the command, and returns the exit code. */
  run(args: string[]): Promise<number> | number;
}

/** Exit codes, for scripts. */
export const exit = { ok: 0, differs: 1, usage: 2 } as const;

/** A mistake of the user: one sentence on stderr, and exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Data, on stdout. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Messages, on stderr. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** JSON for people and programs; 64-bit integers are decimal strings. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each), 2));
}

/** The sentence for an error of the user's making; undefined for a defect of the tool. */
export function sentenceFor(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof UsageError) return error.message;
  const { code, syscall } = error as { code?: string; syscall?: string };
  // parseArgs appends advice to its sentence
  if (code?.startsWith('ERR_PARSE_ARGS_')) return error.message.split('. ')[0];
  if (code?.startsWith('ERR_') && (error instanceof TypeError || error instanceof RangeError)) return error.message;
  return syscall === undefined ? undefined : error.message;
}
