/** The port of liburing's test/b5837bd5311d.c: check to see if wait_nr is being honored. */
import { expect, it } from 'vitest';
import {
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_timeout,
  io_uring_submit,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { ETIME } from '../../src/linux.js';
import { get_sqe, newCqe, openRing } from './support/rings.js';
import { timespec } from './support/time.js';

it('main', () => {
  const ring = openRing(4);
  const cqe = newCqe();

  /*
   * First, submit the timeout sqe so we can actually finish the test
   * if everything is in working order.
   */
  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(0, 10000000), 0xffffffff, 0);
  sqe.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);

  /*
   * Next, submit a nop and wait for two events. If everything is working
   * as it should, we should be waiting for more than a millisecond and we
   * should see two cqes. Otherwise, execution continues immediately
   * and we see only one cqe.
   */
  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 2;

  expect(io_uring_submit_and_wait(ring, 2)).toBe(1);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
  // C does not check the completion
  const first = { user_data: cqe.value.user_data, res: cqe.value.res };
  io_uring_cqe_seen(ring, cqe.value);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
  const second = { user_data: cqe.value.user_data, res: cqe.value.res };
  io_uring_cqe_seen(ring, cqe.value);

  // on a busy machine the 10 ms may be over before the nop
  expect([first, second]).toContainEqual({ user_data: 1n, res: -ETIME });
  expect([first, second]).toContainEqual({ user_data: 2n, res: 0 });
});
