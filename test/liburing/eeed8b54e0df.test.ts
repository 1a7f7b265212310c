/** The port of liburing's test/eeed8b54e0df.c: -EAGAIN handling. */

import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_peek_cqe,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { EAGAIN, EOPNOTSUPP, O_RDWR, POSIX_FADV_DONTNEED } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { closing } from './support/clean.js';
import { newPath, open, t_create_file_pattern, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { syscall } from './support/syscall.js';

const BLOCK = 4096;
const RWF_NOWAIT = 8;

function get_file_fd(): number {
  const testfile = newPath('testfile');
  t_create_file_pattern(testfile, BLOCK, 0x5a);
  const fd = open(testfile, O_RDWR);
  unlink(testfile);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(syscall('fadvise64', fd, 0, 4096, POSIX_FADV_DONTNEED)).toBe(0);
  return fd;
}

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const buf = allocArray(4096);
  const iov = iovecOf(buf);

  expect(io_uring_queue_init(2, ring, 0)).toBe(0);

  const sqe = get_sqe(ring);
  const fd = closing(get_file_fd());

  io_uring_prep_readv(sqe, fd, iov, 1, 0);
  sqe.rw_flags = RWF_NOWAIT;

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);

  const { res } = cqe.value;
  if (res === -EOPNOTSUPP) skip('no RWF_NOWAIT here');
  expect([-EAGAIN, 4096]).toContain(res);
  // C does not check the buffer
  expect(buf.every((byte) => byte === (res === 4096 ? 0x5a : 0))).toBe(true);

  io_uring_queue_exit(ring);
});
