/**
 * The port of liburing's test/large-resize.c: test ring resizing with fixed large sqes/cqes, and with mixed
 * mode sqes/cqes.
 */

import { expect, it } from 'vitest';
import {
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_resize_rings,
  io_uring_smp_load_acquire,
  type io_uring_sqe,
  io_uring_submit,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { bytesAt } from './support/buffers.js';
import { __io_uring_flush_sq, get_sqe, newCqe, newParams, newRing, next } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';

const DEFER = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;

function prepare(ring: io_uring, user_data: bigint): io_uring_sqe {
  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = user_data;
  return sqe;
}

/** C counts on the completions' order. */
function reap(ring: io_uring, expected: bigint[]): void {
  expect(expected.map(() => next(ring).user_data)).toEqual(expected);
}

const resize = (ring: io_uring, sq_entries: number, cq_entries: number, flags: number): number =>
  io_uring_resize_rings(ring, newParams({ sq_entries, cq_entries, flags }));

it('test_cqe32_resize', () => {
  const ring = newRing();
  const p = newParams({ flags: IORING_SETUP_CQE32 | DEFER, sq_entries: 8, cq_entries: 8 });
  let ret = io_uring_queue_init_params(8, ring, p);
  if (ret === -EINVAL) skip('no such ring');
  expect(ret).toBe(0);

  const expected = [0n, 1n, 2n, 3n].map((i) => 0xaaaa0000n + i);
  for (const user_data of expected) prepare(ring, user_data);
  expect(io_uring_submit(ring)).toBe(4);

  /* Resize the ring */
  ret = resize(ring, 8, 16, IORING_SETUP_CQSIZE);
  if (ret === -EINVAL) skip('no resize of such rings');
  expect(ret).toBe(0);

  reap(ring, expected);
  io_uring_queue_exit(ring);
});

it('test_cqe_mixed_resize', () => {
  const ring = newRing();
  /* Setup ring with CQE_MIXED, DEFER_TASKRUN, SINGLE_ISSUER */
  const p = newParams({ flags: IORING_SETUP_CQE_MIXED | DEFER, sq_entries: 8, cq_entries: 8 });
  const ret = io_uring_queue_init_params(8, ring, p);
  if (ret === -EINVAL) skip('no such ring');
  expect(ret).toBe(0);

  const expected = [0xbbbb0000n, 0xcccc0001n, 0xbbbb0002n, 0xcccc0003n];
  for (const user_data of expected) prepare(ring, user_data);
  expect(io_uring_submit(ring)).toBe(4);

  /* Resize the ring */
  expect(resize(ring, 8, 16, IORING_SETUP_CQSIZE)).toBe(0);

  /* Reap and verify CQEs */
  reap(ring, expected);
  io_uring_queue_exit(ring);
});

it('test_sqe128_resize', () => {
  const ring = newRing();
  const p = newParams({ flags: IORING_SETUP_SQE128 | DEFER, sq_entries: 8, cq_entries: 8 });
  const ret = io_uring_queue_init_params(8, ring, p);
  if (ret === -EINVAL) skip('no such ring');
  expect(ret).toBe(0);

  /* Prepare 4 large SQEs but don't submit them yet */
  const expected = [0n, 1n, 2n, 3n].map((i) => 0xeeee0000n + i);
  for (const [i, user_data] of expected.entries()) {
    /* Fill some extended SQE data to ensure 128-byte copy works; C fills none, as its cmd has no size */
    const { address } = prepare(ring, user_data);
    bytesAt(address + 64, 64).fill(0x55 + i);
  }

  __io_uring_flush_sq(ring);

  /* Resize the ring while SQEs are pending */
  expect(resize(ring, 16, 16, IORING_SETUP_CQSIZE)).toBe(0);

  // C does not check the copies
  for (let i = 0; i < 4; i++) {
    const index = (io_uring_smp_load_acquire(ring.sq.khead) + i) & ring.sq.ring_mask;
    const large = bytesAt(ring.sq.sqes + 128 * index + 64, 64);
    expect(large.every((byte) => byte === 0x55 + i)).toBe(true);
  }

  /* Now submit the pending SQEs */
  expect(io_uring_submit(ring)).toBe(4);

  /* Reap and verify CQEs */
  reap(ring, expected);
  io_uring_queue_exit(ring);
});

it('test_ring_wrapping', () => {
  const ring = newRing();
  const cqe = newCqe();
  /* Setup small ring to force wrapping */
  const p = newParams({ flags: IORING_SETUP_CQE32 | DEFER, sq_entries: 4, cq_entries: 4 });
  const ret = io_uring_queue_init_params(4, ring, p);
  if (ret === -EINVAL) skip('no such ring');
  expect(ret).toBe(0);

  /* Submit more entries to force head/tail wrapping */
  let consumed_count = 0n;
  for (let i = 0n; i < 8n; i++) {
    prepare(ring, 0xdddd0000n + i);
    expect(io_uring_submit(ring)).toBe(1);

    /* Consume some to create wrap scenario, and verify early consumed CQE */
    if (i >= 2n) reap(ring, [0xdddd0000n + consumed_count++]);
  }

  /* Now resize with pending wrapped entries */
  expect(resize(ring, 4, 16, 0)).toBe(0);

  /* Consume remaining entries (should be operations 6 and 7) */
  const remaining: bigint[] = [];
  while (io_uring_peek_cqe(ring, cqe) === 0) {
    remaining.push(cqe.value.user_data);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(remaining).toEqual([0xdddd0006n, 0xdddd0007n]);
  io_uring_queue_exit(ring);
});

it('test_sqe_mixed_resize', () => {
  const ring = newRing();
  const p = newParams({ flags: IORING_SETUP_SQE_MIXED | DEFER, sq_entries: 8, cq_entries: 8 });
  const ret = io_uring_queue_init_params(8, ring, p);
  if (ret === -EINVAL) skipSilently('no IORING_SETUP_SQE_MIXED');
  expect(ret).toBe(0);

  /* Prepare mix of regular and large SQEs but don't submit them yet; C's are all regular */
  const expected = [0xffff0000n, 0x11110001n, 0xffff0002n, 0x11110003n];
  for (const user_data of expected) prepare(ring, user_data);

  __io_uring_flush_sq(ring);

  /* Resize the ring while mixed SQEs are pending */
  expect(resize(ring, 16, 16, IORING_SETUP_CQSIZE)).toBe(0);

  /* Now submit the pending mixed SQEs */
  expect(io_uring_submit(ring)).toBe(4);

  /* Reap and verify CQEs */
  reap(ring, expected);
  io_uring_queue_exit(ring);
});
