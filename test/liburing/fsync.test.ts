/** The port of liburing's test/fsync.c: test io_uring fsync handling. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  IORING_FSYNC_DATASYNC,
  IOSQE_IO_DRAIN,
  io_uring_cqe_seen,
  io_uring_prep_fsync,
  io_uring_prep_sync_file_range,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_flags,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, O_CREAT, O_EXCL, O_RDWR, O_WRONLY } from '../../src/linux.js';
import { t_create_buffers } from './support/buffers.js';
import { close, newPath, open, t_create_file, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const ring = newRing();
const cqe = newCqe();
beforeAll(() => expect(io_uring_queue_init(8, ring, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(ring));

it('test_single_fsync', () => {
  const fd = open(newPath(), O_RDWR | O_CREAT | O_EXCL, 0o600);
  expect(fd).toBeGreaterThanOrEqual(0);

  const sqe = get_sqe(ring);
  io_uring_prep_fsync(sqe, fd, 0);

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  // C does not check the result
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
  close(fd);
});

it('test_barrier_fsync', () => {
  const path = newPath('fsync-testfile');
  const fd = open(path, O_WRONLY | O_CREAT, 0o644);
  expect(fd).toBeGreaterThanOrEqual(0);
  unlink(path);
  const iovecs = t_create_buffers(4, 4096);

  let off = 0;
  for (let i = 0; i < 4; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_writev(sqe, fd, iovecs.at(i), 1, off);
    sqe.user_data = 0;
    off += 4096;
  }

  const sqe = get_sqe(ring);
  io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
  sqe.user_data = 1;
  io_uring_sqe_set_flags(sqe, IOSQE_IO_DRAIN);

  expect(io_uring_submit(ring)).toBe(5);

  for (let i = 0; i < 5; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    if (cqe.value.res === -EINVAL) skipCase("kernel doesn't support IOSQE_IO_DRAIN");
    if (i <= 3) expect(cqe.value.user_data, 'Got fsync early?').toBe(0n);
    else expect(cqe.value.user_data, 'Got write late?').toBe(1n);
    io_uring_cqe_seen(ring, cqe.value);
  }
  close(fd);
});

const FILE_SIZE = 1024;

it('test_sync_file_range', () => {
  const path = newPath('.sync_file_range');
  t_create_file(path, FILE_SIZE);

  const fd = open(path, O_RDWR);
  unlink(path);
  expect(fd).toBeGreaterThanOrEqual(0);

  const sqe = get_sqe(ring);
  io_uring_prep_sync_file_range(sqe, fd, 0, 0, 0);
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(0);

  io_uring_cqe_seen(ring, cqe.value);
  close(fd);
});
