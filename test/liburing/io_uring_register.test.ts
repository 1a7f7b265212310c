/**
 * The port of liburing's test/io_uring_register.c: unit tests for the io_uring_register system call. Without
 * test_memlock_exceeded, which C leaves out for root. Where C names one error it accepts any; here it is that one.
 */

import { ftruncateSync, statfsSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type Address,
  alloc,
  allocArray,
  free,
  IORING_OP_POLL_ADD,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_FILES,
  IORING_SETUP_SQPOLL,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_FILES,
  type io_uring,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register,
  io_uring_setup,
  iovec,
} from '../../src/c.js';
import {
  EBADF,
  EFAULT,
  EINVAL,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  POLLIN,
  POLLOUT,
  PROT_READ,
  PROT_WRITE,
} from '../../src/linux.js';
import { bytesAt, iovecOf } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { close, directory, newPath, open, unlink } from './support/files.js';
import { complete, newParams, newRing } from './support/rings.js';
import { skipCase, skipSilently } from './support/skip.js';
import { syscall } from './support/syscall.js';

const pagesize = 4096;
const UINT_MAX = 0xffffffff;
const UIO_MAXIOV = 1024;
const MAP_HUGE_2MB = 21 << 26;
const MB = 1024 * 1024;

const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;
const READ_WRITE = PROT_READ | PROT_WRITE;

/** mmap(2), -errno where it fails */
const mmap = (address: number, size: number, flags: number, fd: number): number =>
  syscall('mmap', address, size, READ_WRITE, flags, fd, 0);
const munmap = (address: number, size: number): void => expect(syscall('munmap', address, size)).toBe(0);

function new_io_uring(entries: number): number {
  const fd = io_uring_setup(entries, newParams());
  expect(fd).toBeGreaterThanOrEqual(0);
  return closing(fd);
}

const register_buffers = (fd: number, base: Address, len: number): number => {
  const iov = alloc(iovec, 1);
  iov.at(0).iov_base = base;
  iov.at(0).iov_len = len;
  return io_uring_register(fd, IORING_REGISTER_BUFFERS, iov, 1);
};

it('invalid fd', () => {
  // newer kernels take -1 as "no ring", and no such opcode works without a ring
  expect([-EBADF, -EINVAL]).toContain(io_uring_register(-1, 0, null, 0));
});

it('valid fd that is not an io_uring fd', () => {
  const devnull = closing(open('/dev/null', O_RDWR));
  expect(io_uring_register(devnull, 0, null, 0)).toBe(-EOPNOTSUPP);
});

it('invalid opcode', () => {
  expect(io_uring_register(new_io_uring(1), UINT_MAX, null, 0)).toBe(-EINVAL);
});

/*
 * io_uring limit is 1G.  iov_len limit is ~OUL, I think
 */
it('test_iovec_size', () => {
  const fd = new_io_uring(1);

  /* NULL pointer for base */
  expect(register_buffers(fd, 0, 4096)).toBe(-EFAULT);

  /* valid base, 0 length */
  expect(register_buffers(fd, allocArray(8), 0)).toBe(-EFAULT);

  /* valid base, length exceeds size */
  /* this requires an unampped page directly after buf */
  const buf = mmap(0, 2 * pagesize, ANONYMOUS, -1);
  expect(buf).toBeGreaterThan(0);
  munmap(buf + pagesize, pagesize);
  expect(register_buffers(fd, buf, 2 * pagesize)).toBe(-EFAULT);
  munmap(buf, pagesize);
});

it('test_iovec_size: huge page', () => {
  const buf = mmap(0, 2 * MB, ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB, -1);
  if (buf < 0) skipCase('Unable to map a huge page');
  atEnd(() => munmap(buf, 2 * MB));

  /*
   * This should succeed, so long as RLIMIT_MEMLOCK is
   * not exceeded
   */
  const fd = new_io_uring(1);
  const ret = register_buffers(fd, buf, 2 * MB);
  if (ret === -ENOMEM) skipCase('Unable to test registering of a huge page');
  expect(ret).toBe(0);
  expect(io_uring_register(fd, IORING_UNREGISTER_BUFFERS, null, 0)).toBe(0);
});

/* file-backed buffers -- not supported */
it('test_iovec_size: file-backed', () => {
  // virtual file systems may not present as file mapped
  const virtual = [0x794c7630 /* OFS */, 0x01021994 /* TMPFS */, 0x858458f6 /* RAMFS */];
  if (virtual.includes(statfsSync(directory).type)) skipSilently('a virtual file system');

  const template = newPath('io_uring_register-test');
  const file = open(template, O_RDWR | O_CREAT | O_EXCL, 0o600);
  unlink(template);
  ftruncateSync(file, 2 * MB);
  const buf = mmap(0, 2 * MB, MAP_SHARED, file);
  expect(buf).toBeGreaterThan(0);
  close(file);

  expect([-EFAULT, -EOPNOTSUPP]).toContain(register_buffers(new_io_uring(1), buf, 2 * MB));
  munmap(buf, 2 * MB);
});

it('test_iovec_nr', () => {
  const fd = new_io_uring(1);
  const nr = 1000000;
  const buf = allocArray(pagesize);
  const one = iovecOf(buf);
  const iovs = allocArray(nr * iovec.size);
  for (let i = 0; i < nr; i++) iovs.set(bytesAt(one.address, iovec.size), i * iovec.size);

  expect(io_uring_register(fd, IORING_REGISTER_BUFFERS, iovs, nr)).toBe(-EINVAL);

  /* reduce to UIO_MAXIOV */
  const ret = io_uring_register(fd, IORING_REGISTER_BUFFERS, iovs, UIO_MAXIOV);
  if ((ret === -ENOMEM || ret === -EPERM) && process.geteuid?.()) skipCase("can't register large iovec");
  expect(ret).toBe(0);
  expect(io_uring_register(fd, IORING_UNREGISTER_BUFFERS, null, 0)).toBe(0);
  free(iovs);
});

it('test_max_fds', () => {
  const uring_fd = new_io_uring(1);
  const size = UINT_MAX * 4;
  const chunk = 128 * MB;

  /*
   * First, mmap anonymous the full size.  That will guarantee the
   * mapping will fit in the memory area selected by mmap.  Then,
   * over-write that mapping using a file-backed mapping, 128MiB at
   * a time using MAP_FIXED.
   */
  const fd_as = mmap(0, size, ANONYMOUS, -1);
  if (fd_as === -ENOMEM) skipSilently('no room for that many descriptors');
  expect(fd_as).toBeGreaterThan(0);
  atEnd(() => munmap(fd_as, size));

  const template = newPath('io_uring_register-test');
  const io_fd = closing(open('/dev/null', O_RDWR));
  /* fill the fd table */
  writeFileSync(template, Buffer.from(new Int32Array(chunk / 4).fill(io_fd).buffer));
  const fdtable_fd = closing(open(template, O_RDWR));
  unlink(template);

  /* map the file through the rest of the address space */
  for (let offset = 0; offset < size; offset += chunk) {
    expect(mmap(fd_as + offset, chunk, MAP_SHARED | MAP_FIXED, fdtable_fd)).toBe(fd_as + offset);
  }

  /* Now fd_as points to the file descriptor array. */
  /*
   * We may not be able to map all of these files.  Let's back off
   * until success.
   */
  let nr_fds = UINT_MAX;
  while (nr_fds > 0 && io_uring_register(uring_fd, IORING_REGISTER_FILES, fd_as, nr_fds) !== 0) {
    nr_fds = Math.floor(nr_fds / 2);
  }
  expect(nr_fds).toBeGreaterThan(0);
  expect(io_uring_register(uring_fd, IORING_UNREGISTER_FILES, null, 0)).toBe(0);
});

function ioring_poll(ring: io_uring, fd: number): void {
  const { res } = complete(ring, (sqe) => {
    sqe.bytes.fill(0);
    sqe.opcode = IORING_OP_POLL_ADD;
    sqe.fd = fd;
    sqe.poll_events = POLLIN | POLLOUT;
  });
  expect(res & POLLOUT).toBe(POLLOUT);
}

it.each([
  { name: '0', ring_flags: 0 },
  { name: 'SQPOLL', ring_flags: IORING_SETUP_SQPOLL },
])('test_poll_ringfd, $name', ({ ring_flags }) => {
  const ring = newRing();
  expect(io_uring_queue_init(2, ring, ring_flags)).toBe(0);
  const fd = ring.ring_fd;

  /* try polling the ring fd */
  ioring_poll(ring, fd);

  /*
   * now register the ring fd, and try the poll again.  This should
   * fail, because the kernel does not allow registering of the
   * ring_fd.
   */
  expect(io_uring_register(fd, IORING_REGISTER_FILES, Int32Array.of(fd), 1)).toBe(-EBADF);

  /* tear down queue */
  io_uring_queue_exit(ring);
});
