/**
 * Writes the golden vectors: this file chooses the calls, and the native reference gives the bytes.
 * `node vectors.js MODEL REFERENCE ENCODE_JS OUT`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CFunction, Model, Parameter } from './model.js';
import { writesSqe } from './reference.js';
import { realistic, typical } from './typical.js';

const [modelFile = '', reference = '', encodeJs = '', out = ''] = process.argv.slice(2);
if (!out) throw new Error('usage: vectors.js MODEL REFERENCE ENCODE_JS OUT');

/** The parameters without the SQE. */
const argumentsOf = ({ parameters }: CFunction): Parameter[] => parameters.filter(({ name }) => name !== 'sqe');

const model = JSON.parse(readFileSync(modelFile, 'utf8')) as Model;

interface Member {
  name: string;
  value: number | bigint;
  names?: string;
}
type Decode = (bytes: Uint8Array) => { fields: Member[]; reserved: Member[] };
const { decode } = (await import(pathToFileURL(resolve(encodeJs)).href)) as { decode: Decode };

interface Case {
  name: string;
  index: number;
  fn: CFunction;
  values: bigint[];
  /** The SQE before the call; zeroes if undefined. */
  base?: string;
}

/** The smallest and the largest value. Addresses are those that a program can have. */
function limits({ type }: Parameter): [low: bigint, high: bigint] {
  if (type.kind === 'pointer') return [0n, (1n << 47n) - 1n];
  if (type.kind === 'struct') throw new Error('structs by value are not supported');
  // JavaScript passes sizes as numbers
  if (type.c === 'size_t') return [0n, (1n << 53n) - 1n];
  const bits = BigInt(type.bits);
  return type.signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

const SIZE = 128;
const sizeOf = ({ name }: CFunction): number => (name.endsWith('128') ? SIZE : 64);
const filled = (fn: CFunction, byte: (at: number) => number): string =>
  Buffer.from(Array.from({ length: sizeOf(fn) }, (_, at) => byte(at))).toString('hex');

function casesOf(fn: CFunction, index: number): Case[] {
  const parameters = argumentsOf(fn);
  const usual = parameters.map((parameter, i) => typical(fn, parameter, i));
  const cases: Case[] = [];
  const add = (label: string, values: bigint[], base?: string): void => {
    cases.push({ name: `${fn.name}/${label}`, index, fn, values, ...(base && { base }) });
  };
  add('typical', usual);
  for (const [label, some] of Object.entries(realistic[fn.name] ?? {})) {
    add(
      label,
      parameters.map(({ name }, i) => some[name] ?? usual[i] ?? 0n),
    );
  }
  parameters.forEach((parameter, i) => {
    add(`${parameter.name}-max`, usual.with(i, limits(parameter)[1]));
  });
  if (parameters.length > 0) {
    add(
      'all-min',
      parameters.map((parameter) => limits(parameter)[0]),
    );
  }
  // a function with one argument has this case already
  if (parameters.length > 1) {
    add(
      'all-max',
      parameters.map((parameter) => limits(parameter)[1]),
    );
  }
  // bytes that a function does not write stay as the previous request left them
  add(
    'reused-ones',
    usual,
    filled(fn, () => 0xff),
  );
  if (parameters.length === 0) {
    add(
      'reused-counting',
      usual,
      filled(fn, (at) => at + 1),
    );
  }
  return cases;
}

const encoders = model.functions.filter(writesSqe);
const cases = encoders.flatMap(casesOf);
const lines = cases.map(({ index, values, base }) =>
  [index, ...values.map((value) => BigInt.asUintN(64, value)), (base ?? '').padEnd(2 * SIZE, '0')].join(' '),
);
const answers = execFileSync(reference, { input: `${lines.join('\n')}\n`, encoding: 'utf8' })
  .trim()
  .split('\n');
if (answers.length !== cases.length) throw new Error(`${answers.length} answers to ${cases.length} cases`);

const members = (list: readonly Member[]): [string, string][] => list.map(({ name, value }) => [name, String(value)]);

const vectors = cases.map(({ name, fn, values, base }, i) => {
  const hex = (answers[i] ?? '').slice(0, 2 * sizeOf(fn));
  const { fields, reserved } = decode(Buffer.from(hex, 'hex'));
  const names = fields.flatMap((field): [string, string][] => (field.names ? [[field.name, field.names]] : []));
  return {
    name,
    function: fn.name,
    arguments: Object.fromEntries(argumentsOf(fn).map((parameter, at) => [parameter.name, String(values[at])])),
    ...(base && { base }),
    hex,
    fields: Object.fromEntries(members(fields)),
    names: Object.fromEntries(names),
    ...(reserved.length > 0 && { reserved: Object.fromEntries(members(reserved)) }),
  };
});

const head = { $schema: './vectors.schema.json', liburing: model.version, abi: 'x86-64' };
// one case a line, so that people can read the file and its diffs
writeFileSync(
  out,
  `${JSON.stringify(head).slice(0, -1)},"vectors":[\n${vectors.map((vector) => JSON.stringify(vector)).join(',\n')}\n]}\n`,
);
console.log(`vectors: ${vectors.length} cases of ${encoders.length} functions`);
