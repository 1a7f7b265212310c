/** The port of liburing's test/fixed-buf-iter.c: test fixed buffers with non-iterators. */
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_seen,
  io_uring_prep_read_fixed,
  io_uring_prep_write_fixed,
  io_uring_queue_exit,
  io_uring_register_buffers,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { O_RDONLY, O_RDWR } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, open } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';

const BUF_SIZE = 4096;
const BUFFERS = 1;
const IN_FD = '/dev/urandom';
const OUT_FD = '/dev/zero';

it('test', () => {
  const ring = newRing();
  const cqe = newCqe();
  expect(t_create_ring(8, ring, 0)).toBe(T_SETUP_OK);

  const fd_in = open(IN_FD, O_RDONLY, 0o644);
  expect(fd_in).toBeGreaterThanOrEqual(0);

  const fd_out = open(OUT_FD, O_RDWR, 0o644);
  expect(fd_out).toBeGreaterThanOrEqual(0);

  const buf = allocArray(BUF_SIZE);
  const iov = iovecOf(buf);
  expect(io_uring_register_buffers(ring, iov, BUFFERS)).toBe(0);

  io_uring_prep_read_fixed(get_sqe(ring), fd_in, iov.at(0).iov_base, BUF_SIZE, 0, 0);
  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(BUF_SIZE);
  expect(buf.some((byte) => byte !== 0)).toBe(true);
  io_uring_cqe_seen(ring, cqe.value);

  io_uring_prep_write_fixed(get_sqe(ring), fd_out, iov.at(0).iov_base, BUF_SIZE, 0, 0);
  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(BUF_SIZE);
  io_uring_cqe_seen(ring, cqe.value);

  io_uring_queue_exit(ring);
  close(fd_in);
  close(fd_out);
});
