/** The port of liburing's test/nop32-overflow.c: NOPs with small and large CQEs that overflow the ring. */
import { expect, it } from 'vitest';
import {
  IORING_CQE_F_32,
  IORING_CQE_F_SKIP,
  IORING_NOP_CQE32,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQSIZE,
  io_uring_cq_advance,
  io_uring_cqe_nr,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

it('test_ring(IORING_SETUP_CQE_MIXED)', () => {
  const ring = newRing();
  const cqe = newCqe();
  let seq = 0;

  const p = newParams({ flags: IORING_SETUP_CQE_MIXED | IORING_SETUP_CQSIZE, cq_entries: 8 });
  const ret = io_uring_queue_init_params(8, ring, p);
  if (ret === -EINVAL) skip('no IORING_SETUP_CQE_MIXED');
  expect(ret).toBe(0);

  /*
   * Prep 8 NOP requests, with the first being a 16b one to
   * unalign the ring. The 4 latter ones will hit overflow,
   * and after the first 4 we should see a SKIP cqe.
   */
  for (let i = 0; i < 8; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    if (i) sqe.nop_flags = IORING_NOP_CQE32;
    sqe.user_data = ++seq;
  }
  io_uring_submit(ring);

  /*
   * Should find the following CQEs:
   *
   * 1: 16b with ud 1
   * 2: 32b with ud 2
   * 3: 32b with ud 3
   * 4: 32b with ud 4
   * 5: 16b skip CQE
   *
   * And then we should have overflow pending to flush the rest
   */
  let i = 0;
  let cqe_nr = 0;
  for (const found of io_uring_for_each_cqe(ring)) {
    switch (i) {
      case 0:
        expect(found.user_data).toBe(1n);
        expect(found.flags & IORING_CQE_F_32).toBe(0);
        break;
      case 1:
      case 2:
      case 3:
        expect(found.user_data).toBe(BigInt(i + 1));
        expect(found.flags & IORING_CQE_F_32).not.toBe(0);
        break;
      case 4:
        expect(found.flags & IORING_CQE_F_SKIP).not.toBe(0);
        break;
      default:
        expect.fail('Bogus CQE');
    }
    i++;
    cqe_nr += io_uring_cqe_nr(found);
  }
  expect(i).toBe(5);
  io_uring_cq_advance(ring, cqe_nr);

  /*
   * This should flush overflow, and we should see:
   *
   * 1: 32b with ud 5
   * 2: 32b with ud 6
   * 3: 32b with ud 7
   * 4: 32b with ud 8
   */
  for (i = 0; i < 4; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.user_data).toBe(BigInt(i + 5));
    expect(cqe.value.flags & IORING_CQE_F_32).not.toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
  }
  io_uring_queue_exit(ring);
});
