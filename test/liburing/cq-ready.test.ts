/** The port of liburing's test/cq-ready.c: test CQ ready. */
import { expect, it } from 'vitest';
import {
  type io_uring,
  io_uring_cq_advance,
  io_uring_cq_ready,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { get_sqe, newRing } from './support/rings.js';

function queue_n_nops(ring: io_uring, n: number): void {
  for (let i = 0; i < n; i++) io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(n);
}

it('main', () => {
  const ring = newRing();
  expect(io_uring_queue_init(4, ring, 0)).toBe(0);
  const CHECK_READY = (expected: number): void => expect(io_uring_cq_ready(ring)).toBe(expected);

  CHECK_READY(0);
  queue_n_nops(ring, 4);

  CHECK_READY(4);
  io_uring_cq_advance(ring, 4);
  CHECK_READY(0);
  queue_n_nops(ring, 4);

  CHECK_READY(4);

  io_uring_cq_advance(ring, 1);
  CHECK_READY(3);

  io_uring_cq_advance(ring, 2);
  CHECK_READY(1);

  io_uring_cq_advance(ring, 1);
  CHECK_READY(0);

  io_uring_queue_exit(ring);
});
