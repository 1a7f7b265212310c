/** The port of liburing's test/7ad0e4b2f83c.c: a wait with a timeout leaves none behind for the next one. */

import { expect, it } from 'vitest';
import {
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_timeout,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
  io_uring_wait_cqe_timeout,
} from '../../src/index.js';
import { ETIME } from '../../src/linux.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { mtime_since_now, now, timespec } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();

  expect(io_uring_queue_init(32, ring, 0)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  expect(io_uring_submit(ring)).toBe(1);

  const ts1 = timespec(5);
  expect(io_uring_wait_cqe_timeout(ring, cqe, ts1)).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
  const tv = now();

  const ts2 = timespec(1);
  sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, ts2, 0, 0);
  sqe.user_data = 89;
  expect(io_uring_submit(ring)).toBe(1);

  io_uring_wait_cqe(ring, cqe);
  // C does not look at the completion
  expect(cqe.value.res).toBe(-ETIME);
  expect(cqe.value.user_data).toBe(89n);
  io_uring_cqe_seen(ring, cqe.value);
  const msec = mtime_since_now(tv);
  expect(msec).toBeGreaterThanOrEqual(900);
  // C allows up to 1.1 seconds; what must not be waited for is the other 5
  expect(msec).toBeLessThan(4000);
  io_uring_queue_exit(ring);
});
