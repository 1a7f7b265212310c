/** The port of liburing's test/cq-full.c: test CQ ring overflow. */
import { expect, it } from 'vitest';
import {
  IORING_FEAT_NODROP,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  memory,
} from '../../src/c.js';
import { EAGAIN } from '../../src/linux.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';

function queue_n_nops(ring: io_uring, n: number): void {
  for (let i = 0; i < n; i++) io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(n);
}

it('main', () => {
  const ring = newRing();
  const p = newParams();
  const cqe = newCqe();
  expect(io_uring_queue_init_params(4, ring, p)).toBe(0);

  queue_n_nops(ring, 4);
  queue_n_nops(ring, 4);
  queue_n_nops(ring, 4);

  let i = 0;
  for (;;) {
    const ret = io_uring_peek_cqe(ring, cqe);
    if (ret === -EAGAIN) break;
    expect(ret).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
    i++;
  }

  expect(i).toBeGreaterThanOrEqual(8);
  if (!(p.features & IORING_FEAT_NODROP)) expect(memory.view.getUint32(ring.cq.koverflow, true)).toBe(4);

  io_uring_queue_exit(ring);
});
