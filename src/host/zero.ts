/**
 * Zeroes a range of a file on any kernel: by IORING_OP_ZERO where that is known to be the operation, and by FALLOCATE,
 * if the caller allows it, where it is known not to be.
 *
 * No released kernel has IORING_OP_ZERO, and a later one may give its number to another operation, which could damage
 * the caller's file. So before the number is used once, the kernel must name it ZERO, and must refuse what the
 * project's patch refuses.
 */
import { readFileSync } from 'node:fs';
import { invalidValue } from '../checks/errors.js';
import { type SystemError, systemError } from '../checks/system-error.js';
import { EBADF, EINVAL, EOPNOTSUPP, FALLOC_FL_ZERO_RANGE } from '../constants/generated/linux.js';
import { IORING_OP_ZERO, IORING_SETUP_R_DISABLED } from '../constants/generated/uring.js';
import { io_uring, io_uring_cqe, type io_uring_sqe } from '../structs/generated/structs.js';
import { check } from './check.js';
import { functions, memory } from './default.js';

/** The operation that zeroes a range: `zero` is IORING_OP_ZERO, `fallocate` is IORING_OP_FALLOCATE. */
export type ZeroOperation = 'zero' | 'fallocate';

/** Settings of {@link prepZero}: what to do on a kernel without IORING_OP_ZERO. */
export interface ZeroOptions {
  /** Prepare IORING_OP_FALLOCATE with FALLOC_FL_ZERO_RANGE, which does the same. Default: throw. */
  fallback?: 'fallocate';
}

const MARK = 0x5a45524f;

/** Why the kernel has no IORING_OP_ZERO; undefined if it has. */
type Verdict = { has: true } | { has: false; why: string };

/** The verdict is kept: a kernel does not change under a process. */
let verdict: Verdict | undefined;

/**
 * The operation that {@link prepZero} prepares on this kernel. It is IORING_OP_ZERO only if
 *
 * 1. the kernel's probe (`io_uring_get_probe_ring`) has the opcode;
 * 2. the kernel names it ZERO. `/proc/self/fdinfo` names the requests that wait in a ring. A request is put into a
 *    private ring that is disabled (`IORING_SETUP_R_DISABLED`), so that nothing can be submitted, and taken out again;
 * 3. the kernel answers `EBADF` for a file descriptor of -1, and `EINVAL` if `len`, `rw_flags` or `addr3` is not zero,
 *    as the patch does (`io_zero_prep`). These requests have no file that another ZERO could damage.
 *
 * The answer of the first call is kept.
 *
 * @throws a {@link SystemError} with the code `EOPNOTSUPP` if the kernel has no IORING_OP_ZERO and there is no
 *   fallback; and, with or without one, if the kernel has the opcode but cannot be asked for its name, as without
 *   `/proc`. The latter is not kept.
 */
export function zeroOperation(options: ZeroOptions = {}): ZeroOperation {
  const { fallback } = options;
  if (fallback !== undefined && fallback !== 'fallocate') {
    throw invalidValue('fallback', '"fallocate" or undefined', fallback);
  }
  verdict ??= inPrivateRing(judge);
  if (verdict.has) return 'zero';
  if (fallback === 'fallocate') return 'fallocate';
  throw unsupported(`${verdict.why} { fallback: 'fallocate' } does the same by other means.`);
}

/**
 * Prepares a request that zeroes a range of a file, by the operation that {@link zeroOperation} returns. Either way
 * the CQE's `res` is 0 or a negative error number, a range beyond the end of the file extends it, and a file system
 * that cannot zero a range answers `-EOPNOTSUPP`.
 *
 * One difference remains: a ZERO that fails breaks the chain that it is linked into (`IOSQE_IO_LINK`), a FALLOCATE
 * that fails does not, as Linux does not mark it as failed (7.3 and earlier).
 *
 * @param sqe - The SQE, as `io_uring_get_sqe` returns it.
 * @param fd - A file descriptor open for writing, or a registered file's index (then set
 *   `IOSQE_FIXED_FILE` afterwards).
 * @param offset - Where to start, in bytes.
 * @param len - How many bytes, at least 1.
 * @returns what was prepared.
 * @throws what {@link zeroOperation} throws; the SQE is as it was then.
 * @see io_uring_prep_zero(3), io_uring_prep_fallocate(3)
 */
export function prepZero(
  sqe: io_uring_sqe,
  fd: number,
  offset: number | bigint,
  len: number | bigint,
  options: ZeroOptions = {},
): ZeroOperation {
  const operation = zeroOperation(options);
  if (operation === 'zero') functions.io_uring_prep_zero(sqe, fd, offset, len);
  else functions.io_uring_prep_fallocate(sqe, fd, FALLOC_FL_ZERO_RANGE, offset, len);
  return operation;
}

const unsupported = (why: string): SystemError => systemError(-EOPNOTSUPP, 'io_uring_prep_zero', why);

function inPrivateRing<T>(work: (ring: io_uring) => T): T {
  const ring = memory.alloc(io_uring);
  try {
    check(functions.io_uring_queue_init(1, ring, IORING_SETUP_R_DISABLED), 'io_uring_queue_init');
    try {
      return work(ring);
    } finally {
      functions.io_uring_queue_exit(ring);
    }
  } finally {
    memory.free(ring);
  }
}

function judge(ring: io_uring): Verdict {
  if (!isKnown(ring)) return { has: false, why: 'This kernel has no IORING_OP_ZERO.' };
  const name = nameOf(ring);
  if (name !== 'ZERO') {
    return { has: false, why: `This kernel has no IORING_OP_ZERO: opcode ${IORING_OP_ZERO} is ${name} here.` };
  }
  if (!hasOurFields(ring)) {
    return { has: false, why: 'The IORING_OP_ZERO of this kernel has other fields than the one of liburing.' };
  }
  return { has: true };
}

function isKnown(ring: io_uring): boolean {
  const probe = functions.io_uring_get_probe_ring(ring);
  if (probe === null) return false;
  const known = functions.io_uring_opcode_supported(probe, IORING_OP_ZERO) !== 0;
  functions.io_uring_free_probe(probe);
  return known;
}

/** The kernel's name of the opcode, from a request that is in the ring and cannot be submitted. */
function nameOf(ring: io_uring): string {
  const sqe = takeSqe(ring);
  functions.io_uring_prep_zero(sqe, -1, 0, 0);
  functions.io_uring_sqe_set_data64(sqe, MARK);
  functions.io_uring_smp_store_release(ring.sq.ktail, ring.sq.sqe_tail);
  const file = `/proc/self/fdinfo/${ring.ring_fd}`;
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw undecided(`${file} cannot be read`, error);
  } finally {
    // the request that is submitted later does nothing
    functions.io_uring_prep_nop(sqe);
  }
  for (const line of text.split('\n')) {
    const request = /^ *\d+: opcode:(\w+), .*user_data:(\d+)/.exec(line);
    if (request?.[1] !== undefined && Number(request[2]) === MARK) return request[1];
  }
  throw undecided(`${file} does not name the requests of a ring`);
}

function undecided(why: string, cause?: unknown): SystemError {
  const error = unsupported(
    `What opcode ${IORING_OP_ZERO} is on this kernel cannot be told, as ${why}; so it is not tried, nor replaced.`,
  );
  return Object.assign(error, cause === undefined ? {} : { cause });
}

/** Requests without a file. The kernel must refuse each for the reason for which the patch refuses it. */
function hasOurFields(ring: io_uring): boolean {
  check(functions.io_uring_enable_rings(ring), 'io_uring_enable_rings');
  const cqe = memory.allocPointers(io_uring_cqe);
  const answer = (change: (sqe: io_uring_sqe) => void): number => {
    const sqe = takeSqe(ring);
    functions.io_uring_prep_zero(sqe, -1, 0, 0);
    change(sqe);
    return complete(ring);
  };
  const complete = (of: io_uring): number => {
    check(functions.io_uring_submit_and_wait(of, 1), 'io_uring_submit_and_wait');
    check(functions.io_uring_peek_cqe(of, cqe), 'io_uring_peek_cqe');
    const { res } = cqe.value;
    functions.io_uring_cqe_seen(of, cqe.value);
    return res;
  };
  try {
    complete(ring); // the NOP that replaced the named request
    return (
      answer(() => {}) === -EBADF &&
      answer((sqe) => {
        sqe.len = 1;
      }) === -EINVAL &&
      answer((sqe) => {
        sqe.rw_flags = 1;
      }) === -EINVAL &&
      answer((sqe) => {
        sqe.addr3 = 1;
      }) === -EINVAL
    );
  } finally {
    memory.free(cqe);
  }
}

function takeSqe(ring: io_uring): io_uring_sqe {
  const sqe = functions.io_uring_get_sqe(ring);
  if (sqe === null) throw new Error('a ring without SQEs');
  return sqe;
}
