/**
 * The port of liburing's test/single-issuer.c: which task may submit to a ring with IORING_SETUP_SINGLE_ISSUER.
 * C's second task is a forked process; here it is a thread, which enters the kernel for what the test has prepared.
 */
import { expect, it } from 'vitest';
import {
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_enable_rings,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_ring_fd,
  io_uring_submit,
} from '../../src/c.js';
import { EEXIST, EINVAL } from '../../src/linux.js';
import { atEnd } from './support/clean.js';
import { __io_uring_flush_sq, get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { pthread_create, pthread_join } from './support/thread.js';

function prepare(ring: io_uring): void {
  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 42;
}

function check_cqe(ring: io_uring): void {
  const cqe = newCqe();
  expect(waited(ring, cqe)).toMatchObject({ res: 0, user_data: 42n });
  io_uring_cqe_seen(ring, cqe.value);
}

function try_submit(ring: io_uring): void {
  prepare(ring);
  expect(io_uring_submit(ring)).toBe(1);
  check_cqe(ring);
}

/** The other task's try_submit, after io_uring_enable_rings(3) if it is asked to: what the kernel says. */
function other_submits(ring: io_uring, enable = false): number {
  prepare(ring);
  // SQPOLL's thread may have taken it at once
  expect(ring.flags & IORING_SETUP_SQPOLL ? [0, 1] : [1]).toContain(__io_uring_flush_sq(ring));
  const thread = pthread_create(
    ({ syscall }, { fd, enable, IORING_REGISTER_ENABLE_RINGS }) => {
      if (enable && syscall('io_uring_register', fd, IORING_REGISTER_ENABLE_RINGS, 0, 0) !== 0) return -1000;
      return syscall('io_uring_enter', fd, 1, 0, 0, 0, 0);
    },
    { fd: ring.ring_fd, enable, IORING_REGISTER_ENABLE_RINGS },
  );
  const ret = pthread_join(thread);
  if (ret === 1) check_cqe(ring);
  return ret;
}

function init(flags: number): io_uring {
  const ring = newRing();
  const ret = io_uring_queue_init(8, ring, flags);
  if (ret === -EINVAL) skip('no IORING_SETUP_SINGLE_ISSUER');
  expect(ret).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  return ring;
}

it('1: the creator is allowed to submit, a second submitter does not succeed', () => {
  const ring = init(IORING_SETUP_SINGLE_ISSUER);
  try_submit(ring);
  expect(other_submits(ring)).toBe(-EEXIST);
});

it('2: the first submitter but not creator can submit', () => {
  const ring = init(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED);
  expect(other_submits(ring, true)).toBe(1);
});

it('3: only the first enabler can submit', () => {
  const ring = init(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED);
  expect(io_uring_enable_rings(ring)).toBe(0);
  expect(other_submits(ring)).toBe(-EEXIST);
});

it('4: anyone can submit to a SQPOLL|SINGLE_ISSUER ring', () => {
  const ring = init(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SQPOLL);
  try_submit(ring);
  expect(other_submits(ring)).toBe(1);
});

it("5: IORING_ENTER_REGISTERED_RING doesn't break anything", () => {
  const ring = init(IORING_SETUP_SINGLE_ISSUER);
  // C does not register the ring
  expect(io_uring_register_ring_fd(ring)).toBe(1);
  expect(other_submits(ring)).toBe(-EEXIST);
});
