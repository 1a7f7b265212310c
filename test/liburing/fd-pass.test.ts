/** The port of liburing's test/fd-pass.c: run various fixed file fd passing tests. */
import { beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_FILE_INDEX_ALLOC,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_close_direct,
  io_uring_prep_msg_ring_fd,
  io_uring_prep_msg_ring_fd_alloc,
  io_uring_prep_openat_direct,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_file_alloc_range,
  io_uring_register_files_sparse,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { AT_FDCWD, EBADF, EINVAL } from '../../src/linux.js';
import { newPath, t_create_file_pattern } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skipCase } from './support/skip.js';

const FSIZE = 128;
const PAT = 0x9a;
const USER_DATA = 0x89;

const fname = newPath('.fd-pass');
const filename = allocString(fname);
beforeAll(() => t_create_file_pattern(fname, FSIZE, PAT));

function verify_fixed_read(ring: io_uring, fixed_fd: number, fail: boolean): void {
  const cqe = newCqe();
  const buf = allocArray(FSIZE);

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fixed_fd, buf, FSIZE, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  io_uring_submit(ring);

  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  if (fail) {
    expect(res).toBe(-EBADF);
    return;
  }
  expect(res).toBe(FSIZE);
  expect(buf.every((byte) => byte === PAT)).toBe(true);
}

function test(source_fd: number, target: number, ring_flags: number): void {
  const sring = newRing();
  const dring = newRing();
  const cqe = newCqe();
  let target_fd = target;

  let ret = io_uring_queue_init(8, sring, ring_flags);
  if (ret === -EINVAL) skipCase('no rings of this kind');
  expect(ret).toBe(0);
  expect(io_uring_queue_init(8, dring, 0)).toBe(0);

  ret = io_uring_register_files_sparse(sring, 8);
  if (ret === -EINVAL) skipCase('no sparse file tables');
  expect(ret).toBe(0);
  expect(io_uring_register_files_sparse(dring, 8)).toBe(0);

  if (target_fd === IORING_FILE_INDEX_ALLOC) {
    /* we want to test installing into a non-zero slot */
    expect(io_uring_register_file_alloc_range(dring, 1, 1)).toBe(0);
  }

  /* open direct descriptor */
  let sqe = get_sqe(sring);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, filename, 0, 0o644, source_fd);
  io_uring_submit(sring);
  expect(io_uring_wait_cqe(sring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(sring, cqe.value);

  /* verify data is sane for source ring */
  verify_fixed_read(sring, source_fd, false);

  /* send direct descriptor to destination ring */
  sqe = get_sqe(sring);
  if (target_fd === IORING_FILE_INDEX_ALLOC) {
    io_uring_prep_msg_ring_fd_alloc(sqe, dring.ring_fd, source_fd, USER_DATA, 0);
  } else {
    io_uring_prep_msg_ring_fd(sqe, dring.ring_fd, source_fd, target_fd, USER_DATA, 0);
  }
  io_uring_submit(sring);

  expect(io_uring_wait_cqe(sring, cqe)).toBe(0);
  if (cqe.value.res === -EINVAL) skipCase('no fd passing');
  expect(cqe.value.res).toBeGreaterThanOrEqual(0);
  io_uring_cqe_seen(sring, cqe.value);

  /* get posted completion for the passing */
  expect(io_uring_wait_cqe(dring, cqe)).toBe(0);
  expect(cqe.value.user_data).toBe(BigInt(USER_DATA));
  expect(cqe.value.res).toBeGreaterThanOrEqual(0);
  if (target_fd === IORING_FILE_INDEX_ALLOC) {
    expect(cqe.value.res).toBe(1);
    target_fd = cqe.value.res;
  }
  io_uring_cqe_seen(dring, cqe.value);

  /* now verify we can read the sane data from the destination ring */
  verify_fixed_read(dring, target_fd, false);

  /* close descriptor in source ring */
  sqe = get_sqe(sring);
  io_uring_prep_close_direct(sqe, source_fd);
  io_uring_submit(sring);

  expect(io_uring_wait_cqe(sring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(sring, cqe.value);

  /* check that source ring fails after close */
  verify_fixed_read(sring, source_fd, true);

  /* check we can still read from destination ring */
  verify_fixed_read(dring, target_fd, false);

  io_uring_queue_exit(sring);
  io_uring_queue_exit(dring);
}

const DEFER = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;

it.each([
  [0, 1, 0],
  [0, 2, 0],
  [1, 1, 0],
  [1, 0, 0],
  [1, IORING_FILE_INDEX_ALLOC, 0],
  [0, 2, DEFER],
  [1, 1, DEFER],
  [1, 0, DEFER],
  [1, IORING_FILE_INDEX_ALLOC, DEFER],
])('test %d %d %d', (source_fd, target_fd, ring_flags) => test(source_fd, target_fd, ring_flags));
