/** The port of liburing's test/fixed-seg.c: test various offset of fixed buffer read. */

import { randomFillSync } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_read_fixed,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_submit,
  io_uring_unregister_buffers,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { O_DIRECT, O_EXCL, O_RDWR } from '../../src/linux.js';
import { iovecOf, t_aligned_alloc } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { newPath, open, t_create_file, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

const SIZE = 512 * 1024;

const wvec = t_aligned_alloc(4096, SIZE);
const rvec = t_aligned_alloc(4096, SIZE);

function read_it(ring: io_uring, fd: number, len: number, off: number): void {
  const cqe = newCqe();
  rvec.fill(0);

  const sqe = get_sqe(ring);
  io_uring_prep_read_fixed(sqe, fd, rvec.subarray(off), len, 0, 0);
  sqe.user_data = 1;

  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(len);
  io_uring_cqe_seen(ring, cqe.value);

  expect(Buffer.compare(wvec.subarray(0, len), rvec.subarray(off, off + len)), `${len} ${off} verify`).toBe(0);
}

function test(ring: io_uring, fd: number, vec_off: number): void {
  const v = iovecOf(rvec.subarray(vec_off));
  expect(io_uring_register_buffers(ring, v, 1)).toBe(0);

  read_it(ring, fd, 4096, vec_off);
  read_it(ring, fd, 8192, 4096);
  read_it(ring, fd, 4096, 4096);

  expect(io_uring_unregister_buffers(ring)).toBe(0);
}

it('main', () => {
  const ring = newRing();
  const bs = 512;
  const fname = newPath('.fixed-seg');
  t_create_file(fname, 128 * 1024);

  const fd = closing(open(fname, O_RDWR | O_DIRECT | O_EXCL));
  expect(fd).toBeGreaterThanOrEqual(0);

  randomFillSync(wvec);
  expect(write(fd, wvec, wvec.length)).toBe(wvec.length);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  test(ring, fd, 0);
  test(ring, fd, bs);
  test(ring, fd, 3584);
});
