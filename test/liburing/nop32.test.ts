/** The port of liburing's test/nop32.c: run various nop tests. */

import { expect, it } from 'vitest';
import {
  IORING_CQE_F_32,
  IORING_NOP_CQE32,
  IORING_SETUP_CQE_MIXED,
  type io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
  memory,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

let seq = 0;
let extra1 = 100;
let extra2 = 200;
let want_extra1 = 100n;
let want_extra2 = 200n;

function test_single_nop(ring: io_uring, req_flags: number, cqe32: boolean): void {
  const cqe = newCqe();

  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = ++seq;
  sqe.flags |= req_flags;
  if (cqe32) {
    sqe.nop_flags = IORING_NOP_CQE32;
    sqe.off = extra1++;
    sqe.addr = extra2++;
  }

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.user_data).toBe(BigInt(seq));
  expect(cqe.value.flags & IORING_CQE_F_32).toBe(cqe32 ? IORING_CQE_F_32 : 0);
  if (cqe32) {
    expect(memory.view.getBigUint64(cqe.value.address + io_uring_cqe.size, true)).toBe(want_extra1);
    want_extra1++;
    expect(memory.view.getBigUint64(cqe.value.address + io_uring_cqe.size + 8, true)).toBe(want_extra2);
    want_extra2++;
  }
  io_uring_cqe_seen(ring, cqe.value);
}

it('test_ring(IORING_SETUP_CQE_MIXED)', () => {
  const ring = newRing();
  const ret = io_uring_queue_init_params(8, ring, newParams({ flags: IORING_SETUP_CQE_MIXED }));
  if (ret === -EINVAL) skip('no IORING_SETUP_CQE_MIXED');
  expect(ret).toBe(0);

  test_single_nop(ring, 0, false);

  for (let i = 0; i < 16; i++) test_single_nop(ring, 0, true);
  io_uring_queue_exit(ring);
});
