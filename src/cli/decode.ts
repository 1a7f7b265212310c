import { parseArgs } from 'node:util';
import { exit, print, printJson, UsageError } from './command.js';
import { describe, toJson } from './describe.js';
import { parseHex, readStdin } from './hex.js';

export const summary = 'what the bytes of an SQE say';

export const help = `usage: liburing-wasm decode [--json] HEX|-

Takes an SQE apart: the members that its operation uses, flags spelled out, and those that
should be zero and are not. HEX is 64 or 128 bytes; spaces, line ends and 0x may be in it.
With - it is read from stdin.

  --json   as JSON, with values as decimal strings`;

export function run(args: string[]): number {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
  if (positionals.length === 0) throw new UsageError('decode what? Give hex digits, or - to read them from stdin');
  const fromStdin = positionals.length === 1 && positionals[0] === '-';
  const bytes = parseHex(fromStdin ? readStdin() : positionals.join(' '));
  if (values.json) printJson(toJson(bytes));
  else print(describe(bytes));
  return exit.ok;
}
