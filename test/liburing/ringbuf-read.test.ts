/** The port of liburing's test/ringbuf-read.c: ring mapped provided buffers with reads. */

import { writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cqe_seen,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
  io_uring_submit,
} from '../../src/c.js';
import { EACCES, EINVAL, EPERM, O_DIRECT, O_RDONLY, POSIX_FADV_DONTNEED } from '../../src/linux.js';
import { t_aligned_alloc } from './support/buffers.js';
import { close, newPath, open } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { syscall } from './support/syscall.js';

const BUF_SIZE = 4096;
const NR_BUFS = 128;
const FSIZE = BUF_SIZE * NR_BUFS;
const BR_MASK = NR_BUFS - 1;

const fname = newPath('.ringbuf-read');
beforeAll(() => {
  writeFileSync(fname, Buffer.concat(Array.from({ length: NR_BUFS }, (_, i) => Buffer.alloc(BUF_SIZE, i + 1))));
});

function test(dio: boolean, async: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const err = allocArray(1, Int32Array);

  expect(io_uring_queue_init(NR_BUFS, ring, 0)).toBe(0);

  const fd = open(fname, O_RDONLY | (dio ? O_DIRECT : 0));
  if (dio && fd === -EINVAL) skipSilently('no O_DIRECT here');
  if (fd === -EPERM || fd === -EACCES) skipSilently('not allowed to');
  expect(fd).toBeGreaterThanOrEqual(0);

  expect(syscall('fadvise64', fd, 0, FSIZE, POSIX_FADV_DONTNEED)).toBe(0);

  const buf = t_aligned_alloc(4096, FSIZE);

  const br = io_uring_setup_buf_ring(ring, NR_BUFS, 1, 0, err);
  if (!br) {
    if (err[0] === -EINVAL) skipSilently('no buffer rings');
    throw new Error(`Buffer ring register failed ${err[0]}`);
  }

  for (let i = 0; i < NR_BUFS; i++) {
    io_uring_buf_ring_add(br, buf.subarray(i * BUF_SIZE), BUF_SIZE, i + 1, BR_MASK, i);
  }
  io_uring_buf_ring_advance(br, NR_BUFS);

  for (let i = 0; i < NR_BUFS / 2; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_read(sqe, fd, null, BUF_SIZE, i * BUF_SIZE);
    sqe.buf_group = 1;
    sqe.flags |= IOSQE_BUFFER_SELECT;
    if (async && !(i & 1)) sqe.flags |= IOSQE_ASYNC;
    sqe.user_data = i + 1;
  }

  expect(io_uring_submit(ring)).toBe(NR_BUFS / 2);

  // C accepts one buffer for two reads if the data is right at the check
  const bids = new Set<number>();
  for (let i = 0; i < NR_BUFS / 2; i++) {
    const { res, flags, user_data } = waited(ring, cqe);
    expect(res).toBe(BUF_SIZE);
    expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);
    const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
    bids.add(bid);
    io_uring_cqe_seen(ring, cqe.value);
    const at = (bid - 1) * BUF_SIZE;
    expect(
      buf.subarray(at, at + BUF_SIZE).every((byte) => byte === Number(user_data)),
      `buffer ${bid}`,
    ).toBe(true);
  }
  expect(bids.size).toBe(NR_BUFS / 2);

  io_uring_queue_exit(ring);
  close(fd);
}

it('test, dio', () => test(true, false));
it('test, buffered', () => test(false, false));
it('test, dio async', () => test(true, true));
it('test, buffered async', () => test(false, true));
