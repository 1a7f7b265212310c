/** The port of liburing's test/7ad0e4b2f83c.c: a timeout after a wait with a longer one is not cut short, nor drawn out. */
import { expect, it } from 'vitest';
import {
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_timeout,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { ETIME } from '../../src/linux.js';
import { get_sqe, newCqe, openRing, waited } from './support/rings.js';
import { mtime_since_now, now, timespec } from './support/time.js';

it('main', () => {
  const ring = openRing(32);
  const cqe = newCqe();

  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(5))).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
  const tv = now();

  const sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(1), 0, 0);
  sqe.user_data = 89;
  expect(io_uring_submit(ring)).toBe(1);

  // C does not check the completion
  expect(waited(ring, cqe)).toMatchObject({ user_data: 89n, res: -ETIME });
  io_uring_cqe_seen(ring, cqe.value);
  const msec = mtime_since_now(tv);
  expect(msec).toBeGreaterThanOrEqual(900);
  // C: 1100; what would be wrong are five seconds
  expect(msec).toBeLessThan(4000);
});
