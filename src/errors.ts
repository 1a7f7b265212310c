/** Errors that look like Node's own, and what to do about the common ones. */
import { errno as errnoTable } from './generated/errno.js';

/** An error of a system call or of io_uring, with the properties of Node's system errors. */
export interface SystemError extends Error {
  /** The error's name in C, such as `ENOSYS`. */
  code: string;
  /** The error's number, negative as in Node and in a CQE's `res`. */
  errno: number;
  /** The system call or liburing function that failed, such as `io_uring_setup`. */
  syscall: string;
}

/**
 * Makes the Error for a negative result, as Node makes it for a system call: `code`, `errno`,
 * `syscall` and the message `CODE: sentence, syscall`.
 *
 * @param result - Negative error number, such as a CQE's `res` or what a liburing function returned.
 * @param syscall - What failed; becomes the `syscall` property.
 * @param advice - A sentence on what to do about it, appended to the message.
 */
export function systemError(result: number, syscall: string, advice?: string): SystemError {
  const known = errnoTable.get(-result);
  const code = known?.code ?? `E${-result}`;
  const text = known?.text ?? 'unknown error';
  const message = `${code}: ${text}, ${syscall}${advice ? `. ${advice}` : ''}`;
  return Object.assign(new Error(message), { code, errno: result, syscall });
}

/** A wrong argument: nothing was written or submitted. */
export function argumentError(name: string, expected: string, value: unknown): TypeError {
  return stateError(name, expected, described(value));
}

/** A wrong argument, of which more is to be said than what it is: that it has been freed, for instance. */
export function stateError(name: string, expected: string, state: string): TypeError {
  const error = new TypeError(`${name} must be ${expected}, not ${state}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

function described(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return typeof value.constructor === 'function' ? value.constructor.name : 'an object';
}

/** A number or a size that C's type or the memory behind it has no room for. */
export function rangeError(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}
