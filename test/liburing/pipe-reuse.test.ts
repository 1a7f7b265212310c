/** The port of liburing's test/pipe-reuse.c: check split up read is handled correctly. */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_FEAT_SUBMIT_STABLE,
  io_uring_cqe_seen,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
} from '../../src/c.js';
import { close, pipe, write } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const BUFSIZE = 16384;
const BUFFERS = 16;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const p = newParams();
  const fds = fdPair();
  const buf = allocArray(BUFSIZE);
  const wbuf = allocArray(BUFSIZE);
  const iov = alloc(iovec, BUFFERS);

  expect(pipe(fds)).toBe(0);

  const bsize = BUFSIZE / BUFFERS;
  for (let i = 0; i < BUFFERS; i++) {
    iov.at(i).iov_base = buf.subarray(i * bsize);
    iov.at(i).iov_len = bsize;
  }

  expect(io_uring_queue_init_params(8, ring, p)).toBe(0);
  if (!(p.features & IORING_FEAT_SUBMIT_STABLE)) skipCase('FEAT_SUBMIT_STABLE not there, skipping');

  wbuf.fill(0x11, 0, BUFSIZE / 2);
  wbuf.fill(0x22, BUFSIZE / 2);

  expect(write(fds[1], wbuf, BUFSIZE / 2)).toBe(BUFSIZE / 2);

  io_uring_prep_readv(get_sqe(ring), fds[0], iov, BUFFERS, 0);
  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < BUFFERS; i++) {
    iov.at(i).iov_base = null;
    iov.at(i).iov_len = 1000000;
  }

  expect(write(fds[1], wbuf.subarray(BUFSIZE / 2), BUFSIZE / 2)).toBe(BUFSIZE / 2);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const { res } = cqe.value;
  /* a short read is not a failure */
  expect(res).toBeGreaterThan(0);
  io_uring_cqe_seen(ring, cqe.value);

  expect(Buffer.compare(buf.subarray(0, res), wbuf.subarray(0, res))).toBe(0);
  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
});
