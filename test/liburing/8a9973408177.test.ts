/** The port of liburing's test/8a9973408177.c: a request after files were registered and unregistered. */

import { expect, it } from 'vitest';
import {
  allocArray,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_fsync,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_submit,
  io_uring_unregister_files,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { O_CREAT, O_EXCL, O_RDWR } from '../../src/linux.js';
import { close, newPath, open, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

const mkstemp = (path: string): number => open(path, O_RDWR | O_CREAT | O_EXCL, 0o600);

function register_file(ring: io_uring): void {
  const buf = newPath();
  const fd = allocArray(1, Int32Array);
  fd[0] = mkstemp(buf);
  expect(fd[0]).toBeGreaterThanOrEqual(0);

  expect(io_uring_register_files(ring, fd, 1)).toBe(0);
  expect(io_uring_unregister_files(ring)).toBe(0);

  unlink(buf);
  close(fd[0]);
}

function test_single_fsync(ring: io_uring): void {
  const cqe = newCqe();
  const buf = newPath();
  const fd = mkstemp(buf);
  expect(fd).toBeGreaterThanOrEqual(0);

  const sqe = get_sqe(ring);
  io_uring_prep_fsync(sqe, fd, 0);

  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  // C does not check the result
  expect(cqe.value.res).toBe(0);

  io_uring_cqe_seen(ring, cqe.value);
  unlink(buf);
  close(fd);
}

it('main', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  register_file(ring);
  test_single_fsync(ring);
  io_uring_queue_exit(ring);
});
