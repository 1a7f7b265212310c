/** The port of liburing's test/short-read.c: a vectored read of more than the file has. */

import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_seen,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqes,
} from '../../src/c.js';
import { O_RDONLY } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, newPath, open, t_create_file, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

const BUF_SIZE = 4096;
const FILE_SIZE = 1024;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const buf = allocArray(BUF_SIZE);
  const vec = iovecOf(buf);

  const fname = newPath('.short-read');
  t_create_file(fname, FILE_SIZE);

  const fd = open(fname, O_RDONLY);
  unlink(fname);
  expect(fd).toBeGreaterThanOrEqual(0);

  expect(io_uring_queue_init(32, ring, 0)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fd, vec, 1, 0);

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqes(ring, cqe, 1, null, null)).toBe(0);

  expect(cqe.value.res).toBe(FILE_SIZE);
  // C does not check the buffer
  expect(buf.lastIndexOf(0xaa)).toBe(FILE_SIZE - 1);

  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
  close(fd);
});
