/**
 * The port of liburing's test/cq-peek-batch-mixed.c: test CQ peek-batch on rings setup with
 * IORING_SETUP_CQE_MIXED, where CQEs are variably sized and the kernel may post skip entries to pad the CQ
 * ring at wrap time.
 */
import { expect, it } from 'vitest';
import {
  allocPointers,
  IORING_CQE_F_32,
  IORING_CQE_F_SKIP,
  IORING_NOP_CQE32,
  IORING_SETUP_CQE_MIXED,
  type io_uring,
  io_uring_cq_advance,
  io_uring_cq_ready,
  io_uring_cqe,
  io_uring_cqe_nr,
  io_uring_peek_batch_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { get_sqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

function queue_nops(ring: io_uring, n: number, cqe32: boolean, offset: number): void {
  for (let i = 0; i < n; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = i + offset;
    if (cqe32) {
      sqe.nop_flags = IORING_NOP_CQE32;
      sqe.off = i + offset + 1000;
      sqe.addr = i + offset + 2000;
    }
  }
  expect(io_uring_submit(ring)).toBe(n);
}

function check_cqe(cqe: io_uring_cqe | null, user_data: number, cqe32: boolean): void {
  if (!cqe) throw new Error('no CQE');
  expect(cqe.flags & IORING_CQE_F_SKIP).toBe(0);
  expect(cqe.user_data).toBe(BigInt(user_data));
  expect((cqe.flags & IORING_CQE_F_32) !== 0).toBe(cqe32);
  if (cqe32) expect([cqe.big_cqe[0], cqe.big_cqe[1]]).toEqual([BigInt(user_data + 1000), BigInt(user_data + 2000)]);
}

it('main', () => {
  const ring = newRing();
  const cqes = allocPointers(io_uring_cqe, 16);

  const ret = io_uring_queue_init_params(8, ring, newParams({ flags: IORING_SETUP_CQE_MIXED }));
  if (ret === -EINVAL) skip('no IORING_SETUP_CQE_MIXED');
  expect(ret).toBe(0);

  /* the wrap arithmetic below assumes 16 CQ ring slots */
  expect(ring.cq.ring_entries).toBe(16);

  const CHECK_BATCH = (count: number, expected: number): void =>
    expect(io_uring_peek_batch_cqe(ring, cqes, count)).toBe(expected);

  const advance_cqes = (nr: number): void => {
    let slots = 0;
    for (let i = 0; i < nr; i++) slots += io_uring_cqe_nr(cqes.at(i) as io_uring_cqe);
    io_uring_cq_advance(ring, slots);
  };

  CHECK_BATCH(16, 0);

  /*
   * Mix of 16b and 32b CQEs, 8 slots in total. The batch must return
   * pointers to the CQE starts, not one pointer per slot.
   */
  queue_nops(ring, 2, false, 1);
  queue_nops(ring, 2, true, 3);
  queue_nops(ring, 2, false, 5);

  /* limited count batch, ending on a 32b CQE */
  CHECK_BATCH(3, 3);

  CHECK_BATCH(16, 6);
  for (let i = 0; i < 6; i++) check_cqe(cqes.at(i), i + 1, i === 2 || i === 3);
  advance_cqes(6);

  /*
   * CQ head is now at slot 8 of 16. Consume 3 more plain CQEs to move
   * it to slot 11, then fill slots 11-14 with plain CQEs and post a
   * 32b CQE. That doesn't fit in the single slot left before the ring
   * wraps, so the kernel posts a skip entry in slot 15 and the 32b CQE
   * in slots 0-1. Top it off with a plain CQE in slot 2.
   */
  queue_nops(ring, 3, false, 10);
  CHECK_BATCH(16, 3);
  advance_cqes(3);

  queue_nops(ring, 4, false, 20);
  queue_nops(ring, 1, true, 24);
  queue_nops(ring, 1, false, 25);

  /* the batch must stop at the skip entry in slot 15 */
  CHECK_BATCH(16, 4);
  for (let i = 0; i < 4; i++) check_cqe(cqes.at(i), i + 20, false);
  advance_cqes(4);

  /* skip entry now at the head, must be consumed and not returned */
  CHECK_BATCH(16, 2);
  check_cqe(cqes.at(0), 24, true);
  check_cqe(cqes.at(1), 25, false);
  advance_cqes(2);

  CHECK_BATCH(16, 0);
  expect(io_uring_cq_ready(ring)).toBe(0);

  io_uring_queue_exit(ring);
});
