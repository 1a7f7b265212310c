/**
 * The port of liburing's test/defer.c: links, drains and linked timeouts that are deferred. Without
 * test_overflow_hung, which is for kernels that drop completions, before 5.5.
 */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SQPOLL,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_prep_link_timeout,
  io_uring_prep_nop,
  io_uring_prep_remove_buffers,
  io_uring_prep_timeout,
  io_uring_queue_exit,
  type io_uring_sqe,
  io_uring_submit,
  memory,
} from '../../src/c.js';
import { ECANCELED, ENOENT, ETIME } from '../../src/linux.js';
import { atEnd } from './support/clean.js';
import {
  type Completion,
  get_sqe,
  newRing,
  next,
  openRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring,
} from './support/rings.js';
import { skip } from './support/skip.js';
import { timespec } from './support/time.js';

const RING_SIZE = 128;

type Prep = (sqe: io_uring_sqe, index: number) => void;

/** C's init_context: a number of SQEs, each with its index. */
function init_context(ring: io_uring, nr: number, prep: Prep): void {
  for (let i = 0; i < nr; i++) {
    const sqe = get_sqe(ring);
    prep(sqe, i);
    sqe.user_data = i;
  }
}

function submit_and_wait_cqes(ring: io_uring, nr: number): Completion[] {
  expect(io_uring_submit(ring)).toBe(nr);
  return Array.from({ length: nr }, () => next(ring));
}

it('test_canceled_userdata', () => {
  const ring = openRing(RING_SIZE, IORING_SETUP_IOPOLL);
  const nr = 100;
  init_context(ring, nr, (sqe, i) => {
    io_uring_prep_nop(sqe);
    if (i < nr - 1) sqe.flags |= IOSQE_IO_LINK;
  });

  const cqes = submit_and_wait_cqes(ring, nr);
  // C does not check the results
  expect(cqes).toMatchObject(Array.from({ length: nr }, (_, i) => ({ user_data: BigInt(i), res: 0 })));
});

function run_drained(ring: io_uring, nr: number): void {
  init_context(ring, nr, (sqe) => {
    io_uring_prep_nop(sqe);
    sqe.flags |= IOSQE_IO_DRAIN;
  });
  // C does not check the completion
  expect(submit_and_wait_cqes(ring, nr)).toMatchObject(
    Array.from({ length: nr }, (_, i) => ({ user_data: BigInt(i), res: 0 })),
  );
}

it('test_dropped_hung', () => {
  const ring = openRing(RING_SIZE);
  memory.view.setUint32(ring.sq.kdropped, 1000, true);
  run_drained(ring, 10);
});

it('test_drain_with_linked_timeout', () => {
  const ring = openRing(RING_SIZE);
  const nr = 3;
  // C's is a second
  const ts = timespec(0, 200_000_000);
  init_context(ring, nr * 2, (sqe, i) => {
    if (i % 2 === 0) {
      io_uring_prep_timeout(sqe, ts, 0, 0);
      sqe.flags |= IOSQE_IO_LINK | IOSQE_IO_DRAIN;
    } else {
      io_uring_prep_link_timeout(sqe, ts, 0);
    }
  });

  const cqes = submit_and_wait_cqes(ring, nr * 2);
  // C does not check the completion: each timeout waits for the ones before it
  expect(cqes.map(({ user_data }) => Number(user_data) >> 1)).toEqual([0, 0, 1, 1, 2, 2]);
  // its own time, or that of its linked timeout, is first
  for (const { user_data, res } of cqes) if (user_data % 2n === 0n) expect([-ETIME, -ECANCELED]).toContain(res);
});

it('test_thread_link_cancel', () => {
  const ring = newRing();
  const ret = t_create_ring(RING_SIZE, ring, IORING_SETUP_SQPOLL | IORING_SETUP_IOPOLL);
  if (ret === T_SETUP_SKIP) skip('no such ring');
  expect(ret).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));
  const nr = 100;
  init_context(ring, nr, (sqe, i) => {
    io_uring_prep_remove_buffers(sqe, 10, 1);
    if (i < nr - 1) sqe.flags |= IOSQE_IO_LINK;
  });

  const cqes = submit_and_wait_cqes(ring, nr);
  expect(cqes.map(({ res }) => res)).toEqual(Array.from(cqes, (_, i) => (i === 0 ? -ENOENT : -ECANCELED)));
});
