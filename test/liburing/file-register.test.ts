/** The port of liburing's test/file-register.c: run various file registration tests. */

import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_FILE_INDEX_ALLOC,
  IORING_REGISTER_FILES_SKIP,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_FIXED_FILE,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_prep_files_update,
  io_uring_prep_poll_add,
  io_uring_prep_read,
  io_uring_prep_readv,
  io_uring_prep_timeout,
  io_uring_prep_write,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_file_alloc_range,
  io_uring_register_files,
  io_uring_register_files_sparse,
  io_uring_register_files_update,
  io_uring_submit,
  io_uring_unregister_files,
} from '../../src/c.js';
import {
  AF_UNIX,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENFILE,
  EOVERFLOW,
  ETIME,
  O_CREAT,
  O_RDWR,
  POLLIN,
  POLLOUT,
  SOCK_DGRAM,
} from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, close_files, newPath, open, open_files, pipe, read, write } from './support/files.js';
import { complete, get_sqe, newRing, next, openRing, t_probe_defer_taskrun } from './support/rings.js';
import { skip, skipCase, skipSilently } from './support/skip.js';
import { fdPair, socketpair } from './support/sockets.js';
import { timespec } from './support/time.js';

/** The ring of C's main, a new one for each test here. */
const newTestRing = (): io_uring => openRing(8);

const minusOnes = (length: number): Int32Array => allocArray(length, Int32Array).fill(-1);
const oneFd = (fd: number): Int32Array & { 0: number } =>
  allocArray(1, Int32Array).fill(fd) as Int32Array & { 0: number };

/** What is in a slot that has a file: a NOP on it says so. C does not look. */
const has = (ring: io_uring, slot: number): boolean =>
  complete(ring, (sqe) => {
    io_uring_prep_poll_add(sqe, slot, POLLIN | POLLOUT);
    sqe.flags |= IOSQE_FIXED_FILE;
  }).res !== -EBADF;

function test_basic(ring: io_uring, fail: boolean): void {
  const nr_files = fail ? 10 : 100;
  const files = open_files(nr_files, fail ? 90 : 0, 0);
  if (fail) files.fill(-2, nr_files);

  const ret = io_uring_register_files(ring, files, 100);
  if (fail) expect([-EBADF, -EFAULT]).toContain(ret);
  else {
    expect(ret).toBe(0);
    expect(io_uring_unregister_files(ring)).toBe(0);
  }
  close_files(files, nr_files);
}

it('test_basic', () => test_basic(newTestRing(), false));
it('test_basic, fail', () => test_basic(newTestRing(), true));

it('test_basic_many', () => {
  const ring = newTestRing();
  const files = open_files(768, 0, 0);
  expect(io_uring_register_files(ring, files, 768)).toBe(0);
  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
});

it('test_sparse', () => {
  const ring = newTestRing();
  const files = open_files(100, 100, 0);
  const ret = io_uring_register_files(ring, files, 200);
  if (ret === -EBADF || ret === -EINVAL) skip('Sparse files not supported');
  expect(ret).toBe(0);
  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files, 100);
});

it('test_additions', () => {
  const ring = newTestRing();
  const files = open_files(100, 100, 0);
  expect(io_uring_register_files(ring, files, 200)).toBe(0);

  const fds = open_files(2, 0, 1);
  expect(io_uring_register_files_update(ring, 100, fds, 2)).toBe(2);
  expect([99, 100, 101, 102].map((slot) => has(ring, slot))).toEqual([true, true, true, false]);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files, 100);
  close_files(fds);
});

it('test_removals', () => {
  const ring = newTestRing();
  const files = open_files(100, 0, 0);
  expect(io_uring_register_files(ring, files, 100)).toBe(0);

  expect(io_uring_register_files_update(ring, 50, minusOnes(10), 10)).toBe(10);
  expect([49, 50, 59, 60].map((slot) => has(ring, slot))).toEqual([true, false, false, true]);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
});

it('test_replace', () => {
  const ring = newTestRing();
  const files = open_files(100, 0, 0);
  expect(io_uring_register_files(ring, files, 100)).toBe(0);

  const fds = open_files(10, 0, 1);
  expect(io_uring_register_files_update(ring, 90, fds, 10)).toBe(10);

  // C does not check which file it is
  const buf = allocArray(4).fill(0x55);
  write(fds[9] as number, buf, 4);
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, 99, buf.fill(0), 4, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  expect(res).toBe(4);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
  close_files(fds);
});

it('test_replace_all', () => {
  const ring = newTestRing();
  const files = open_files(100, 0, 0);
  expect(io_uring_register_files(ring, files, 100)).toBe(0);

  expect(io_uring_register_files_update(ring, 0, minusOnes(100), 100)).toBe(100);
  expect([0, 99].map((slot) => has(ring, slot))).toEqual([false, false]);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
});

it('test_grow', () => {
  const ring = newTestRing();
  const files = open_files(50, 250, 0);
  expect(io_uring_register_files(ring, files, 300)).toBe(0);

  // C ends at any error, and leaves the new files open
  for (let off = 50; off <= 300; off++) {
    const fds = open_files(1, 0, off);
    expect(io_uring_register_files_update(ring, off, fds, 1)).toBe(off === 300 ? -EINVAL : 1);
    close_files(fds);
  }
  expect(has(ring, 299)).toBe(true);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
});

it('test_shrink', () => {
  const ring = newTestRing();
  const files = open_files(50, 0, 0);
  expect(io_uring_register_files(ring, files, 50)).toBe(0);

  const fd = oneFd(-1);
  for (let off = 0; off <= 50; off++) {
    expect(io_uring_register_files_update(ring, off, fd, 1)).toBe(off === 50 ? -EINVAL : 1);
  }

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
});

/*
 * Register 0 files, but reserve space for 10.  Then add one file.
 */
it('test_zero', () => {
  const ring = newTestRing();
  const files = open_files(0, 10, 0);
  expect(io_uring_register_files(ring, files, 10)).toBe(0);

  const fds = open_files(1, 0, 1);
  expect(io_uring_register_files_update(ring, 0, fds, 1)).toBe(1);
  expect([0, 1].map((slot) => has(ring, slot))).toEqual([true, false]);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(fds);
});

function test_fixed_read_write(ring: io_uring, index: number): void {
  const bufs = [allocArray(4096).fill(0x5a), allocArray(4096)] as const;
  const iov = iovecOf(...bufs);

  const written = complete(ring, (sqe) => {
    io_uring_prep_writev(sqe, index, iov, 1, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
    sqe.user_data = 1;
  });
  expect(written).toMatchObject({ res: 4096, user_data: 1n });

  const read = complete(ring, (sqe) => {
    io_uring_prep_readv(sqe, index, iov.at(1).address, 1, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
    sqe.user_data = 2;
  });
  expect(read).toMatchObject({ res: 4096, user_data: 2n });

  expect(Buffer.compare(bufs[0], bufs[1]), 'data').toBe(0);
}

/*
 * Register 8K of sparse files, update one at a random spot, then do some
 * file IO to verify it works. Node has the limit of descriptors at its maximum already.
 */
it('test_huge', () => {
  const ring = newTestRing();
  const files = open_files(0, 8192, 0);
  const ret = io_uring_register_files(ring, files, 8192);
  if (ret === -EMFILE) skipCase('No huge file set support');
  expect(ret).toBe(0);

  const fd = open(newPath('.reg.7193'), O_RDWR | O_CREAT, 0o644);
  expect(fd).toBeGreaterThanOrEqual(0);
  files[7193] = fd;

  expect(io_uring_register_files_update(ring, 7193, files.subarray(7193), 1)).toBe(1);

  test_fixed_read_write(ring, 7193);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close(fd);
});

it('test_skip', () => {
  const ring = newTestRing();
  const files = open_files(100, 0, 0);
  expect(io_uring_register_files(ring, files, 100)).toBe(0);

  const skipped = oneFd(IORING_REGISTER_FILES_SKIP);
  const ret = io_uring_register_files_update(ring, 90, skipped, 1);
  if (ret === -EBADF) skipCase('Skipping files not supported');
  expect(ret).toBe(1);

  /* verify can still use file index 90 */
  test_fixed_read_write(ring, 90);

  expect(io_uring_unregister_files(ring)).toBe(0);
  close_files(files);
});

it('test_sparse_updates', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const fds = minusOnes(256);
  expect(io_uring_register_files(ring, fds, 256)).toBe(0);

  const newfd = oneFd(1);
  for (let i = 0; i < 256; i++) expect(io_uring_register_files_update(ring, i, newfd, 1)).toBe(1);
  expect(io_uring_unregister_files(ring)).toBe(0);

  fds.fill(1);
  expect(io_uring_register_files(ring, fds, 256)).toBe(0);

  newfd[0] = -1;
  for (let i = 0; i < 256; i++) expect(io_uring_register_files_update(ring, i, newfd, 1)).toBe(1);
  expect(io_uring_unregister_files(ring)).toBe(0);

  io_uring_queue_exit(ring);
});

it('test_fixed_removal_ordering', () => {
  const ring = newRing();
  const fds = fdPair();
  const buffer = allocArray(128);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);
  expect(io_uring_register_files(ring, fds, 2)).toBe(0);
  /* ring should have fds referenced, can close them */
  close(fds[0]);
  close(fds[1]);

  /* outwait file recycling delay */
  const ts = timespec(3);
  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, ts, 0, 0);
  sqe.flags |= IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_write(sqe, 1, buffer, buffer.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  /* remove unused pipe end */
  const fd = oneFd(-1);
  expect(io_uring_register_files_update(ring, 0, fd, 1)).toBe(1);

  /* remove used pipe end */
  fd[0] = -1;
  expect(io_uring_register_files_update(ring, 1, fd, 1)).toBe(1);

  // C does not check the results: the file is looked up when the link starts, at an empty slot
  expect(next(ring)).toMatchObject({ res: -ETIME, user_data: 1n });
  expect(next(ring)).toMatchObject({ user_data: 2n });

  io_uring_queue_exit(ring);
});

/* mix files requiring SCM-accounting and not in a single register */
it('test_mixed_af_unix', () => {
  const ring = newRing();
  const fds = fdPair();
  const sp = fdPair();

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);
  expect(socketpair(AF_UNIX, SOCK_DGRAM, 0, sp)).toBe(0);

  const reg_fds = allocArray(32, Int32Array);
  for (let i = 0; i < 16; i++) {
    reg_fds[i * 2] = fds[0];
    reg_fds[i * 2 + 1] = sp[0];
  }

  expect(io_uring_register_files(ring, reg_fds, 32)).toBe(0);

  for (const fd of [...fds, ...sp]) close(fd);
  io_uring_queue_exit(ring);
});

it('test_partial_register_fail', () => {
  const ring = newRing();
  const fds = fdPair();

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);

  /*
   * Expect register to fail as it doesn't support io_uring fds, shouldn't
   * leave any fds referenced afterwards.
   */
  const reg_fds = allocArray(5, Int32Array);
  reg_fds.set([fds[0], fds[1], -1, ring.ring_fd, -1]);
  expect(io_uring_register_files(ring, reg_fds, 5)).toBe(-EBADF);

  /* ring should have fds referenced, can close them */
  close(fds[1]);

  /* confirm that fds[1] is actually close and to ref'ed by io_uring */
  expect(read(fds[0], allocArray(128), 10)).toBe(0);
  close(fds[0]);
  io_uring_queue_exit(ring);
});

function file_update_alloc(ring: io_uring, fd: Int32Array): number {
  return complete(ring, (sqe) => io_uring_prep_files_update(sqe, fd, 1, IORING_FILE_INDEX_ALLOC)).res;
}

function test_overallocating_file_range(ring: io_uring, fds: Int32Array & { 0: number }): void {
  const roff = 7;
  const rlen = 2;

  expect(io_uring_register_file_alloc_range(ring, roff, rlen)).toBe(0);

  const given: number[] = [];
  for (let i = 0; i < rlen; i++) {
    const fd = oneFd(fds[0]);
    expect(file_update_alloc(ring, fd)).toBe(1);
    given.push(fd[0]);
  }
  // C accepts one of them twice
  expect(given.sort()).toEqual([roff, roff + 1]);

  expect(file_update_alloc(ring, oneFd(fds[0]))).toBe(-ENFILE);
}

function test_out_of_range_file_ranges(ring: io_uring): void {
  /* overlapping range */
  expect(io_uring_register_file_alloc_range(ring, 8, 3)).toBe(-EINVAL);
  /* out of range index */
  expect(io_uring_register_file_alloc_range(ring, 10, 1)).toBe(-EINVAL);
  /* overflow */
  expect(io_uring_register_file_alloc_range(ring, 7, ~1)).toBe(-EOVERFLOW);
}

function test_zero_range_alloc(ring: io_uring, fds: Int32Array & { 0: number }): void {
  expect(io_uring_register_file_alloc_range(ring, 7, 0)).toBe(0);
  expect(file_update_alloc(ring, oneFd(fds[0]))).toBe(-ENFILE);
}

it('test_file_alloc_ranges', () => {
  const ring = newRing();
  const pipe_fds = fdPair();

  expect(pipe(pipe_fds)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = io_uring_register_files_sparse(ring, 10);
  if (ret === -EINVAL) skipCase('file alloc ranges are not supported');
  expect(ret).toBe(0);

  ret = io_uring_register_file_alloc_range(ring, 0, 1);
  if (ret === -EINVAL) skipCase('file alloc ranges are not supported');
  expect(ret).toBe(0);

  test_overallocating_file_range(ring, pipe_fds);
  test_out_of_range_file_ranges(ring);
  test_zero_range_alloc(ring, pipe_fds);

  for (const fd of pipe_fds) close(fd);
  io_uring_queue_exit(ring);
});

it('test_defer_taskrun', () => {
  if (!t_probe_defer_taskrun()) skipSilently('no DEFER_TASKRUN');
  const ring = newRing();
  const fds = fdPair();
  const buff = allocArray(1).fill(0x78);

  expect(io_uring_queue_init(8, ring, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER)).toBe(0);
  expect(pipe(fds)).toBe(0);
  expect(io_uring_register_files(ring, fds, 2)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, 0, buff, 1, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  expect(io_uring_submit(ring)).toBe(1);

  expect(write(fds[1], buff, 1)).toBe(1);

  expect(io_uring_unregister_files(ring)).toBe(0);
  // C does not wait for the read
  expect(next(ring).res).toBe(1);

  close(fds[0]);
  close(fds[1]);
  io_uring_queue_exit(ring);
});
