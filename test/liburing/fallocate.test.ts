/**
 * The port of liburing's test/fallocate.c: test io_uring fallocate. Without test_fallocate_rlimit, which
 * lowers a limit of the process for good.
 */
import { fstatSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_fallocate,
  io_uring_prep_fsync,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, EOPNOTSUPP, O_CREAT, O_EXCL, O_RDWR } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { newPath, open, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const ring = newRing();
const cqe = newCqe();
beforeAll(() => expect(io_uring_queue_init(8, ring, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(ring));

function open_unlinked(): number {
  const buf = newPath('fallocate');
  const fd = closing(open(buf, O_RDWR | O_CREAT | O_EXCL, 0o600));
  unlink(buf);
  return fd;
}

it('test_fallocate', () => {
  const fd = open_unlinked();

  io_uring_prep_fallocate(get_sqe(ring), fd, 0, 0, 128 * 1024);
  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const { res } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);
  if (res === -EINVAL || res === -EOPNOTSUPP) skip('Fallocate not supported, skipping');
  expect(res).toBe(0);

  expect(fstatSync(fd).size).toBe(128 * 1024);
});

it('test_fallocate_fsync', () => {
  const fd = open_unlinked();

  let sqe = get_sqe(ring);
  io_uring_prep_fallocate(sqe, fd, 0, 0, 128 * 1024);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_fsync(sqe, fd, 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    if (cqe.value.res === -EINVAL || cqe.value.res === -EOPNOTSUPP) skip('Fallocate not supported, skipping');
    expect(cqe.value.res).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(fstatSync(fd).size).toBe(128 * 1024);
});
