/** The port of liburing's test/nop-all-sizes.c: exercise full filling of SQ and CQ ring. */
import { expect, it } from 'vitest';
import {
  type io_uring,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EAGAIN, ENOMEM } from '../../src/linux.js';
import { newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const MAX_ENTRIES = 32768;

function fill_nops(ring: io_uring): number {
  let filled = 0;
  for (let sqe = io_uring_get_sqe(ring); sqe !== null; sqe = io_uring_get_sqe(ring)) {
    io_uring_prep_nop(sqe);
    filled++;
  }
  return filled;
}

function test_nops(ring: io_uring): void {
  const cqe = newCqe();
  let total = 0;

  for (let round = 0; round < 2; round++) {
    const nr = fill_nops(ring);
    const ret = io_uring_submit(ring);
    expect(ret, 'submit').toBe(nr);
    total += ret;
  }

  for (let i = 0; i < total; i++) {
    if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait');
    if (cqe.value.res) expect.fail(`res ${cqe.value.res}`);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(io_uring_peek_cqe(ring, cqe)).toBe(-EAGAIN);
}

for (let depth = 1; depth <= MAX_ENTRIES; depth <<= 1) {
  it(`test_nops, ${depth}`, () => {
    const ring = newRing();
    const ret = io_uring_queue_init(depth, ring, 0);
    if (ret === -ENOMEM) skipCase('no memory for more');
    expect(ret).toBe(0);
    test_nops(ring);
    io_uring_queue_exit(ring);
  });
}
