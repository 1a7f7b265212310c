/** Functions on paths and on files' memory, of which liburing's tests call others. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { relative } from 'node:path';
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  IORING_OP_ZERO,
  IOSQE_FIXED_FILE,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_opcode_supported,
  io_uring_prep_cmd_discard,
  io_uring_prep_fadvise,
  io_uring_prep_fadvise64,
  io_uring_prep_link,
  io_uring_prep_madvise,
  io_uring_prep_madvise64,
  io_uring_prep_mkdir,
  io_uring_prep_open,
  io_uring_prep_open_direct,
  io_uring_prep_openat_direct,
  io_uring_prep_openat2_direct,
  io_uring_prep_read,
  io_uring_prep_readv2,
  io_uring_prep_renameat,
  io_uring_prep_symlink,
  io_uring_prep_tee,
  io_uring_prep_unlinkat,
  io_uring_prep_writev2,
  io_uring_prep_zero,
  io_uring_register_files_sparse,
  type io_uring_sqe,
  open_how,
} from '../../../src/c.js';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  EAGAIN,
  EBADF,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  EOPNOTSUPP,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  POSIX_FADV_WILLNEED,
  PROT_READ,
  PROT_WRITE,
  SPLICE_F_NONBLOCK,
} from '../../../src/linux.js';
import { iovecOf, stringOf } from '../support/buffers.js';
import { atEnd, closing } from '../support/clean.js';
import { directory, fcntl, newPath, open, pipe, read, write } from '../support/files.js';
import { complete, openRing } from '../support/rings.js';
import { fdPair } from '../support/sockets.js';
import { syscall } from '../support/syscall.js';

const text = (path: string): Uint8Array => allocString(path);

/** A file with a few bytes. */
function newFile(contents = 'contents'): string {
  const path = newPath();
  writeFileSync(path, contents);
  return path;
}

it('io_uring_prep_link', () => {
  const ring = openRing();
  const [old, link] = [newFile(), newPath()];
  expect(complete(ring, (sqe) => io_uring_prep_link(sqe, text(old), text(link), 0)).res).toBe(0);
  expect(statSync(link).ino).toBe(statSync(old).ino);
});

it('io_uring_prep_link: of a symbolic link, or of what it leads to', () => {
  const ring = openRing();
  const [old, symbolic, link, followed] = [newFile(), newPath(), newPath(), newPath()];
  symlinkSync(old, symbolic);
  expect(complete(ring, (sqe) => io_uring_prep_link(sqe, text(symbolic), text(link), 0)).res).toBe(0);
  const flags = AT_SYMLINK_FOLLOW;
  expect(complete(ring, (sqe) => io_uring_prep_link(sqe, text(symbolic), text(followed), flags)).res).toBe(0);
  expect(readlinkSync(link)).toBe(old);
  expect(lstatSync(followed).ino).toBe(lstatSync(old).ino);
});

it('io_uring_prep_mkdir', () => {
  const ring = openRing();
  const path = newPath();
  expect(complete(ring, (sqe) => io_uring_prep_mkdir(sqe, text(path), 0o700)).res).toBe(0);
  expect(statSync(path).mode & 0o7777).toBe(0o700);
  expect(statSync(path).isDirectory()).toBe(true);
});

it('io_uring_prep_symlink', () => {
  const ring = openRing();
  const [target, path] = [newPath('target'), newPath()];
  expect(complete(ring, (sqe) => io_uring_prep_symlink(sqe, text(target), text(path))).res).toBe(0);
  expect(readlinkSync(path)).toBe(target);
});

it('io_uring_prep_renameat', () => {
  const ring = openRing();
  const [old, path] = [newFile('old'), newFile('new')];
  const dfd = closing(open(directory, O_RDONLY | O_DIRECTORY));
  const RENAME_NOREPLACE = 1;
  const rename = (olddfd: number, newdfd: number, flags: number): number =>
    complete(ring, (sqe) =>
      io_uring_prep_renameat(
        sqe,
        olddfd,
        text(relative(directory, old)),
        newdfd,
        text(relative(directory, path)),
        flags,
      ),
    ).res;
  expect(rename(dfd, dfd, RENAME_NOREPLACE)).toBe(-EEXIST);
  expect(rename(AT_FDCWD, dfd, 0)).toBe(-ENOENT);
  expect(rename(dfd, dfd, 0)).toBe(0);
  expect(readFileSync(path, 'latin1')).toBe('old');
  expect(existsSync(old)).toBe(false);
});

it('io_uring_prep_unlinkat', () => {
  const ring = openRing();
  const [path, folder] = [newFile(), newPath()];
  mkdirSync(folder);
  const dfd = closing(open(directory, O_RDONLY | O_DIRECTORY));
  const unlinkat = (fd: number, name: string, flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_unlinkat(sqe, fd, text(relative(directory, name)), flags)).res;
  expect(unlinkat(AT_FDCWD, path, 0)).toBe(-ENOENT);
  expect(unlinkat(dfd, path, 0)).toBe(0);
  expect(existsSync(path)).toBe(false);
  expect(unlinkat(dfd, folder, 0)).toBe(-EISDIR);
  expect(unlinkat(dfd, folder, AT_REMOVEDIR)).toBe(0);
  expect(existsSync(folder)).toBe(false);
});

it('io_uring_prep_open', () => {
  const ring = openRing();
  const path = newPath();
  const { res } = complete(ring, (sqe) => io_uring_prep_open(sqe, text(path), O_RDWR | O_CREAT, 0o640));
  expect(res).toBeGreaterThanOrEqual(0);
  closing(res);
  expect(readlinkSync(`/proc/self/fd/${res}`)).toBe(path);
  expect(fcntl(res, 'F_GETFL') & O_ACCMODE).toBe(O_RDWR);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

it('io_uring_prep_open_direct', () => {
  const ring = openRing();
  const path = newPath();
  const buf = allocArray(8);
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const open_direct = (slot: number): number =>
    complete(ring, (sqe) => io_uring_prep_open_direct(sqe, text(path), O_RDWR | O_CREAT, 0o640, slot)).res;
  expect(open_direct(4)).toBe(-EINVAL);
  expect(open_direct(3)).toBe(0);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  writeFileSync(path, 'direct');
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, 3, buf, 8, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  expect(res).toBe(6);
  expect(stringOf(buf)).toBe('direct');
});

it.each([
  {
    name: 'io_uring_prep_openat_direct',
    prep: (sqe: io_uring_sqe, dfd: number, path: string, flags: number, mode: number, slot: number): void =>
      io_uring_prep_openat_direct(sqe, dfd, text(path), flags, mode, slot),
  },
  {
    name: 'io_uring_prep_openat2_direct',
    prep: (sqe: io_uring_sqe, dfd: number, path: string, flags: number, mode: number, slot: number): void => {
      const how = alloc(open_how);
      [how.flags, how.mode] = [BigInt(flags), BigInt(mode)];
      io_uring_prep_openat2_direct(sqe, dfd, text(path), how, slot);
    },
  },
])('$name, in a folder', ({ prep }) => {
  const ring = openRing();
  const path = newPath();
  const dfd = closing(open(directory, O_RDONLY | O_DIRECTORY));
  const buf = allocArray(8);
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const flags = O_RDWR | O_CREAT;
  expect(complete(ring, (sqe) => prep(sqe, AT_FDCWD, `${relative(directory, path)}/no`, flags, 0, 2)).res).toBe(
    -ENOENT,
  );
  expect(complete(ring, (sqe) => prep(sqe, dfd, relative(directory, path), flags, 0o640, 2)).res).toBe(0);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  writeFileSync(path, 'direct');
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, 2, buf, 8, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  expect([res, stringOf(buf)]).toEqual([6, 'direct']);
});

it.each([
  { name: 'io_uring_prep_fadvise64', prep: io_uring_prep_fadvise64 },
  { name: 'io_uring_prep_fadvise', prep: io_uring_prep_fadvise },
])('$name', ({ prep }) => {
  const ring = openRing();
  const fd = closing(open(newFile('x'.repeat(8192)), O_RDONLY));
  const fadvise = (offset: number, len: number, advice: number): number =>
    complete(ring, (sqe) => prep(sqe, fd, offset, len, advice)).res;
  expect(fadvise(4096, 4096, POSIX_FADV_WILLNEED)).toBe(0);
  expect(fadvise(4096, 4096, 99)).toBe(-EINVAL);
  expect(complete(ring, (sqe) => prep(sqe, -1, 0, 4096, POSIX_FADV_WILLNEED)).res).toBe(-EBADF);
});

it.each([
  { name: 'io_uring_prep_madvise', prep: io_uring_prep_madvise },
  { name: 'io_uring_prep_madvise64', prep: io_uring_prep_madvise64 },
])('$name', ({ prep }) => {
  const ring = openRing();
  // private memory is zero again after MADV_DONTNEED
  const address = syscall('mmap', null, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  atEnd(() => syscall('munmap', address, 8192));
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
  const buf = allocArray(2).fill(0x5a);
  const fill = (at: number): void => {
    expect(write(fds[1], buf, 1)).toBe(1);
    expect(read(fds[0], at, 1)).toBe(1);
  };
  const look = (at: number): number => {
    expect(write(fds[1], at, 1)).toBe(1);
    expect(read(fds[0], buf.subarray(1), 1)).toBe(1);
    return buf[1] as number;
  };
  fill(address);
  fill(address + 4096);
  expect(complete(ring, (sqe) => prep(sqe, address, 4096, MADV_DONTNEED)).res).toBe(0);
  expect(look(address)).toBe(0);
  expect(look(address + 4096)).toBe(0x5a);
  expect(complete(ring, (sqe) => prep(sqe, address, 4096, 9999)).res).toBe(-EINVAL);
});

it('io_uring_prep_zero, which no released kernel has', () => {
  const ring = openRing();
  const path = newFile('12345 67890');
  const fd = closing(open(path, O_RDWR));
  const probe = io_uring_get_probe_ring(ring);
  const supported = probe !== null && io_uring_opcode_supported(probe, IORING_OP_ZERO);
  if (probe) io_uring_free_probe(probe);
  const { res } = complete(ring, (sqe) => io_uring_prep_zero(sqe, fd, 0, 5));
  if (supported && res === 0) expect(readFileSync(path, 'latin1')).toBe('\0\0\0\0\0 67890');
  else expect(res).toBe(supported ? -EOPNOTSUPP : -EINVAL);
});

it('io_uring_prep_cmd_discard, of what is no block device', () => {
  const ring = openRing();
  const fd = closing(open(newFile(), O_RDWR));
  expect(complete(ring, (sqe) => io_uring_prep_cmd_discard(sqe, fd, 0, 4096)).res).toBe(-EOPNOTSUPP);
});

it('io_uring_prep_readv2, io_uring_prep_writev2', () => {
  const ring = openRing();
  const [RWF_NOWAIT, RWF_APPEND] = [0x8, 0x10];
  const path = newFile('contents');
  const fd = closing(open(path, O_RDWR));
  const vecs = iovecOf(allocString('ab').subarray(0, 2), allocString('cd').subarray(0, 2));
  expect(complete(ring, (sqe) => io_uring_prep_writev2(sqe, fd, vecs, 2, 0, RWF_APPEND)).res).toBe(4);
  expect(readFileSync(path, 'latin1')).toBe('contentsabcd');
  expect(complete(ring, (sqe) => io_uring_prep_writev2(sqe, fd, vecs, 1, 2, 0)).res).toBe(2);
  expect(readFileSync(path, 'latin1')).toBe('coabentsabcd');

  const [first, second] = [allocArray(3), allocArray(4)];
  const into = iovecOf(first, second);
  expect(complete(ring, (sqe) => io_uring_prep_readv2(sqe, fd, into, 2, 2, 0)).res).toBe(7);
  expect([stringOf(first), stringOf(second)]).toEqual(['abe', 'ntsa']);

  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  for (const end of fds) closing(end);
  expect(complete(ring, (sqe) => io_uring_prep_readv2(sqe, fds[0], into, 2, 0, RWF_NOWAIT)).res).toBe(-EAGAIN);
});

it('io_uring_prep_tee', () => {
  const ring = openRing();
  const [from, to] = [fdPair(), fdPair()];
  const buf = allocArray(16);
  for (const fds of [from, to]) {
    expect(pipe(fds)).toBe(0);
    for (const fd of fds) closing(fd);
  }
  expect(write(from[1], allocString('duplicated'), 10)).toBe(10);
  expect(complete(ring, (sqe) => io_uring_prep_tee(sqe, from[0], to[1], 4, 0)).res).toBe(4);
  expect(read(to[0], buf, 16)).toBe(4);
  expect(stringOf(buf)).toBe('dupl');
  expect(read(from[0], buf, 16)).toBe(10);
  expect(complete(ring, (sqe) => io_uring_prep_tee(sqe, from[0], to[1], 4, SPLICE_F_NONBLOCK)).res).toBe(-EAGAIN);
});
