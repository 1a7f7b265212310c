/**
 * The port of liburing's test/read-inc-file.c: test reading a normal file with incremental buffer
 * consumption. Some kernels had a bug where the initial part of the buffer got skipped, test for that.
 */
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_INC,
  type io_uring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_setup_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, O_RDONLY } from '../../src/linux.js';
import { stringOf, t_aligned_alloc } from './support/buffers.js';
import { close, newPath, open } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const BUF_BGID = 4;
const BUF_BID = 8;

function arm_read(ring: io_uring, fd: number, offset: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fd, null, 80, offset);
  sqe.flags = IOSQE_BUFFER_SELECT;
  sqe.buf_group = BUF_BGID;
  io_uring_submit(ring);
}

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const err = allocArray(1, Int32Array);
  const fname = newPath('.buf-inc-file');
  writeFileSync(fname, [...'abcdefgh'].map((c) => c.repeat(80)).join(''));

  const fd = open(fname, O_RDONLY);
  expect(fd).toBeGreaterThanOrEqual(0);

  expect(io_uring_queue_init_params(64, ring, newParams())).toBe(0);

  const buf = t_aligned_alloc(4096, 65536);
  const br = io_uring_setup_buf_ring(ring, 32, BUF_BGID, IOU_PBUF_RING_INC, err);
  if (!br) {
    io_uring_queue_exit(ring);
    close(fd);
    if (err[0] === -EINVAL) skip('no IOU_PBUF_RING_INC');
    throw new Error(`Buffer ring register failed ${err[0]}`);
  }

  io_uring_buf_ring_add(br, buf, 65536, BUF_BID, 31, 0);
  io_uring_buf_ring_advance(br, 1);

  for (let i = 0; i < 4; i++) {
    arm_read(ring, fd, i * 80);
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res, flags } = cqe.value;
    expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);
    expect(flags >>> IORING_CQE_BUFFER_SHIFT).toBe(BUF_BID);
    expect(res).toBe(80);
    io_uring_cqe_seen(ring, cqe.value);
    // C's memchr(3) accepts one
    expect(stringOf(buf.subarray(i * 80, (i + 1) * 80))).toBe('abcd'.charAt(i).repeat(80));
  }

  io_uring_free_buf_ring(ring, br, 32, BUF_BGID);
  io_uring_queue_exit(ring);
  close(fd);
});
