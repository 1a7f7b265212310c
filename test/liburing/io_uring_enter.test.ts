/** The port of liburing's test/io_uring_enter.c: unit tests for the io_uring_enter system call. */
import { ftruncateSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_ENTER_GETEVENTS,
  type io_uring,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_enter,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_smp_load_acquire,
  io_uring_smp_store_release,
  type io_uring_sqe,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
  memory,
} from '../../src/c.js';
import { EBADF, EINVAL, ENOMEM, EOPNOTSUPP, O_CREAT, O_EXCL, O_RDWR } from '../../src/linux.js';
import { close, newPath, open, read, unlink } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, t_io_uring_init_sqarray } from './support/rings.js';

const IORING_MAX_ENTRIES = 4096;
const IORING_MAX_ENTRIES_FALLBACK = 128;

const try_io_uring_enter = (
  fd: number,
  to_submit: number,
  min_complete: number,
  flags: number,
  expected: number,
): void => expect(io_uring_enter(fd, to_submit, min_complete, flags, null)).toBe(expected);

/*
 * prep a read I/O.  index is treated like a block number.
 */
function setup_file(path: string, len: number): number {
  const fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
  expect(fd).toBeGreaterThanOrEqual(0);
  ftruncateSync(fd, len);
  expect(read(fd, allocArray(4096), 4096)).toBe(4096);
  return fd;
}

function io_prep_read(sqe: io_uring_sqe, fd: number, offset: number, len: number): void {
  const iov = alloc(iovec);
  iov.iov_base = allocArray(len);
  iov.iov_len = len;

  io_uring_prep_readv(sqe, fd, iov, 1, offset);
  io_uring_sqe_set_data(sqe, iov.address);
}

function reap_events(ring: io_uring, nr: number): void {
  const cqe = newCqe();
  const iovs = new Set<number>();
  for (let left = nr; left; left--) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(4096);
    iovs.add(io_uring_cqe_get_data(cqe.value));
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(iovs.size).toBe(nr);
}

function submit_io(ring: io_uring, nr: number): number {
  const file_len = nr * 4096;
  const path = newPath('io_uring_enter-test');
  const fd = setup_file(path, file_len);
  for (let i = 0; i < nr; i++) {
    /* allocate an sqe */
    const sqe = get_sqe(ring);
    /* fill it in */
    io_prep_read(sqe, fd, i * 4096, 4096);
  }

  /* submit the I/Os */
  expect(io_uring_submit(ring)).toBe(nr);
  unlink(path);
  return fd;
}

it('main', () => {
  const ring = newRing();
  let ret = t_io_uring_init_sqarray(IORING_MAX_ENTRIES, ring, newParams());
  if (ret === -ENOMEM) ret = t_io_uring_init_sqarray(IORING_MAX_ENTRIES_FALLBACK, ring, newParams());
  expect(ret).toBe(0);
  const { sq, cq } = ring;
  const mask = sq.ring_mask;
  const { ring_fd } = ring;

  /* invalid flags */
  try_io_uring_enter(ring_fd, 1, 0, 0xffffffff, -EINVAL);

  /* invalid fd, EBADF */
  try_io_uring_enter(-1, 0, 0, 0, -EBADF);

  /* valid, non-ring fd, EOPNOTSUPP */
  try_io_uring_enter(0, 0, 0, 0, -EOPNOTSUPP);

  /* to_submit: 0, flags: 0;  should get back 0. */
  try_io_uring_enter(ring_fd, 0, 0, 0, 0);

  /* fill the sq ring */
  const sq_entries = sq.ring_entries;
  const fd = submit_io(ring, sq_entries);
  ret = io_uring_enter(ring_fd, 0, sq_entries, IORING_ENTER_GETEVENTS, null);
  expect(ret).toBeGreaterThanOrEqual(0);
  /*
   * This is a non-IOPOLL ring, which means that io_uring_enter
   * should not return until min_complete events are available
   * in the completion queue.
   */
  expect(io_uring_smp_load_acquire(cq.ktail) - io_uring_smp_load_acquire(cq.khead)).toBe(sq_entries);
  reap_events(ring, sq_entries);

  /*
   * Add an invalid index to the submission queue.  This should
   * result in the dropped counter increasing.
   */
  const index = sq.ring_entries + 1; // invalid index
  const dropped = io_uring_smp_load_acquire(sq.kdropped);
  const ktail = io_uring_smp_load_acquire(sq.ktail);
  memory.view.setUint32(sq.array + 4 * (ktail & mask), index, true);

  /*
   * Ensure that the kernel sees the SQE update before it sees the tail
   * update.
   */
  io_uring_smp_store_release(sq.ktail, ktail + 1);

  io_uring_enter(ring_fd, 1, 0, 0, null);

  /* now check to see if our sqe was dropped */
  expect(io_uring_smp_load_acquire(sq.kdropped)).toBe(dropped + 1);
  io_uring_queue_exit(ring);
  close(fd);
});
