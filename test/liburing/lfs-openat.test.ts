/** The port of liburing's test/lfs-openat.c: openat of a large file, and of one that is never opened. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IOSQE_ASYNC,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cq_ready,
  io_uring_prep_nop,
  io_uring_prep_openat,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { O_CREAT, O_LARGEFILE, O_PATH, O_RDWR } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, directory, dup, lseek, open, pipe, pwrite, SEEK_END } from './support/files.js';
import { complete, get_sqe, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { syscall } from './support/syscall.js';

const RSIZE = 2;
const OPEN_FLAGS = O_RDWR | O_CREAT | O_LARGEFILE;
const OPEN_MODE = 0o600;

const fn = allocString('io_uring_openat_test');

let dfd = -1;
beforeAll(() => {
  dfd = open(directory, O_PATH);
  expect(dfd).toBeGreaterThanOrEqual(0);
});
afterAll(() => close(dfd));

function prepare_file(): void {
  const buf = allocString('foo');
  const fd = syscall('openat', dfd, fn, OPEN_FLAGS, OPEN_MODE);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(pwrite(fd, buf, buf.length, 2 ** 32)).toBe(buf.length);
  close(fd);
}

it('open_io_uring', () => {
  const ring = newRing();
  expect(io_uring_queue_init(RSIZE, ring, 0)).toBe(0);

  prepare_file();

  const { res } = complete(ring, (sqe) => io_uring_prep_openat(sqe, dfd, fn, OPEN_FLAGS, OPEN_MODE));
  expect(res).toBeGreaterThanOrEqual(0);
  // C does not check it
  expect(lseek(res, 0, SEEK_END)).toBe(2 ** 32 + 4);
  expect(close(res)).toBe(0);

  io_uring_queue_exit(ring);
});

/** What C does last: close() triggers ->flush(), and it and io_uring_queue_exit() return, and nothing is done. */
function leave(ring: io_uring, fds: Int32Array): void {
  // C checks only that it does not hang
  expect(io_uring_cq_ready(ring)).toBe(0);
  const fd = dup(ring.ring_fd);
  expect(fd).toBeGreaterThanOrEqual(0);

  /* io_uring->flush() */
  expect(close(fd)).toBe(0);

  io_uring_queue_exit(ring);
  for (const end of fds) close(end);
}

function test_linked_files(async: boolean): void {
  const ring = newRing();
  const fds = fdPair();
  const iov = iovecOf(allocArray(128));

  expect(io_uring_queue_init(10, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fds[0], iov, 1, 0);
  sqe.flags |= IOSQE_IO_LINK;
  if (async) sqe.flags |= IOSQE_ASYNC;

  sqe = get_sqe(ring);
  io_uring_prep_openat(sqe, dfd, fn, OPEN_FLAGS, OPEN_MODE);

  expect(io_uring_submit(ring)).toBe(2);

  leave(ring, fds);
}

it('test_linked_files() !async', () => test_linked_files(false));
it('test_linked_files() async', () => test_linked_files(true));

function test_drained_files(linked: boolean, prepend: boolean): void {
  const ring = newRing();
  const fds = fdPair();
  const iov = iovecOf(allocArray(128));
  let to_cancel = 0;

  expect(io_uring_queue_init(10, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fds[0], iov, 1, 0);
  sqe.user_data = 0;

  if (prepend) {
    sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.flags |= IOSQE_IO_DRAIN;
    sqe.user_data = ++to_cancel;
  }

  if (linked) {
    sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.flags |= IOSQE_IO_DRAIN | IOSQE_IO_LINK;
    sqe.user_data = ++to_cancel;
  }

  sqe = get_sqe(ring);
  io_uring_prep_openat(sqe, dfd, fn, OPEN_FLAGS, OPEN_MODE);
  sqe.flags |= IOSQE_IO_DRAIN;
  sqe.user_data = ++to_cancel;

  expect(io_uring_submit(ring)).toBe(1 + to_cancel);

  leave(ring, fds);
}

it('test_drained_files()', () => test_drained_files(false, false));
it('test_drained_files() middle', () => test_drained_files(false, true));
it('test_drained_files() linked', () => test_drained_files(true, false));
