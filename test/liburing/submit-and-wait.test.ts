/**
 * The port of liburing's test/submit-and-wait.c: test that io_uring_submit_and_wait_timeout() returns the
 * right value (submit count) and that it doesn't end up waiting twice.
 */

import { expect, it } from 'vitest';
import {
  type io_uring,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit_and_wait_timeout,
} from '../../src/index.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { mtime_since_now, now, timespec } from './support/time.js';

function test(ring: io_uring): void {
  const cqe = newCqe();

  io_uring_prep_nop(get_sqe(ring));

  const ts = timespec(1);
  const tv = now();
  // C is content with what is not negative
  expect(io_uring_submit_and_wait_timeout(ring, cqe, 2, ts, null)).toBe(1);
  const ret = mtime_since_now(tv);
  /* allow some slack, should be around 1s; C allows up to 1.2 */
  expect(ret).toBeGreaterThanOrEqual(1000);
  expect(ret).toBeLessThan(1900);
}

it('test_ring', () => {
  const ring = newRing();
  expect(io_uring_queue_init_params(8, ring, newParams())).toBe(0);
  test(ring);
  io_uring_queue_exit(ring);
});
