/** The port of liburing's test/openat2.c: run various openat2(2) tests. */
import { readlinkSync } from 'node:fs';
import { relative } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import {
  type Address,
  alloc,
  allocArray,
  allocString,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_openat2,
  io_uring_prep_openat2_direct,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_submit,
  io_uring_wait_cqe,
  open_how,
} from '../../src/c.js';
import { AT_FDCWD, EAGAIN, EBADF, EFAULT, EINVAL, ENXIO, O_ACCMODE, O_NONBLOCK, O_RDWR } from '../../src/linux.js';
import { close, fcntl, newPath, pipe, read, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const path = newPath('.open.at2');
const text = allocString(path);
beforeAll(() => t_create_file(path, 4096));

/** C's file in the working directory, as seen from there. */
const path_rel = allocString(relative(process.cwd(), path));

function test_openat2(
  ring: io_uring,
  name: Address,
  dfd: number,
  direct: boolean,
  fixed_index: number,
  bad_how: boolean,
): number {
  const cqe = newCqe();
  const how = alloc(open_how);
  how.flags = O_RDWR;

  const sqe = get_sqe(ring);
  if (!direct) io_uring_prep_openat2(sqe, dfd, name, bad_how ? 0x1234 : how);
  else io_uring_prep_openat2_direct(sqe, dfd, name, how, fixed_index);
  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);

  if (direct) expect(ret, 'direct open gives no fd').toBeLessThanOrEqual(0);
  return ret;
}

it('test_openat2', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = test_openat2(ring, text, -1, false, 0, false);
  if (ret === -EINVAL) skipCase('openat2 not supported');
  expect(ret).toBeGreaterThanOrEqual(0);
  // C leaves it open, and sees no more of it
  expect(readlinkSync(`/proc/self/fd/${ret}`)).toBe(path);
  expect(fcntl(ret, 'F_GETFL') & O_ACCMODE).toBe(O_RDWR);
  close(ret);

  ret = test_openat2(ring, path_rel, AT_FDCWD, false, 0, false);
  expect(ret).toBeGreaterThanOrEqual(0);
  close(ret);

  ret = test_openat2(ring, 0x1234, AT_FDCWD, false, 0, false);
  expect(ret).toBe(-EFAULT);

  ret = test_openat2(ring, path_rel, AT_FDCWD, false, 0, true);
  expect(ret).toBe(-EFAULT);
  io_uring_queue_exit(ring);
});

it('test_open_fixed', () => {
  const ring = newRing();
  const cqe = newCqe();
  const pattern = allocArray(1).fill(0xac);
  const buffer = allocArray(2);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = io_uring_register_files(ring, Int32Array.of(-1), 1);
  if (ret === -EINVAL || ret === -EBADF) skipCase('No sparse file registration');
  expect(ret).toBe(0);

  ret = test_openat2(ring, text, -1, true, 0, false);
  if (ret === -EINVAL) skipCase('direct openat2 not supported');
  expect(ret).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_write(sqe, 0, pattern, 1, 0);
  sqe.user_data = 1;
  sqe.flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_read(sqe, 0, buffer, 1, 0);
  sqe.user_data = 2;
  sqe.flags |= IOSQE_FIXED_FILE;
  expect(io_uring_submit(ring)).toBe(2);

  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(1);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(buffer[0]).toBe(0xac);

  io_uring_queue_exit(ring);
});

it('test_open_fixed_fail', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = test_openat2(ring, text, -1, true, 0, false);
  expect(ret).toBe(-ENXIO);

  ret = io_uring_register_files(ring, Int32Array.of(-1), 1);
  if (ret === -EINVAL || ret === -EBADF) skipCase('No sparse file registration');
  expect(ret).toBe(0);

  ret = test_openat2(ring, text, -1, true, 1, false);
  expect(ret).toBe(-EINVAL);

  ret = test_openat2(ring, text, -1, true, 1 << 16, false);
  expect(ret).toBe(-EINVAL);

  ret = test_openat2(ring, text, -1, true, (1 << 16) + 1, false);
  expect(ret).toBe(-EINVAL);

  io_uring_queue_exit(ring);
});

it('test_direct_reinstall', () => {
  const ring = newRing();
  const cqe = newCqe();
  const buf = allocArray(1).fill(0xfa);
  const pipe_fds = fdPair();
  expect(pipe(pipe_fds, O_NONBLOCK)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(io_uring_register_files(ring, pipe_fds, 2)).toBe(0);

  /* reinstall into the second slot */
  expect(test_openat2(ring, text, -1, true, 1, false)).toBe(0);

  /* verify it's reinstalled, first write into the slot... */
  const sqe = get_sqe(ring);
  io_uring_prep_write(sqe, 1, buf, 1, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(1);
  io_uring_cqe_seen(ring, cqe.value);

  /* ... and make sure nothing has been written to the pipe */
  expect([0, -EAGAIN]).toContain(read(pipe_fds[0], buf, 1));

  close(pipe_fds[0]);
  close(pipe_fds[1]);
  io_uring_queue_exit(ring);
});
