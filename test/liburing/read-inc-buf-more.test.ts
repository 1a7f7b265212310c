/**
 * The port of liburing's test/read-inc-buf-more.c: test that IORING_CQE_F_BUF_MORE is correctly set for
 * incremental provided buffer rings (IOU_PBUF_RING_INC).
 */

import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_INC,
  type io_uring,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_free_buf_ring,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
} from '../../src/c.js';
import { EINVAL, O_RDONLY } from '../../src/linux.js';
import { stringOf, t_aligned_alloc } from './support/buffers.js';
import { close, newPath, open, pipe, write } from './support/files.js';
import { complete, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const BUF_BGID = 1;
const BUF_BID = 0;
const BUF_SIZE = 256;
const READ_SIZE = 32;

function do_read(ring: io_uring, fd: number): number {
  const { res, flags } = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, fd, null, READ_SIZE, -1);
    sqe.flags = IOSQE_BUFFER_SELECT;
    sqe.buf_group = BUF_BGID;
  });
  expect(res).toBeGreaterThanOrEqual(0);
  expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);

  /*
   * If we got data and the buffer still has space, BUF_MORE must be
   * set. If we got EOF (res=0), BUF_MORE must also be set because the
   * buffer was not consumed. In both cases, the 256 byte buffer has
   * room left after a <= 32 byte read.
   */
  expect(flags & IORING_CQE_F_BUF_MORE).not.toBe(0);
  return res;
}

function setup(): { ring: io_uring; br: io_uring_buf_ring; buf: Uint8Array } {
  const ring = newRing();
  const err = allocArray(1, Int32Array);
  expect(io_uring_queue_init(64, ring, 0)).toBe(0);
  const buf = t_aligned_alloc(4096, BUF_SIZE).fill(0);

  const br = io_uring_setup_buf_ring(ring, 1, BUF_BGID, IOU_PBUF_RING_INC, err);
  if (!br) {
    io_uring_queue_exit(ring);
    if (err[0] === -EINVAL) skip('no IOU_PBUF_RING_INC');
    throw new Error(`buffer ring register failed: ${err[0]}`);
  }

  io_uring_buf_ring_add(br, buf, BUF_SIZE, BUF_BID, 0, 0);
  io_uring_buf_ring_advance(br, 1);
  return { ring, br, buf };
}

/*
 * Test BUF_MORE with a pipe (pollable fd). Exercises the normal locked
 * commit path, and tests EOF handling.
 */
it('test_pipe', () => {
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  const { ring, br, buf } = setup();

  /* Write some data and read it - BUF_MORE should be set */
  expect(write(fds[1], Buffer.from('hello world!'), 12)).toBe(12);

  expect(do_read(ring, fds[0])).toBe(12);

  /* Close write end, read should get EOF - BUF_MORE should be set
   * because the buffer still has space */
  close(fds[1]);

  expect(do_read(ring, fds[0])).toBe(0);
  expect(stringOf(buf)).toBe('hello world!');

  io_uring_free_buf_ring(ring, br, 1, BUF_BGID);
  io_uring_queue_exit(ring);
  close(fds[0]);
});

/*
 * Test BUF_MORE with a regular file (non-pollable fd). Exercises the
 * early commit path where io_should_commit() returns true.
 */
it('test_file', () => {
  const fname = newPath('.read-inc-buf-more');
  const text = [...'abcd'].map((letter) => letter.repeat(READ_SIZE)).join('');
  writeFileSync(fname, text);

  const fd = open(fname, O_RDONLY);
  expect(fd).toBeGreaterThanOrEqual(0);
  const { ring, br, buf } = setup();

  /* Read 4 chunks - each should have BUF_MORE since buffer is 256
   * bytes and each read is 32 bytes */
  for (let i = 0; i < 4; i++) expect(do_read(ring, fd)).toBe(READ_SIZE);
  // C does not check the data
  expect(stringOf(buf)).toBe(text);

  io_uring_free_buf_ring(ring, br, 1, BUF_BGID);
  io_uring_queue_exit(ring);
  close(fd);
});
