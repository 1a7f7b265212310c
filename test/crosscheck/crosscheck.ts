/** Compares the SQEs that the wasm build writes with those of native C. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { type CSignature, diff, encoders, type Instance, io_uring_sqe } from 'liburing-wasm/encode';
import { type Case, casesOf } from './cases.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const names = [...encoders.keys()];

/** Runs the native program on calls of one function. Returns the 128 bytes after each. */
export function reference(program: string, name: string, cases: readonly Case[]): Uint8Array[] {
  const index = names.indexOf(name);
  const input = cases.map(({ arguments: list, base }) => {
    const unsigned = list.map((value) => BigInt.asUintN(64, value));
    return `${[index, ...unsigned, hex(base)].join(' ')}\n`;
  });
  const { status, stdout, error } = spawnSync(program, {
    input: input.join(''),
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  if (error) throw error;
  const lines = stdout.split('\n').slice(0, -1);
  if (status !== 0 || lines.length !== cases.length) throw new Error(`the native program does not take ${name}`);
  return lines.map((line) => Buffer.from(line, 'hex'));
}

/** The 128 bytes after a call of the wasm build. */
function run({ functions, memory }: Instance, { name, parameters }: CSignature, call: Case): Uint8Array {
  const sqes = memory.alloc(io_uring_sqe, 2);
  const bytes = memory.bytes.subarray(sqes.address, sqes.address + 128);
  bytes.set(call.base);
  let next = 0;
  const list = parameters.map(({ name: parameter, kind, bits = 64, c }) => {
    if (parameter === 'sqe') return sqes.at(0);
    const value = call.arguments[next++] ?? 0n;
    if (/\bbool\b/.test(c)) return value === 1n;
    // sizes and pointers are numbers; other integers of 64 bits may be either
    const isWide = kind === 'integer' && bits === 64 && !/^s?size_t$/.test(c);
    const isSafe = value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n;
    return isWide && (call.exact || !isSafe) ? value : Number(value);
  });
  const fn = functions[name as keyof typeof functions] as (...list: unknown[]) => void;
  fn(...list);
  const after = bytes.slice();
  memory.free(sqes);
  return after;
}

/** A call for which the two differ. */
export interface Mismatch {
  name: string;
  call: Case;
  native: Uint8Array;
  wasm: Uint8Array;
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** A size argument can only be passed as a number; beyond 2^53 there is nothing to compare. */
function canBeGiven({ parameters }: CSignature, { arguments: list }: Case): boolean {
  return parameters
    .filter(({ name }) => name !== 'sqe')
    .every(({ c }, i) => !/^s?size_t$/.test(c) || (list[i] ?? 0n) <= 2n ** 53n - 1n);
}

/** Tries calls of one function. Returns the smallest one for which the two differ. */
export function crosscheck(
  instance: Instance,
  program: string,
  signature: CSignature,
  count: number,
  seed: number,
): Mismatch | undefined {
  const arbitrary = casesOf(signature).filter((call) => canBeGiven(signature, call));
  const cases = fc.sample(arbitrary, { numRuns: count, seed });
  const expected = reference(program, signature.name, cases);
  const differs = (call: Case, native: Uint8Array): boolean => !equal(run(instance, signature, call), native);
  if (!cases.some((call, i) => differs(call, expected[i] as Uint8Array))) return undefined;

  // with the same seed, fast-check finds the same failure again, and shrinks it
  const isSame = (call: Case): boolean => !differs(call, reference(program, signature.name, [call])[0] as Uint8Array);
  const { counterexample } = fc.check(fc.property(arbitrary, isSame), { numRuns: count, seed });
  const call = counterexample?.[0] ?? (cases.find((each, i) => differs(each, expected[i] as Uint8Array)) as Case);
  return {
    name: signature.name,
    call,
    native: reference(program, signature.name, [call])[0] as Uint8Array,
    wasm: run(instance, signature, call),
  };
}

/** Describes a mismatch: the call, both SQEs, and the members that differ. */
export function describeMismatch({ name, call, native, wasm }: Mismatch): string {
  const shown = (value: unknown): string => (value instanceof Uint8Array ? hex(value) : String(value));
  return [
    `${name}(sqe, ${call.arguments.join(', ')})${call.exact ? ' with bigints' : ''}`,
    `  onto   ${hex(call.base)}`,
    `  native ${hex(native)}`,
    `  wasm   ${hex(wasm)}`,
    ...diff(native, wasm).map(({ name: member, a, b }) => `  ${member}: native ${shown(a)}, wasm ${shown(b)}`),
  ].join('\n');
}
