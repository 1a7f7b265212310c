import { parseArgs } from 'node:util';
import { type Difference, diff } from '../encoding/decode.js';
import { exit, print, printJson, UsageError } from './command.js';
import { parseHex, toHex } from './hex.js';
import { table } from './table.js';

export const summary = 'the members in which two SQEs differ';

export const help = `usage: liburing-wasm diff [--json] HEX HEX

Shows the members in which two SQEs differ, under the names that the first one's operation has
for them. Nothing is shown for equal ones.

  --json   as JSON, with values as decimal strings

Exit code: 0 if they are equal, 1 if they differ.`;

/** A value as text; a command of many bytes in hex. */
export const shown = (value: Difference['a']): string =>
  typeof value === 'object' ? toHex(value) : `${value} (0x${BigInt.asUintN(64, BigInt(value)).toString(16)})`;

export function run(args: string[]): number {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
  const [a, b] = positionals;
  if (a === undefined || b === undefined || positionals.length > 2) {
    throw new UsageError(
      `diff compares two SQEs, and ${positionals.length} are given; put quotes around hex with spaces`,
    );
  }
  const differences = diff(parseHex(a, 'the first hex'), parseHex(b, 'the second hex'));
  if (values.json) {
    const exact = (value: Difference['a']): string => (typeof value === 'object' ? toHex(value) : String(value));
    printJson(differences.map((each) => ({ ...each, a: exact(each.a), b: exact(each.b) })));
  } else if (differences.length > 0) {
    const rows = differences.map((each) => [String(each.offset), each.name, shown(each.a), shown(each.b)]);
    print(table([['byte', 'member', 'first', 'second'], ...rows]));
  }
  return differences.length > 0 ? exit.differs : exit.ok;
}
