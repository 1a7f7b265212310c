/**
 * The port of liburing's test/poll-ring.c: test poll against ring itself. A buggy kernel will end up having
 * io_wq_* workers pending, as the circular reference will prevent full exit.
 */
import { expect, it } from 'vitest';
import {
  io_uring_peek_cqe,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data,
  io_uring_submit,
} from '../../src/c.js';
import { EAGAIN, POLLIN } from '../../src/linux.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

it('main', () => {
  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, ring.ring_fd, POLLIN);
  io_uring_sqe_set_data(sqe, sqe.address);

  expect(io_uring_submit(ring)).toBe(1);

  // C ends here, with the poll pending or done: it is not refused
  const cqe = newCqe();
  const ret = io_uring_peek_cqe(ring, cqe);
  if (ret === 0) expect(cqe.value.res).toBeGreaterThanOrEqual(0);
  else expect(ret).toBe(-EAGAIN);
  io_uring_queue_exit(ring);
});
