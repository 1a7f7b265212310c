/** The port of liburing's test/lfs-openat-write.c. */
import { fstatSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocString,
  io_uring_cqe_seen,
  io_uring_prep_openat,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { O_CREAT, O_DIRECTORY, O_LARGEFILE, O_RDONLY, O_RDWR } from '../../src/linux.js';
import { close, directory, open } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

const RSIZE = 2;
const OPEN_FLAGS = O_RDWR | O_CREAT | O_LARGEFILE;
const OPEN_MODE = 0o600;

const ring = newRing();
const cqe = newCqe();

function result(): number {
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const { res } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);
  return res;
}

function do_write(fd: number, offset: number): void {
  const buf = allocString('some test write buf');
  io_uring_prep_write(get_sqe(ring), fd, buf, buf.length, offset);
  expect(result()).toBe(buf.length);
  // C does not check where it went
  expect(fstatSync(fd).size).toBe(offset + buf.length);
}

it('test_open_write', () => {
  const dfd = open(directory, O_RDONLY | O_DIRECTORY);
  expect(dfd).toBeGreaterThanOrEqual(0);
  expect(io_uring_queue_init(RSIZE, ring, 0)).toBe(0);

  io_uring_prep_openat(get_sqe(ring), dfd, allocString('io_uring_openat_write_test1'), OPEN_FLAGS, OPEN_MODE);
  const fd = result();
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(fstatSync(fd).mode & 0o777).toBe(OPEN_MODE);
  do_write(fd, 2 ** 32);

  io_uring_queue_exit(ring);
  close(dfd);
  close(fd);
});
