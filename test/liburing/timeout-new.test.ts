/**
 * The port of liburing's test/timeout-new.c: tests for getevents timeout. C's two threads wait with
 * io_uring_wait_cqe_timeout(3) on a ring of the main one; here they make the system call that it makes.
 */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_EXT_ARG,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_cq_ready,
  io_uring_cqe_seen,
  io_uring_getevents_arg,
  io_uring_prep_nop,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { ETIME } from '../../src/linux.js';
import { get_sqe, newCqe, openRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';
import { msec_to_ts, mtime_since_now, now, timespec, usleep } from './support/time.js';

const TIMEOUT_MSEC = 200;
const TIMEOUT_SEC = 10;

function test_return_before_timeout(ring: io_uring): void {
  const cqe = newCqe();
  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(1);

  // C's is 200 ms, which a thread of SQPOLL may need to wake up
  expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30))).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
}

function test_return_after_timeout(ring: io_uring): void {
  const cqe = newCqe();
  const tv = now();
  expect(io_uring_wait_cqe_timeout(ring, cqe, msec_to_ts(TIMEOUT_MSEC))).toBe(-ETIME);
  const exp = mtime_since_now(tv);
  expect(exp).toBeGreaterThanOrEqual(TIMEOUT_MSEC / 2);
  // C: half as long again
  expect(exp).toBeLessThan(10 * TIMEOUT_MSEC);
}

function open_ring(flags: number): io_uring {
  const ring = openRing(8, flags);
  if (!(ring.features & IORING_FEAT_EXT_ARG)) skipCase('feature IORING_FEAT_EXT_ARG not supported, skipping.');
  return ring;
}

describe.each([
  { name: 'ring_normal', flags: 0 },
  { name: 'ring_sq', flags: IORING_SETUP_SQPOLL },
])('$name', ({ flags }) => {
  it('test_return_before_timeout', () => test_return_before_timeout(open_ring(flags)));
  it('test_return_after_timeout', () => test_return_after_timeout(open_ring(flags)));
});

/*
 * This is to test issuing a sqe in main thread and reaping it in two child-thread
 * at the same time. To see if timeout feature works or not.
 */
it('test_multi_threads_timeout', () => {
  const ring = open_ring(0);
  const arg = alloc(io_uring_getevents_arg);
  arg.sigmask_sz = 8;
  const ts = timespec(TIMEOUT_SEC);
  arg.ts = ts.address;

  const both_wait = barrier(3);
  const reap_thread_fn = (): Thread =>
    pthread_create(({ syscall, barrier_wait }, { fd, flags, arg, size, both_wait }) => {
      barrier_wait(both_wait);
      return syscall('io_uring_enter', fd, 0, 1, flags, arg, size);
    }, data);
  const data = {
    fd: ring.ring_fd,
    flags: IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
    arg: arg.address,
    size: io_uring_getevents_arg.size,
    both_wait,
  };
  const threads = [reap_thread_fn(), reap_thread_fn()];

  /*
   * make two threads both enter io_uring_wait_cqe_timeout() before issuing the sqe
   * as possible as we can. So that there are two threads in the ctx->wait queue.
   * In this way, we can test if a cqe wakes up two threads at the same time.
   */
  barrier_wait(both_wait);
  usleep(200_000);

  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(1);

  // C accepts -ETIME as well; but the completion is in the CQ ring, and nobody reaps it
  for (const thread of threads) expect(pthread_join(thread)).toBe(0);
  expect(io_uring_cq_ready(ring)).toBe(1);
});
