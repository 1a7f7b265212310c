/** Errors of system calls and of io_uring requests, in the form that Node gives its own. */
import { errno as errnoTable } from '../constants/generated/errno.js';

/** What is known about a failed call beside its error number. */
export interface SystemErrorDetails {
  /** A sentence on what to do about it, appended to the message. */
  readonly advice?: string | undefined;
  /** The path that the call was given, if it took one. */
  readonly path?: string | undefined;
  /** The second path, of calls that take two. */
  readonly dest?: string | undefined;
  /** The file descriptor that the call was given, if it took one. */
  readonly fd?: number | undefined;
}

/**
 * An error of a system call, of a liburing function or of a request. The message is Node's: `ENOENT: no such
 * file or directory, openat '/nope'`.
 *
 * ```ts
 * try {
 *   await ring.openat(AT_FDCWD, '/nope', O_RDONLY);
 * } catch (error) {
 *   if (error instanceof SystemError && error.code === 'ENOENT') console.log(error.path);
 * }
 * ```
 *
 * @see errno(3)
 */
export class SystemError extends Error {
  /** The error's name in C, such as `ENOSYS`. */
  readonly code: string;
  /** The error's number, negative as in Node and in a CQE's `res`. */
  readonly errno: number;
  /** What failed: a system call, a liburing function, or the operation of a request, such as `openat`. */
  readonly syscall: string;
  /** The path that the operation was given; not there if it took none. */
  declare readonly path?: string;
  /** The second path, of operations that take two, such as `renameat`; not there for others. */
  declare readonly dest?: string;
  /** The file descriptor that the operation was given; not there if it took none, or a direct descriptor. */
  declare readonly fd?: number;

  /**
   * @param errno - The negative error number, such as a CQE's `res` or the result of a liburing function.
   * @param syscall - What failed.
   */
  constructor(errno: number, syscall: string, details: SystemErrorDetails = {}) {
    const known = errnoTable.get(-errno);
    const code = known?.code ?? `E${-errno}`;
    const { advice, path, dest, fd } = details;
    const paths = `${path === undefined ? '' : ` '${path}'`}${dest === undefined ? '' : ` -> '${dest}'`}`;
    const sentence = advice === undefined ? '' : `. ${advice}`;
    super(`${code}: ${known?.text ?? 'unknown error'}, ${syscall}${paths}${sentence}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    if (path !== undefined) this.path = path;
    if (dest !== undefined) this.dest = dest;
    if (fd !== undefined) this.fd = fd;
  }
}

/** Shorthand for `new SystemError(…)`. */
export const systemError = (errno: number, syscall: string, advice?: string): SystemError =>
  new SystemError(errno, syscall, { advice });
