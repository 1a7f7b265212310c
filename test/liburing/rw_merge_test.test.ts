/**
 * The port of liburing's test/rw_merge_test.c: regression test for incorrect async_list io_should_merge()
 * logic.
 */

import { ftruncateSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_seen,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_submit,
  io_uring_wait_cqe,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { O_CREAT, O_RDWR } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, newPath, open, pipe, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { timespec } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const pipe1 = fdPair();
  const vec = iovecOf(allocArray(4096));
  const ts = timespec(3);

  expect(pipe(pipe1)).toBe(0);

  const testfile = newPath('testfile');
  const fd = open(testfile, O_RDWR | O_CREAT, 0o644);
  expect(fd).toBeGreaterThanOrEqual(0);
  unlink(testfile);
  ftruncateSync(fd, 4096);

  expect(t_create_ring(4, ring, 0)).toBe(T_SETUP_OK);

  /* REQ1 */
  let sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, pipe1[0], vec, 1, 0);
  sqe.user_data = 1;

  /* REQ2 */
  sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fd, vec, 1, 4096);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(0);
  expect(cqe.value.user_data).toBe(2n);
  io_uring_cqe_seen(ring, cqe.value);

  /*
   * REQ3
   * Prepare request adjacent to previous one, so merge logic may want to
   * link it to previous request, but because of a bug in merge logic
   * it may be merged with <REQ1> request
   */
  sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fd, vec, 1, 2048);
  sqe.user_data = 3;

  expect(io_uring_submit(ring)).toBe(1);

  /*
   * Read may stuck because of bug there request was be incorrectly
   * merged with <REQ1> request
   */
  expect(io_uring_wait_cqe_timeout(ring, cqe, ts)).toBe(0);
  expect(cqe.value.res).toBe(2048);
  expect(cqe.value.user_data).toBe(3n);

  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
  for (const open of [...pipe1, fd]) close(open);
});
