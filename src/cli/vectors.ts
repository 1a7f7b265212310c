import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { nearest } from '../checks/nearest.js';
import { diff } from '../encoding/decode.js';
import { exit, print, say, UsageError } from './command.js';
import { shown } from './diff.js';
import { parseHex, readStdin } from './hex.js';
import { table } from './table.js';

export const summary = 'SQEs that native C has written, to test other bindings with';

export const help = `usage: liburing-wasm vectors [--schema] [FILE]
       liburing-wasm vectors --check FILE|-

Writes the golden vectors to FILE, or to stdout: calls of all functions that write SQEs, and the
bytes that liburing, compiled natively, has written for each.

  --schema      their JSON Schema instead
  --check FILE  compare a file that another binding has made: the same format, of which name and
                hex are read, or an object of hex by name. A - stands for stdin

Exit code of --check: 0 if all bytes are equal, 1 if some differ.`;

interface Vector {
  readonly name: string;
  readonly hex: string;
}

// this path is right from src/cli and from dist/cli
const shipped = (name: string): string => readFileSync(new URL(`../../dist/${name}`, import.meta.url), 'utf8');

/** Names and bytes, in either form of the input. */
function vectorsOf(text: string, file: string): Vector[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${file} has no "vectors", nor is it an object of hex by name`);
  }
  const { vectors } = parsed as { vectors?: unknown };
  const list = Array.isArray(vectors)
    ? (vectors as unknown[])
    : Object.entries(parsed).map(([name, hex]) => ({ name, hex: hex as unknown }));
  list.forEach((each, i) => {
    const { name, hex } = (each ?? {}) as Partial<Record<keyof Vector, unknown>>;
    if (typeof name !== 'string' || typeof hex !== 'string') {
      throw new UsageError(`${file}: vector ${i} lacks ${typeof name === 'string' ? 'hex' : 'a name'}, a string`);
    }
  });
  return list as Vector[];
}

/** Compares somebody's bytes with the vectors. Returns a line for each mistake. */
function compare(expected: Uint8Array, { name, hex }: Vector): string[] {
  const actual = parseHex(hex, name);
  if (actual.length !== expected.length) {
    return [`${name}: ${actual.length} bytes, where C writes ${expected.length}`];
  }
  const differences = diff(expected, actual);
  if (differences.length === 0) return [];
  const rows = differences.map((each) => [each.name, `C: ${shown(each.a)}`, `here: ${shown(each.b)}`]);
  return [`${name}:`, table(rows, '  ')];
}

function check(file: string): number {
  const known = new Map(vectorsOf(shipped('vectors.json'), 'vectors.json').map((each) => [each.name, each]));
  const theirs = vectorsOf(file === '-' ? readStdin() : readFileSync(file, 'utf8'), file);
  if (theirs.length === 0) throw new UsageError(`${file} has no vectors in it`);
  let mismatches = 0;
  for (const vector of theirs) {
    const ours = known.get(vector.name);
    const lines = ours
      ? compare(parseHex(ours.hex), vector)
      : [`${vector.name}: there is no vector of this name; do you mean ${nearest(vector.name, known.keys())}?`];
    if (lines.length > 0) {
      mismatches++;
      print(lines.join('\n'));
    }
  }
  const names = new Set(theirs.map(({ name }) => name));
  const left = [...known.keys()].filter((name) => !names.has(name)).length;
  say(`vectors: ${theirs.length} compared, ${mismatches} mismatches, ${left} of ours not covered`);
  return mismatches > 0 ? exit.differs : exit.ok;
}

export function run(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { schema: { type: 'boolean' }, check: { type: 'string' } },
  });
  if (values.check !== undefined) {
    if (values.schema || positionals.length > 0) throw new UsageError('--check takes one file, and nothing else');
    return check(values.check);
  }
  if (positionals.length > 1) throw new UsageError(`vectors writes one file, and ${positionals.length} are given`);
  const text = shipped(values.schema ? 'vectors.schema.json' : 'vectors.json');
  const [file = '-'] = positionals;
  if (file === '-') print(text);
  else writeFileSync(file, text);
  return exit.ok;
}
