/** The port of liburing's test/drop-submit.c: test IORING_SETUP_SUBMIT_ALL. */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_SETUP_SUBMIT_ALL,
  type io_uring,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { get_sqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

function test(ring: io_uring, expect_drops: boolean): void {
  const buf = allocArray(32);

  for (let i = 0; i < 4; i++) io_uring_prep_nop(get_sqe(ring));

  /* prep two invalid reads, these will fail */
  for (let i = 0; i < 2; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_read(sqe, 128, buf, buf.length, 0);
    sqe.ioprio = 0xffff; // -1
  }

  expect(io_uring_submit(ring)).toBe(expect_drops ? 5 : 6);
}

it('IORING_SETUP_SUBMIT_ALL', () => {
  const ring = newRing();
  if (io_uring_queue_init(8, ring, IORING_SETUP_SUBMIT_ALL)) skipCase('no IORING_SETUP_SUBMIT_ALL');
  test(ring, false);
  io_uring_queue_exit(ring);
});

it('0', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  test(ring, true);
  io_uring_queue_exit(ring);
});
