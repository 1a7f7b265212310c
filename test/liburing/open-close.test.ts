/** The port of liburing's test/open-close.c: run various openat(2) tests. */

import { existsSync, readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  free,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_close,
  io_uring_prep_openat,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_submit,
} from '../../src/c.js';
import { AT_FDCWD, EACCES, EBADF, EINVAL, ENXIO, EPERM, O_CLOEXEC, O_RDONLY } from '../../src/linux.js';
import { removing } from './support/clean.js';
import { close, newPath, open, pipe, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing, openRing, waited } from './support/rings.js';
import { skip, skipCase, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const path = newPath('.open.close');

function submit_wait(ring: io_uring): number {
  const cqe = newCqe();
  expect(io_uring_submit(ring)).toBe(1);
  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  free(cqe);
  return res;
}

function try_close(ring: io_uring, fd: number, slot: number): number {
  const sqe = get_sqe(ring);
  io_uring_prep_close(sqe, fd);
  // __io_uring_set_target_fixed_file, which is no public function
  sqe.file_index = slot + 1;
  return submit_wait(ring);
}

const test_close = (ring: io_uring, fd: number): number => {
  io_uring_prep_close(get_sqe(ring), fd);
  return submit_wait(ring);
};

function test_openat(ring: io_uring, file: string, dfd: number): number {
  io_uring_prep_openat(get_sqe(ring), dfd, allocString(file), O_RDONLY, 0);
  return submit_wait(ring);
}

/** main's ring, with the file that it opens. */
function withRing(): io_uring {
  const ring = openRing(8);
  t_create_file(removing(path), 4096);
  return ring;
}

it('test_openat, absolute', () => {
  const ring = withRing();
  const ret = test_openat(ring, path, -1);
  if (ret === -EINVAL) skipCase('Open not supported');
  if (ret === -EPERM || ret === -EACCES) skip('not allowed to');
  expect(ret).toBeGreaterThanOrEqual(0);
  // C leaves it open
  expect(readlinkSync(`/proc/self/fd/${ret}`)).toBe(path);
  expect(close(ret)).toBe(0);
});

it('test_openat, relative, and test_close', () => {
  const ring = withRing();
  const path_rel = `.open.close.${process.pid}`;
  t_create_file(removing(path_rel), 4096);
  const ret = test_openat(ring, path_rel, AT_FDCWD);
  if (ret === -EPERM || ret === -EACCES) skip('not allowed to');
  expect(ret).toBeGreaterThanOrEqual(0);

  expect(test_close(ring, ret)).toBe(0);
  expect(existsSync(`/proc/self/fd/${ret}`)).toBe(false);
});

it('test_close, ring_fd', () => {
  const ring = withRing();
  expect(test_close(ring, ring.ring_fd)).toBe(-EBADF);
});

it('test_close_fixed', () => {
  const ring = newRing();
  const fds = fdPair();
  const buf = allocArray(1);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);

  const ret = try_close(ring, 0, 0);
  if (ret === -EINVAL) skipCase('close for fixed files is not supported');
  expect(ret).toBe(-ENXIO);

  expect(try_close(ring, 1, 0)).toBe(-EINVAL);

  expect(io_uring_register_files(ring, fds, 2)).toBe(0);

  expect(try_close(ring, 0, 2)).toBe(-EINVAL);

  expect(try_close(ring, 0, 0)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, 0, buf, buf.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  expect(submit_wait(ring)).toBe(-EBADF);

  expect(try_close(ring, 0, 1)).toBe(0);

  expect(try_close(ring, 0, 0)).toBe(-EBADF);

  close(fds[0]);
  close(fds[1]);
  io_uring_queue_exit(ring);
});

it('test_close_flush', () => {
  const fd = open('/sys/kernel/debug/tracing/per_cpu/cpu0/trace_pipe_raw', O_RDONLY);
  if (fd < 0) skipSilently('no trace pipe');

  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  io_uring_prep_close(get_sqe(ring), fd);
  expect(submit_wait(ring)).toBe(0);

  io_uring_queue_exit(ring);
});

it('test_open_direct_cloexec', () => {
  const ring = withRing();
  const sqe = get_sqe(ring);
  io_uring_prep_openat(sqe, -1, allocString(path), O_RDONLY | O_CLOEXEC, 0);
  sqe.file_index = 1;
  expect(submit_wait(ring)).toBe(-EINVAL);
});
