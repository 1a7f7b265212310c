/**
 * The port of liburing's test/submit-and-wait.c: test that io_uring_submit_and_wait_timeout() returns the
 * right value (submit count) and that it doesn't end up waiting twice.
 */
import { expect, it } from 'vitest';
import { io_uring_cq_ready, io_uring_prep_nop, io_uring_submit_and_wait_timeout } from '../../src/c.js';
import { get_sqe, newCqe, openRing } from './support/rings.js';
import { mtime_since_now, now, timespec } from './support/time.js';

it('test', () => {
  const ring = openRing(8);
  const cqe = newCqe();

  io_uring_prep_nop(get_sqe(ring));

  const tv = now();
  // C accepts any that is not an error
  expect(io_uring_submit_and_wait_timeout(ring, cqe, 2, timespec(1), null)).toBe(1);
  /* should be around 1s; C allows 1.2 */
  const ret = mtime_since_now(tv);
  expect(ret).toBeGreaterThanOrEqual(999);
  expect(ret).toBeLessThan(2000);
  expect(io_uring_cq_ready(ring)).toBe(1);
});
