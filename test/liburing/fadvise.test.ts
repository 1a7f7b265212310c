/**
 * The port of liburing's test/fadvise.c: basic fadvise test. C compares how long cached and uncached
 * reads take, and then ignores it as too hard to test reliably; the port keeps the loop of calls.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  free,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_fadvise,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADF, EINVAL, O_RDONLY, POSIX_FADV_DONTNEED, POSIX_FADV_WILLNEED } from '../../src/linux.js';
import { close, lseek, newPath, open, read, SEEK_SET, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { now } from './support/time.js';

const FILE_SIZE = 128 * 1024;
const LOOPS = 100;
const MIN_LOOPS = 10;

function do_fadvise(ring: io_uring, fd: number, offset: number, len: number, advice: number): void {
  const cqe = newCqe();

  const sqe = get_sqe(ring);
  io_uring_prep_fadvise(sqe, fd, offset, len, advice);
  sqe.user_data = advice;
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);

  const ret = cqe.value.res;
  if (ret === -EINVAL || ret === -EBADF) skip('Fadvise not supported');
  expect(ret).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
}

function do_read(fd: number, buf: Uint8Array): number {
  expect(lseek(fd, 0, SEEK_SET)).toBe(0);

  const tv = now();
  const ret = read(fd, buf, FILE_SIZE);
  const t = now() - tv;
  expect(ret).toBe(FILE_SIZE);
  return t;
}

function test_fadvise(ring: io_uring, filename: string): 0 | 2 {
  const fd = open(filename, O_RDONLY);
  expect(fd).toBeGreaterThanOrEqual(0);

  const buf = allocArray(FILE_SIZE);

  const cached_read = do_read(fd, buf);

  do_fadvise(ring, fd, 0, FILE_SIZE, POSIX_FADV_DONTNEED);

  const uncached_read = do_read(fd, buf);

  do_fadvise(ring, fd, 0, FILE_SIZE, POSIX_FADV_DONTNEED);

  do_fadvise(ring, fd, 0, FILE_SIZE, POSIX_FADV_WILLNEED);

  const cached_read2 = do_read(fd, buf);
  free(buf);
  close(fd);

  return cached_read < uncached_read && cached_read2 < uncached_read ? 0 : 2;
}

it('main', () => {
  const ring = newRing();
  const fname = newPath('.fadvise.tmp');
  t_create_file(fname, FILE_SIZE);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let bad = 0;
  for (let i = 0; i < LOOPS; i++) {
    if (test_fadvise(ring, fname) === 2) bad++;
    if (i >= MIN_LOOPS && !bad) break;
  }

  io_uring_queue_exit(ring);
});

// C, whose calls the kernel may refuse without a trace, sees only their timing
it('a wrong advice is refused', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fname = newPath('.fadvise.tmp');
  t_create_file(fname, FILE_SIZE);
  const fd = open(fname, O_RDONLY);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  io_uring_prep_fadvise(get_sqe(ring), fd, 0, FILE_SIZE, 99);
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
  expect(waited(ring, cqe).res).toBe(-EINVAL);
  io_uring_queue_exit(ring);
  close(fd);
});
