/** The port of liburing's test/cq-peek-batch.c: test CQ peek-batch. */
import { expect, it } from 'vitest';
import {
  allocPointers,
  type io_uring,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_peek_batch_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { get_sqe, newRing } from './support/rings.js';

function queue_n_nops(ring: io_uring, n: number, offset: number): void {
  for (let i = 0; i < n; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = i + offset;
  }
  expect(io_uring_submit(ring)).toBe(n);
}

it('main', () => {
  const cqes = allocPointers(io_uring_cqe, 8);
  const ring = newRing();
  expect(io_uring_queue_init(4, ring, 0)).toBe(0);
  const CHECK_BATCH = (count: number, expected: number): void =>
    expect(io_uring_peek_batch_cqe(ring, cqes, count)).toBe(expected);

  CHECK_BATCH(4, 0);
  queue_n_nops(ring, 4, 0);

  CHECK_BATCH(4, 4);
  for (let i = 0; i < 4; i++) expect(cqes.at(i)?.user_data).toBe(BigInt(i));

  queue_n_nops(ring, 4, 4);

  io_uring_cq_advance(ring, 4);
  CHECK_BATCH(4, 4);
  for (let i = 0; i < 4; i++) expect(cqes.at(i)?.user_data).toBe(BigInt(i + 4));

  io_uring_cq_advance(ring, 8);
  io_uring_queue_exit(ring);
});
