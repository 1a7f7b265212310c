/**
 * The port of liburing's test/file-alloc-range-hint.c: auto-allocated fixed file slots stay within the
 * configured alloc range, even after explicit operations on slots outside the range.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_FILE_INDEX_ALLOC,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_files_update,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_file_alloc_range,
  io_uring_register_files_sparse,
  io_uring_register_files_update,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

/*
 * Auto-alloc a file into the fixed table using IORING_FILE_INDEX_ALLOC.
 * On success, the kernel writes back the allocated slot index into *fd
 * (via put_user). Returns cqe->res (count on success, negative on error).
 */
function file_update_alloc(ring: io_uring, fd: Int32Array): number {
  const cqe = newCqe();
  io_uring_prep_files_update(get_sqe(ring), fd, 1, IORING_FILE_INDEX_ALLOC | 0); // an int
  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

/*
 * Install a file at a slot below the alloc range, then remove it.
 * Verify that subsequent auto-alloc still returns a slot within the range.
 */
it('test_hint_below_range', () => {
  const ring = newRing();
  const pipe_fds = fdPair();
  const [roff, rlen] = [10, 10];
  expect(pipe(pipe_fds)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const ret = io_uring_register_files_sparse(ring, 20);
  if (ret === -EINVAL) skip('no sparse file tables');
  expect(ret).toBe(0);
  expect(io_uring_register_file_alloc_range(ring, roff, rlen)).toBe(0);

  /* Install a file at slot 2, outside the alloc range [10, 20) */
  const fd = allocArray(1, Int32Array);
  fd[0] = pipe_fds[0];
  expect(io_uring_register_files_update(ring, 2, fd, 1)).toBe(1);

  /* Remove it: corrupts alloc_hint to point at slot 2 */
  fd[0] = -1;
  expect(io_uring_register_files_update(ring, 2, fd, 1)).toBe(1);

  /* Auto-alloc should stay within [10, 20), not land at slot 2 */
  fd[0] = pipe_fds[1];
  expect(file_update_alloc(ring, fd)).toBe(1);
  expect(fd[0]).toBeGreaterThanOrEqual(roff);
  expect(fd[0]).toBeLessThan(roff + rlen);

  close(pipe_fds[0]);
  close(pipe_fds[1]);
  io_uring_queue_exit(ring);
});

/*
 * Install a file at a slot above the alloc range end. Verify auto-alloc still
 * stays within range.
 */
it('test_hint_above_range', () => {
  const ring = newRing();
  const pipe_fds = fdPair();
  const [roff, rlen] = [0, 10];
  expect(pipe(pipe_fds)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const ret = io_uring_register_files_sparse(ring, 20);
  if (ret === -EINVAL) skip('no sparse file tables');
  expect(ret).toBe(0);
  expect(io_uring_register_file_alloc_range(ring, roff, rlen)).toBe(0);

  /* Install at slot 15, above range [0, 10): alloc_hint = 16 */
  const fd = allocArray(1, Int32Array);
  fd[0] = pipe_fds[0];
  expect(io_uring_register_files_update(ring, 15, fd, 1)).toBe(1);

  /* Auto-alloc should stay within [0, 10), not search [0, 16) */
  fd[0] = pipe_fds[1];
  expect(file_update_alloc(ring, fd)).toBe(1);
  expect(fd[0]).toBeGreaterThanOrEqual(roff);
  expect(fd[0]).toBeLessThan(roff + rlen);

  close(pipe_fds[0]);
  close(pipe_fds[1]);
  io_uring_queue_exit(ring);
});
