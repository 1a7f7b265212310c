/** The port of liburing's test/nop.c: run various nop tests. */
import { describe, expect, it } from 'vitest';
import {
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_CQE32,
  IOSQE_ASYNC,
  IOSQE_IO_DRAIN,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EFAULT, EINVAL } from '../../src/linux.js';
import { io_uring_test_configs } from './support/configs.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skipSilently } from './support/skip.js';

let seq = 0;

function test_nop_inject(ring: io_uring, req_flags: number): void {
  const cqe = newCqe();

  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = ++seq;
  sqe.nop_flags = IORING_NOP_INJECT_RESULT;
  sqe.flags |= req_flags;
  sqe.len = -EFAULT >>> 0;

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect([-EINVAL, -EFAULT]).toContain(cqe.value.res);
  io_uring_cqe_seen(ring, cqe.value);
}

function test_single_nop(ring: io_uring, req_flags: number): void {
  const cqe = newCqe();
  const cqe32 = ring.flags & IORING_SETUP_CQE32;

  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = ++seq;
  sqe.flags |= req_flags;

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.user_data).toBe(BigInt(seq));
  if (cqe32) expect([...cqe.value.big_cqe]).toEqual([0n, 0n]);
  io_uring_cqe_seen(ring, cqe.value);
}

function test_barrier_nop(ring: io_uring, req_flags: number): void {
  const cqe = newCqe();
  const cqe32 = ring.flags & IORING_SETUP_CQE32;

  for (let i = 0; i < 8; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    if (i === 4) sqe.flags = IOSQE_IO_DRAIN;
    sqe.user_data = ++seq;
    sqe.flags |= req_flags;
  }

  expect(io_uring_submit(ring)).toBe(8);

  for (let i = 0; i < 8; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.user_data).not.toBe(0n);
    if (cqe32) expect([...cqe.value.big_cqe]).toEqual([0n, 0n]);
    io_uring_cqe_seen(ring, cqe.value);
  }
}

describe.each(io_uring_test_configs)('test_ring: $description', ({ flags }) => {
  const ring = newRing();

  const set_up = (): void => {
    const ret = io_uring_queue_init_params(8, ring, newParams({ flags }));
    if (ret === -EINVAL) skipSilently('no rings of this kind');
    expect(ret).toBe(0);
  };

  it('test_single_nop, test_barrier_nop', () => {
    set_up();
    for (let i = 0; i < 1000; i++) {
      const req_flags = i & 1 ? IOSQE_ASYNC : 0;
      test_single_nop(ring, req_flags);
      test_barrier_nop(ring, req_flags);
    }
    io_uring_queue_exit(ring);
  });

  it('test_nop_inject', () => {
    set_up();
    for (let i = 0; i < 1000; i++) test_nop_inject(ring, i & 1 ? IOSQE_ASYNC : 0);
    io_uring_queue_exit(ring);
  });
});
