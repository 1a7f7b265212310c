/**
 * The port of liburing's test/madvise.c: basic madvise test. C compares how long cached and uncached copies
 * take, and then ignores it as too hard to test reliably; the port looks at the data. The mapping is a shared
 * one, whose pages stay the file's.
 */

import { beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_madvise,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
  map,
  unmap,
} from '../../src/c.js';
import {
  EACCES,
  EBADF,
  EINVAL,
  EPERM,
  MADV_DONTNEED,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  O_RDONLY,
  PROT_READ,
  PROT_WRITE,
} from '../../src/linux.js';
import { close, newPath, open, pipe, read, t_create_file, write } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { syscall } from './support/syscall.js';

const FILE_SIZE = 128 * 1024;
const LOOPS = 11;

const fname = newPath('.madvise.tmp');
beforeAll(() => t_create_file(fname, FILE_SIZE));

function do_madvise(ring: io_uring, addr: Uint8Array, len: number, advice: number): void {
  const cqe = newCqe();
  const sqe = get_sqe(ring);

  io_uring_prep_madvise(sqe, addr, len, advice);
  sqe.user_data = advice;
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);

  const { res, user_data } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  if (res === -EINVAL || res === -EBADF) skipCase('Madvise not supported');
  expect(res).toBe(0);
  expect(user_data).toBe(BigInt(advice));
}

function test_madvise(ring: io_uring): void {
  const fd = open(fname, O_RDONLY);
  if (fd === -EACCES || fd === -EPERM) skip('not allowed to');
  expect(fd).toBeGreaterThanOrEqual(0);

  const ptr = map(FILE_SIZE, PROT_READ, fd);
  const do_copy = (): void => expect(Buffer.from(ptr).every((byte) => byte === 0xaa)).toBe(true);

  do_copy();

  do_madvise(ring, ptr, FILE_SIZE, MADV_DONTNEED);

  do_copy();

  do_madvise(ring, ptr, FILE_SIZE, MADV_DONTNEED);

  do_madvise(ring, ptr, FILE_SIZE, MADV_WILLNEED);

  do_copy();

  unmap(ptr);
  close(fd);
}

it('test_madvise', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  for (let i = 0; i < LOOPS; i++) test_madvise(ring);

  io_uring_queue_exit(ring);
});

// C does not notice if the kernel ignores the advice
it('MADV_DONTNEED empties private memory', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  const size = 4096;
  const address = syscall('mmap', null, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const fds = fdPair();
  const buf = allocArray(2);
  expect(pipe(fds)).toBe(0);
  expect(write(fds[1], Buffer.of(1), 1)).toBe(1);
  expect(read(fds[0], address, 1)).toBe(1);
  expect(write(fds[1], address, 1)).toBe(1);
  expect(complete(ring, (sqe) => io_uring_prep_madvise(sqe, address, size, MADV_DONTNEED)).res).toBe(0);
  expect(write(fds[1], address, 1)).toBe(1);
  expect(read(fds[0], buf, 2)).toBe(2);
  expect([...buf]).toEqual([1, 0]);
  expect(syscall('munmap', address, size)).toBe(0);
  for (const fd of fds) close(fd);
  io_uring_queue_exit(ring);
});
