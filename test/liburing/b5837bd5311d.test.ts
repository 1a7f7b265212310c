/** The port of liburing's test/b5837bd5311d.c: check to see if wait_nr is being honored. */

import { expect, it } from 'vitest';
import {
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_timeout,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_submit_and_wait,
} from '../../src/index.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { timespec } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const ts = timespec(0, 10000000);

  expect(io_uring_queue_init(4, ring, 0)).toBe(0);

  /*
   * First, submit the timeout sqe so we can actually finish the test
   * if everything is in working order.
   */
  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, ts, 0xffffffff, 0);

  expect(io_uring_submit(ring)).toBe(1);

  /*
   * Next, submit a nop and wait for two events. If everything is working
   * as it should, we should be waiting for more than a millisecond and we
   * should see two cqes. Otherwise, execution continues immediately
   * and we see only one cqe.
   */
  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);

  expect(io_uring_submit_and_wait(ring, 2)).toBe(1);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);

  io_uring_queue_exit(ring);
});
