/** Calls of prep functions as data: a name and arguments, for tools and tables. */
import { outOfRange } from '../checks/errors.js';
import { nearest } from '../checks/nearest.js';
import type { Functions } from '../liburing/generated/functions.js';
import type { Memory } from '../memory/memory.js';
import { io_uring_sqe } from '../structs/generated/structs.js';
import { type CParameter, type CSignature, signatures } from './generated/signatures.js';

/** Arguments by their names in C, without the SQE. Pointers are addresses. */
export type CallArguments = Readonly<Record<string, number | bigint | boolean>>;

/** A call that cannot be made. */
export class CallError extends TypeError {
  /** The kind of mistake. */
  readonly code: 'ERR_UNKNOWN_FUNCTION' | 'ERR_UNKNOWN_ARGUMENT' | 'ERR_MISSING_ARGUMENT' | 'ERR_INVALID_ARG_TYPE';
  /** The wrong argument, if it is one. */
  readonly argument: string | undefined;

  constructor(code: CallError['code'], message: string, argument?: string) {
    super(message);
    this.name = 'CallError';
    this.code = code;
    this.argument = argument;
  }
}

/** The functions that write an SQE: prep functions and setters, by name. */
export const encoders: ReadonlyMap<string, CSignature> = new Map(
  signatures
    .filter(({ result, parameters }) => result === 'void' && parameters.some(({ name }) => name === 'sqe'))
    .map((signature) => [signature.name, signature]),
);

/** The signature of a function that writes an SQE. @throws a CallError with the nearest name. */
export function encoderNamed(name: string): CSignature {
  const signature = encoders.get(name);
  if (signature) return signature;
  const candidates = [...encoders.keys(), ...[...encoders.keys()].map((each) => each.replace('io_uring_prep_', ''))];
  const similar = nearest(name, candidates) ?? '';
  const known = encoders.has(similar) ? similar : `io_uring_prep_${similar}`;
  throw new CallError('ERR_UNKNOWN_FUNCTION', `there is no function ${name}; do you mean ${known}?`);
}

/** The integer for a parameter. It is never wrapped. */
function checkValue(
  { name, c, kind, bits = 64, signed = false }: CParameter,
  value: unknown,
): number | bigint | boolean {
  if (typeof value === 'boolean' && /\bbool\b/.test(c)) return value;
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    const what = typeof value === 'number' ? `${value}, which is no safe integer: give a bigint` : String(value);
    throw new CallError('ERR_INVALID_ARG_TYPE', `${name} has to be an integer, not ${what}`, name);
  }
  const exact = BigInt(value as number | bigint);
  // the bindings take pointers and sizes as numbers only
  const isNumber = kind === 'pointer' || c === 'size_t';
  const width = BigInt(isNumber ? 53 : bits);
  const [low, high] = signed ? [-(1n << (width - 1n)), (1n << (width - 1n)) - 1n] : [0n, (1n << width) - 1n];
  if (exact < low || exact > high) {
    const wrapped = exact < 0n && -exact <= 1n << (width - 1n) && !isNumber ? exact + (1n << width) : undefined;
    const hint = wrapped === undefined ? '' : `; what C makes of it is ${wrapped}`;
    const type = kind === 'pointer' ? 'an address' : isNumber ? 'a size' : `C's ${c}`;
    throw Object.assign(outOfRange(`${name} is ${exact}, and ${type} goes from ${low} to ${high}${hint}`), {
      argument: name,
    });
  }
  return isNumber || bits < 64 ? Number(exact) : exact;
}

/** Makes `encode` for an instance. */
export function makeEncode(functions: Functions, memory: Memory): Encode {
  return (name, args, base) => {
    const { parameters, sqeSize } = encoderNamed(name);
    const wanted = parameters.filter((parameter) => parameter.name !== 'sqe');
    for (const given of Object.keys(args)) {
      if (wanted.some((parameter) => parameter.name === given)) continue;
      const list = wanted.map((parameter) => parameter.name).join(', ') || 'none';
      throw new CallError('ERR_UNKNOWN_ARGUMENT', `${name} has no argument ${given}; it has ${list}`, given);
    }
    const values = parameters.map((parameter) => {
      if (parameter.name === 'sqe') return null;
      if (!Object.hasOwn(args, parameter.name)) {
        const message = `${name} lacks its argument ${parameter.name} (${parameter.c})`;
        throw new CallError('ERR_MISSING_ARGUMENT', message, parameter.name);
      }
      return checkValue(parameter, args[parameter.name]);
    });
    const size = base?.length ?? sqeSize;
    if (size !== 64 && size !== 128) throw outOfRange(`an SQE has 64 or 128 bytes, not ${size}`);
    const sqes = memory.alloc(io_uring_sqe, 2);
    try {
      const bytes = memory.bytes.subarray(sqes.address, sqes.address + size);
      if (base) bytes.set(base);
      const call = functions[name as keyof Functions] as (...list: unknown[]) => void;
      call(...values.map((value) => value ?? sqes.at(0)));
      return bytes.slice();
    } finally {
      memory.free(sqes);
    }
  };
}

/**
 * The bytes that a prep function or setter writes.
 *
 * @param name - The function, such as `io_uring_prep_read`.
 * @param args - Its arguments by name, all of them, in the range of their C types.
 * @param base - The SQE that it writes to; zeroes by default.
 * @returns 64 bytes, or 128 for the functions of big SQEs and for a base of 128.
 * @throws a {@link CallError} for a wrong name or argument, a RangeError for a number out of range.
 */
export type Encode = (name: string, args: CallArguments, base?: Uint8Array) => Uint8Array;
