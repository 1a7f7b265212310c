/**
 * Errors of the caller's making. Each is thrown, or rejects a promise, before anything is written or submitted.
 * The `code` tells the kinds apart, with Node's codes where Node has one.
 */
import { nearest } from './nearest.js';

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return typeof value.constructor === 'function' ? value.constructor.name : 'an object';
}

function withCode<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}

/**
 * A value of the wrong type: `ERR_INVALID_ARG_TYPE`.
 *
 * @param description - What the message calls the value.
 */
export function invalidType(
  name: string,
  expected: string,
  value: unknown,
  description: string = describe(value),
): TypeError {
  return withCode(new TypeError(`${name} must be ${expected}, not ${description}`), 'ERR_INVALID_ARG_TYPE');
}

/** A value of the right type that cannot be used: `ERR_INVALID_ARG_VALUE`. */
export function invalidValue(
  name: string,
  expected: string,
  value: unknown,
  description: string = describe(value),
): TypeError {
  return withCode(new TypeError(`${name} must be ${expected}, not ${description}`), 'ERR_INVALID_ARG_VALUE');
}

/** A number that must satisfy a rule, such as being a power of two: the code says whether it is a number at all. */
export function invalidNumber(name: string, expected: string, value: unknown): TypeError {
  return (typeof value === 'number' ? invalidValue : invalidType)(name, expected, value);
}

/** An object in a state that forbids the call, such as a closed ring or a freed struct: `ERR_INVALID_STATE`. */
export function invalidState(name: string, expected: string, state: string): TypeError {
  return withCode(new TypeError(`${name} must be ${expected}, not ${state}`), 'ERR_INVALID_STATE');
}

/** A number that C's type, or the memory behind a pointer, has no room for: `ERR_OUT_OF_RANGE`. */
export function outOfRange(message: string): RangeError {
  return withCode(new RangeError(message), 'ERR_OUT_OF_RANGE');
}

/** A member of an options object that the function does not know: `ERR_UNKNOWN_OPTION`. */
export function unknownOption(option: string, known: Iterable<string>, of: string): TypeError {
  const list = [...known];
  const similar = nearest(option, list);
  const hint = similar === undefined ? '' : `; do you mean ${similar}?`;
  const all = list.length === 0 ? 'it takes none' : `it takes ${list.join(', ')}`;
  return withCode(new TypeError(`${of} has no option ${option}${hint} (${all})`), 'ERR_UNKNOWN_OPTION');
}

/** Throws for a value that is no options object, and for a member that is not among the known ones. */
export function checkOptions(options: object, known: ReadonlySet<string>, of: string): void {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  for (const option in options) if (!known.has(option)) throw unknownOption(option, known, of);
}
