/**
 * The port of liburing's test/buf-ring-stress.c: stress test for buffer ring drain and refill. 1,000 rounds
 * instead of C's 10,000.
 */

import { writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IOSQE_BUFFER_SELECT,
  type io_uring,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, ENOBUFS, ENOENT, O_RDONLY } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { newPath, open } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';

const BGID = 1;
const BUF_SIZE = 256;
const NR_BUFS = 8;
const NR_ROUNDS = 1000;
const FILE_SIZE = BUF_SIZE * NR_BUFS * NR_ROUNDS;

/** C's bytes are those of their offset, so a buffer is like any other; here each has its number in front. */
const file_data = Buffer.from(Array.from({ length: FILE_SIZE }, (_, i) => i & 0xff));
for (let i = 0; i < FILE_SIZE; i += BUF_SIZE) file_data.writeUInt32LE(i / BUF_SIZE, i);

const fname = newPath('.buf-ring-stress-tmp');
beforeAll(() => writeFileSync(fname, file_data));

const buf_base = allocArray(NR_BUFS * BUF_SIZE);
const cqe = newCqe();

function provide_buffers(br: io_uring_buf_ring): void {
  const mask = io_uring_buf_ring_mask(NR_BUFS);
  for (let i = 0; i < NR_BUFS; i++) {
    io_uring_buf_ring_add(br, buf_base.subarray(i * BUF_SIZE), BUF_SIZE, i, mask, i);
  }
  io_uring_buf_ring_advance(br, NR_BUFS);
}

function setup(entries: number): { ring: io_uring; br: io_uring_buf_ring; fd: number } {
  const ring = newRing();
  const err = allocArray(1, Int32Array);
  expect(io_uring_queue_init(entries, ring, 0)).toBe(0);

  /* Setup buffer ring */
  const br = io_uring_setup_buf_ring(ring, NR_BUFS, BGID, 0, err);
  if (!br) {
    io_uring_queue_exit(ring);
    if (err[0] === -EINVAL || err[0] === -ENOENT) skip('Buffer rings not supported');
    throw new Error(`buf ring setup: ${err[0]}`);
  }
  const fd = closing(open(fname, O_RDONLY));
  expect(fd).toBeGreaterThanOrEqual(0);
  return { ring, br, fd };
}

function prep_read(ring: io_uring, fd: number, offset: number, user_data: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fd, null, BUF_SIZE, offset);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = BGID;
  sqe.user_data = user_data;
}

/** Reaps a read with a buffer, and checks that it has the data of its offset. Returns the buffer. */
function reap(ring: io_uring, offsetOf: (user_data: number) => number): number {
  if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait');
  const { res, flags, user_data } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);
  if (res !== BUF_SIZE) expect.fail(`read ${user_data}: ${res}`);
  if (!(flags & IORING_CQE_F_BUFFER)) expect.fail(`read ${user_data}: no buffer flag`);
  const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
  if (bid >= NR_BUFS) expect.fail(`bad bid ${bid}`);

  /* Verify data integrity */
  const got = buf_base.subarray(bid * BUF_SIZE, (bid + 1) * BUF_SIZE);
  const off = offsetOf(Number(user_data));
  if (file_data.compare(got, 0, BUF_SIZE, off, off + BUF_SIZE) !== 0) expect.fail(`data mismatch, read ${user_data}`);
  return bid;
}

/*
 * Test: submit reads consuming all buffers, refill, repeat.
 * Verifies data integrity through the whole process.
 */
it('test_read_drain_refill', () => {
  const { ring, br, fd } = setup(32);
  let total_read = 0;

  for (let round = 0; round < NR_ROUNDS; round++) {
    /* Provide fresh buffers for this round */
    provide_buffers(br);

    /* Submit NR_BUFS reads using buffer selection */
    for (let i = 0; i < NR_BUFS; i++) prep_read(ring, fd, total_read + i * BUF_SIZE, (round << 16) | i);

    if (io_uring_submit(ring) !== NR_BUFS) expect.fail('submit');

    /* Reap all completions */
    const base = total_read;
    const bids = new Set<number>();
    for (let i = 0; i < NR_BUFS; i++) bids.add(reap(ring, (user_data) => base + (user_data & 0xffff) * BUF_SIZE));
    if (bids.size !== NR_BUFS) expect.fail('a buffer was taken twice');

    total_read += NR_BUFS * BUF_SIZE;
  }

  expect(total_read).toBe(FILE_SIZE);

  expect(io_uring_free_buf_ring(ring, br, NR_BUFS, BGID)).toBe(0);
  io_uring_queue_exit(ring);
});

/*
 * Test: submit more reads than available buffers. Excess reads should
 * fail with -ENOBUFS. Then refill and retry.
 */
it('test_read_overflow_refill', () => {
  const { ring, br, fd } = setup(32);
  let nr_success = 0;
  let nr_enobufs = 0;

  /* Provide only NR_BUFS buffers */
  provide_buffers(br);

  /* Submit more reads than we have buffers */
  for (let i = 0; i < NR_BUFS * 2; i++) prep_read(ring, fd, i * BUF_SIZE, i);

  expect(io_uring_submit(ring)).toBe(NR_BUFS * 2);

  /* Collect all completions */
  for (let i = 0; i < NR_BUFS * 2; i++) {
    const { res } = waited(ring, cqe);
    if (res === -ENOBUFS) nr_enobufs++;
    else if (res > 0) nr_success++;
    else expect.fail(`unexpected res ${res}`);
    io_uring_cqe_seen(ring, cqe.value);
  }

  /* We should have gotten exactly NR_BUFS successes */
  expect(nr_success).toBe(NR_BUFS);
  expect(nr_enobufs).toBe(NR_BUFS);

  /* Now refill and do another round - should work fine */
  provide_buffers(br);

  for (let i = 0; i < NR_BUFS; i++) prep_read(ring, fd, i * BUF_SIZE, 100 + i);

  expect(io_uring_submit(ring)).toBe(NR_BUFS);

  for (let i = 0; i < NR_BUFS; i++) reap(ring, (user_data) => (user_data - 100) * BUF_SIZE);

  expect(io_uring_free_buf_ring(ring, br, NR_BUFS, BGID)).toBe(0);
  io_uring_queue_exit(ring);
});

/*
 * Test: rapid drain/refill cycles with concurrent reads
 */
it('test_rapid_drain_refill', () => {
  const { ring, br, fd } = setup(64);

  /*
   * Do many rapid cycles: provide 1 buffer, submit 1 read,
   * reap, repeat. This tests the fast path of single-buffer
   * provide/consume cycles.
   */
  for (let i = 0; i < NR_ROUNDS * NR_BUFS; i++) {
    /* Provide exactly 1 buffer */
    const bid = i % NR_BUFS;
    const mask = io_uring_buf_ring_mask(NR_BUFS);
    io_uring_buf_ring_add(br, buf_base.subarray(bid * BUF_SIZE), BUF_SIZE, bid, mask, 0);
    io_uring_buf_ring_advance(br, 1);

    prep_read(ring, fd, (i * BUF_SIZE) % FILE_SIZE, i);

    if (io_uring_submit(ring) !== 1) expect.fail('submit');

    // C does not check which buffer it is, or what is in it
    if (reap(ring, (user_data) => (user_data * BUF_SIZE) % FILE_SIZE) !== bid) expect.fail(`buffer of read ${i}`);
  }

  expect(io_uring_free_buf_ring(ring, br, NR_BUFS, BGID)).toBe(0);
  io_uring_queue_exit(ring);
});
