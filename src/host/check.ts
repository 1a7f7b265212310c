/** Turns a negative result of C into an exception, with advice for a ring that could not be set up. */
import { readFileSync } from 'node:fs';
import { systemError } from '../checks/system-error.js';
import { EINVAL, ENOMEM, ENOSYS, EPERM } from '../constants/generated/linux.js';

function whyForbidden(): string {
  let disabled = '';
  try {
    disabled = readFileSync('/proc/sys/kernel/io_uring_disabled', 'utf8').trim();
  } catch {
    // kernels before 6.6 do not have the setting
  }
  if (disabled === '1' || disabled === '2') {
    return `The setting kernel.io_uring_disabled is ${disabled}; root can allow io_uring with "sysctl kernel.io_uring_disabled=0".`;
  }
  return 'A seccomp filter, such as the default one of containers, forbids io_uring; run with one that allows it.';
}

/** What can be done about a ring that could not be set up. */
function adviceOnSetup(errno: number): string | undefined {
  switch (-errno) {
    case EPERM:
      return whyForbidden();
    case ENOSYS:
      return 'This kernel is older than 5.1, built without io_uring, or a filter hides it.';
    case ENOMEM:
      return 'Ask for fewer entries, a larger windowSize, or raise the limit of locked memory (ulimit -l).';
    case EINVAL:
      return 'Entries go from 1 to 32768, and flags have to be known to this kernel and to fit together.';
    default:
      return undefined;
  }
}

/**
 * Throws if a result is an error, and returns it otherwise.
 *
 * ```ts
 * check(io_uring_queue_init(8, ring, 0), 'io_uring_queue_init');
 * ```
 *
 * @param result - What a liburing function returned, or a CQE's `res`: negative for an error.
 * @param syscall - What returned it, such as `io_uring_queue_init`, for the error's `syscall`.
 * @throws a {@link SystemError} with `code`, `errno` and `syscall`.
 */
export function check(result: number, syscall: string): number {
  if (result >= 0) return result;
  const isSetup = /^io_uring_(setup|queue_init)/.test(syscall);
  throw systemError(result, syscall, isSetup ? adviceOnSetup(result) : undefined);
}
