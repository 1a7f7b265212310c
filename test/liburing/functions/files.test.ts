/** Reads, writes and what else is done to an open file: each argument, by what the kernel makes of it. */
import { fstatSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_MORE,
  IORING_FSYNC_DATASYNC,
  IORING_OP_READ_MULTISHOT,
  IORING_OP_SETXATTR,
  IORING_OP_WRITE,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_free_buf_ring,
  io_uring_prep_fadvise,
  io_uring_prep_fadvise64,
  io_uring_prep_fallocate,
  io_uring_prep_fgetxattr,
  io_uring_prep_fsetxattr,
  io_uring_prep_fsync,
  io_uring_prep_getxattr,
  io_uring_prep_read,
  io_uring_prep_read_fixed,
  io_uring_prep_read_multishot,
  io_uring_prep_readv,
  io_uring_prep_rw,
  io_uring_prep_setxattr,
  io_uring_prep_sync_file_range,
  io_uring_prep_write,
  io_uring_prep_write_fixed,
  io_uring_prep_writev,
  io_uring_register_buffers_sparse,
  io_uring_register_buffers_update_tag,
  io_uring_setup_buf_ring,
  io_uring_submit,
} from '../../../src/c.js';
import {
  EEXIST,
  EINVAL,
  ENODATA,
  EOPNOTSUPP,
  ERANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_RDONLY,
  O_RDWR,
  POSIX_FADV_NORMAL,
  SYNC_FILE_RANGE_WRITE,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../../src/linux.js';
import { iovecOf, stringOf } from '../support/buffers.js';
import { atEnd, closing } from '../support/clean.js';
import { newPath, open } from '../support/files.js';
import { complete, get_sqe, next, openRing } from '../support/rings.js';
import { lacking, needs } from '../support/skip.js';
import { syscall } from '../support/syscall.js';

/** The characters alone, without the NUL. */
const text = (string: string): Uint8Array => allocString(string).subarray(0, string.length);

function newFile(contents: string, flags = O_RDWR): { path: string; fd: number; contents: () => string } {
  const path = newPath();
  writeFileSync(path, contents);
  return { path, fd: closing(open(path, flags)), contents: () => readFileSync(path, 'latin1') };
}

it('io_uring_prep_rw', () => {
  const ring = openRing();
  const { fd, contents } = newFile('contents');
  const buf = text('abcdef');
  expect(complete(ring, (sqe) => io_uring_prep_rw(IORING_OP_WRITE, sqe, fd, buf, 4, 2)).res).toBe(4);
  expect(contents()).toBe('coabcdts');
});

it('io_uring_prep_read, io_uring_prep_write', () => {
  const ring = openRing();
  const { fd, contents } = newFile('contents');
  const buf = allocArray(8);
  expect(complete(ring, (sqe) => io_uring_prep_read(sqe, fd, buf, 4, 2)).res).toBe(4);
  expect(stringOf(buf)).toBe('nten');
  expect(complete(ring, (sqe) => io_uring_prep_write(sqe, fd, buf, 3, 5)).res).toBe(3);
  expect(contents()).toBe('contente');
});

it('io_uring_prep_readv, io_uring_prep_writev', () => {
  const ring = openRing();
  const { fd, contents } = newFile('contents');
  expect(complete(ring, (sqe) => io_uring_prep_writev(sqe, fd, iovecOf(text('ab'), text('cde')), 2, 3)).res).toBe(5);
  expect(contents()).toBe('conabcde');
  const [first, second] = [allocArray(3), allocArray(4)];
  expect(complete(ring, (sqe) => io_uring_prep_readv(sqe, fd, iovecOf(first, second), 2, 2)).res).toBe(6);
  expect([stringOf(first), stringOf(second)]).toEqual(['nab', 'cde']);
});

it('io_uring_prep_read_fixed, io_uring_prep_write_fixed', () => {
  const ring = openRing();
  const { fd, contents } = newFile('contents');
  const buf = text('0123456789');
  expect(io_uring_register_buffers_sparse(ring, 4)).toBe(0);
  expect(io_uring_register_buffers_update_tag(ring, 3, iovecOf(buf), null, 1)).toBe(1);
  expect(complete(ring, (sqe) => io_uring_prep_write_fixed(sqe, fd, buf.subarray(4), 2, 5, 3)).res).toBe(2);
  expect(contents()).toBe('conte45s');
  expect(complete(ring, (sqe) => io_uring_prep_read_fixed(sqe, fd, buf.subarray(6), 4, 2, 3)).res).toBe(4);
  expect(stringOf(buf)).toBe('012345nte4');
});

it('io_uring_prep_read_multishot', () => {
  needs(IORING_OP_READ_MULTISHOT, 'IORING_OP_READ_MULTISHOT');
  const ring = openRing();
  const err = allocArray(1, Int32Array);
  const br = io_uring_setup_buf_ring(ring, 4, 5, 0, err);
  if (!br) throw new Error(`no buffer ring: ${err[0]}`);
  atEnd(() => io_uring_free_buf_ring(ring, br, 4, 5));
  const buf = allocArray(4 * 16);
  for (let i = 0; i < 4; i++) io_uring_buf_ring_add(br, buf.subarray(i * 16), 16, i, 3, i);
  io_uring_buf_ring_advance(br, 4);
  // a file that can be waited for, and has offsets
  const fd = closing(open('/proc/self/mounts', O_RDONLY));
  const expected = Buffer.alloc(32);
  expect(readSync(fd, expected, 0, 32, 7)).toBe(32);

  io_uring_prep_read_multishot(get_sqe(ring), fd, 0, 7, 5);
  expect(io_uring_submit(ring)).toBe(1);
  const first = next(ring);
  expect(first.flags & IORING_CQE_F_MORE).not.toBe(0);
  for (const { res, flags } of [first, next(ring)]) {
    expect(res).toBe(16);
    const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
    const at = bid * 16;
    expect(stringOf(buf.subarray(at, at + 16))).toBe(expected.toString('latin1', at, at + 16));
  }
  // each buffer is filled: there is no length to give
  const refused = complete(openRing(), (sqe) => io_uring_prep_read_multishot(sqe, fd, 16, 7, 5));
  expect(refused.res).toBe(-EINVAL);
});

it('io_uring_prep_fsync', () => {
  const ring = openRing();
  const { fd } = newFile('contents');
  const fsync = (flags: number): number => complete(ring, (sqe) => io_uring_prep_fsync(sqe, fd, flags)).res;
  expect(fsync(0)).toBe(0);
  expect(fsync(IORING_FSYNC_DATASYNC)).toBe(0);
  expect(fsync(0x8000)).toBe(-EINVAL);
});

it('io_uring_prep_sync_file_range', () => {
  const ring = openRing();
  const { fd } = newFile('x'.repeat(8192));
  const sync = (len: number, offset: number | bigint, flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_sync_file_range(sqe, fd, len, offset, flags)).res;
  expect(sync(4096, 4096, SYNC_FILE_RANGE_WRITE)).toBe(0);
  expect(sync(4096, 4096, 0x8000)).toBe(-EINVAL);
  // the range ends behind the last offset there is
  const last = 2n ** 63n - 100n;
  expect(sync(50, last, SYNC_FILE_RANGE_WRITE)).toBe(0);
  expect(sync(4096, last, SYNC_FILE_RANGE_WRITE)).toBe(-EINVAL);
});

it('io_uring_prep_fallocate', () => {
  const ring = openRing();
  const { fd, contents } = newFile('contents');
  const fallocate = (mode: number, offset: number, len: number): number =>
    complete(ring, (sqe) => io_uring_prep_fallocate(sqe, fd, mode, offset, len)).res;
  if (fallocate(0, 0, 8) === -EOPNOTSUPP) return lacking('files cannot be allocated');
  expect(fallocate(FALLOC_FL_KEEP_SIZE, 4096, 100)).toBe(0);
  expect(fstatSync(fd).size).toBe(8);
  expect(fallocate(0, 4096, 100)).toBe(0);
  expect(fstatSync(fd).size).toBe(4196);
  expect(fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3)).toBe(0);
  expect(contents().slice(0, 8)).toBe('co\0\0\0nts');
});

it.each([
  { name: 'io_uring_prep_fadvise', prep: io_uring_prep_fadvise, member: 'len' as const },
  { name: 'io_uring_prep_fadvise64', prep: io_uring_prep_fadvise64, member: 'addr' as const },
])('$name: where the range is', ({ prep, member }) => {
  const ring = openRing();
  const { fd } = newFile('x'.repeat(8192));
  // it is advice only: nothing can be seen of it, but in the request
  const sqe = get_sqe(ring);
  prep(sqe, fd, 4096, 1024, POSIX_FADV_NORMAL);
  expect([sqe.off, BigInt(sqe[member])]).toEqual([4096n, 1024n]);
  expect(io_uring_submit(ring)).toBe(1);
  expect(next(ring).res).toBe(0);
});

/** Skips where the file system has no attributes, or io_uring no operations on them. */
function needsAttributes(fd: number): void {
  needs(IORING_OP_SETXATTR, 'IORING_OP_SETXATTR');
  if (syscall('fgetxattr', fd, allocString('user.test'), null, 0) === -EOPNOTSUPP) lacking('no extended attributes');
}

it('io_uring_prep_fsetxattr, io_uring_prep_fgetxattr', () => {
  const ring = openRing();
  const { fd } = newFile('contents');
  needsAttributes(fd);
  const [name, buf] = [allocString('user.test'), allocArray(16)];
  const set = (value: string, flags: number, len = value.length): number =>
    complete(ring, (sqe) => io_uring_prep_fsetxattr(sqe, fd, name, text(value), flags, len)).res;
  const get = (len: number): number => complete(ring, (sqe) => io_uring_prep_fgetxattr(sqe, fd, name, buf, len)).res;
  expect(set('value', XATTR_REPLACE)).toBe(-ENODATA);
  expect(set('value', XATTR_CREATE)).toBe(0);
  expect(set('value', XATTR_CREATE)).toBe(-EEXIST);
  expect(set('other', 0, 3)).toBe(0);
  expect(get(16)).toBe(3);
  expect(stringOf(buf)).toBe('oth');
  expect(get(2)).toBe(-ERANGE);
});

it('io_uring_prep_setxattr, io_uring_prep_getxattr', () => {
  const ring = openRing();
  const { path, fd } = newFile('contents');
  needsAttributes(fd);
  const [name, buf, file] = [allocString('user.test'), allocArray(16), allocString(path)];
  const set = (value: string, flags: number, len = value.length): number =>
    complete(ring, (sqe) => io_uring_prep_setxattr(sqe, name, text(value), file, flags, len)).res;
  const get = (len: number): number => complete(ring, (sqe) => io_uring_prep_getxattr(sqe, name, buf, file, len)).res;
  expect(set('value', XATTR_REPLACE)).toBe(-ENODATA);
  expect(set('value', XATTR_CREATE)).toBe(0);
  expect(set('value', XATTR_CREATE)).toBe(-EEXIST);
  expect(set('other', 0, 3)).toBe(0);
  expect(get(16)).toBe(3);
  expect(stringOf(buf)).toBe('oth');
  expect(get(2)).toBe(-ERANGE);
});
