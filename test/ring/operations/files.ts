/** Operations of open files. */
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { alloc, iovec } from '../../../src/c.js';
import {
  FALLOC_FL_KEEP_SIZE,
  MADV_DONTNEED,
  POSIX_FADV_SEQUENTIAL,
  RWF_NOWAIT,
  SYNC_FILE_RANGE_WRITE,
} from '../../../src/linux.js';
import { fails, ifPresent, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';

const text = 'The quick brown fox jumps over the lazy dog.';

function open(flags = 'w+', contents = ''): { fd: number; path: string } {
  const path = newPath();
  writeFileSync(path, contents);
  const fd = openSync(path, flags === 'w+' ? 'r+' : flags);
  onTestFinished(() => closeSync(fd));
  return { fd, path };
}

describe('read and write', () => {
  it('at the file position, or at an offset', async () => {
    const ring = openRing();
    const { fd, path } = open();
    expect(await ring.write(fd, Buffer.from('The quick '))).toBe(10);
    expect(await ring.write(fd, Buffer.from('brown fox, and more'), 9)).toBe(9);
    expect(await ring.write(fd, Buffer.from(' jumps'), 6, 19n)).toBe(6);
    expect(readFileSync(path, 'utf8')).toBe('The quick brown fox jumps');
    const buf = Buffer.alloc(100);
    expect(await ring.read(fd, buf, 5, 4)).toBe(5);
    expect(buf.toString('utf8', 0, 5)).toBe('quick');
    expect(await ring.read(fd, buf)).toBe(6);
    expect(buf.toString('utf8', 0, 6)).toBe(' jumps');
    expect(await ring.read(fd, buf)).toBe(0);
  });

  it('take every kind of memory', async () => {
    const ring = openRing();
    const { fd } = open('r', text);
    const block = ring.memory.allocArray(16);
    const backing = new ArrayBuffer(64);
    for (const view of [block, new Uint8Array(backing, 3, 16), new DataView(backing, 8, 16), new Float64Array(2)]) {
      expect(await ring.read(fd, view, undefined, 0)).toBe(16);
      expect(Buffer.from(view.buffer, view.byteOffset, 16).toString()).toBe(text.slice(0, 16));
    }
    ring.memory.free(block);
  });

  it('EBADF, EFAULT, EISDIR', async () => {
    const ring = openRing();
    const { fd } = open('r', text);
    const buf = Buffer.alloc(8);
    await fails(ring.read(-1, buf), 'EBADF');
    await fails(ring.read(fd, null, 8, 0), 'EFAULT');
    await fails(ring.write(fd, buf), 'EBADF');
    const directory = openSync('/tmp', 'r');
    await fails(ring.read(directory, buf, 8, 0), 'EISDIR');
    closeSync(directory);
  });
});

describe('vectors', () => {
  it('readv, readv2, writev, writev2', async () => {
    const ring = openRing();
    const { fd, path } = open();
    expect(await ring.writev(fd, [Buffer.from('The quick '), new Uint8Array(), Buffer.from('brown ')])).toBe(16);
    expect(await ring.writev2(fd, [Buffer.from('fox jumps')], 1, 16, 0)).toBe(9);
    expect(readFileSync(path, 'utf8')).toBe('The quick brown fox jumps');
    const parts = [Buffer.alloc(3), Buffer.alloc(7), Buffer.alloc(100)];
    expect(await ring.readv(fd, parts, undefined, 0)).toBe(25);
    expect(Buffer.concat(parts).toString('utf8', 0, 25)).toBe('The quick brown fox jumps');
    expect(await ring.readv2(fd, [Buffer.alloc(3), parts[1] as Buffer], 2, 1)).toBe(10);
    expect(parts[1]?.toString()).toBe('quick b'.slice(0, 7));
  });

  it("take C's own iovec", async () => {
    const ring = openRing();
    const { fd } = open('r', text);
    const vector = alloc(iovec, 2);
    const buf = Buffer.alloc(9);
    vector.at(0).iov_base = buf.subarray(0, 4);
    vector.at(0).iov_len = 4;
    vector.at(1).iov_base = buf.subarray(4);
    vector.at(1).iov_len = 5;
    expect(await ring.readv(fd, vector, 2, 0)).toBe(9);
    expect(buf.toString()).toBe(text.slice(0, 9));
  });

  it('EBADF, EINVAL, EOPNOTSUPP', async () => {
    const ring = openRing();
    const { fd } = open('r', text);
    const parts = [Buffer.alloc(4)];
    await fails(ring.readv(-1, parts), 'EBADF');
    await fails(ring.writev(fd, parts), 'EBADF');
    await fails(ring.readv2(fd, parts, 1, 0, 1 << 30), 'EOPNOTSUPP');
    await fails(ring.writev2(fd, parts, 1, 0, RWF_NOWAIT), 'EBADF');
  });
});

describe('the space of a file', () => {
  it('fallocate, ftruncate', async () => {
    const ring = openRing();
    const { fd, path } = open('w+', text);
    expect(await ring.fallocate(fd, 0, 0, 8192)).toBe(0);
    expect(fstatSync(fd).size).toBe(8192);
    expect(await ring.fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20)).toBe(0);
    expect(fstatSync(fd).size).toBe(8192);
    expect(await ring.ftruncate(fd, 10n)).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(text.slice(0, 10));
    await fails(ring.fallocate(fd, 0, 0, 0), 'EINVAL');
    await fails(ring.ftruncate(fd, -1), 'EINVAL');
    await fails(ring.ftruncate(-1, 1), 'EBADF');
  });

  it('zero', async (context) => {
    const ring = openRing();
    const { fd, path } = open('w+', text.slice(0, 10));
    await ifPresent(context, ring.zero(fd, 2, 4), 'EINVAL');
    await fails(ring.zero(-1, 0, 4), 'EBADF');
    expect(readFileSync(path, 'utf8')).toBe(`Th\0\0\0\0${text.slice(6, 10)}`);
  });

  it('fsync, sync_file_range', async () => {
    const ring = openRing();
    const { fd } = open('w+', text);
    expect(await ring.fsync(fd)).toBe(0);
    expect(await ring.fsync(fd, 1)).toBe(0);
    expect(await ring.sync_file_range(fd, 10, 0, SYNC_FILE_RANGE_WRITE)).toBe(0);
    await fails(ring.fsync(-1), 'EBADF');
    await fails(ring.fsync(fd, 2), 'EINVAL');
    await fails(ring.sync_file_range(fd, 10, 0, 1 << 20), 'EINVAL');
  });
});

describe('advice', () => {
  it('fadvise, fadvise64', async () => {
    const ring = openRing();
    const { fd } = open('r', text);
    expect(await ring.fadvise(fd, 0, 10, POSIX_FADV_SEQUENTIAL)).toBe(0);
    expect(await ring.fadvise64(fd, 0, 1n << 40n, POSIX_FADV_SEQUENTIAL)).toBe(0);
    await fails(ring.fadvise(fd, 0, 10, 99), 'EINVAL');
    await fails(ring.fadvise64(-1, 0, 10, POSIX_FADV_SEQUENTIAL), 'EBADF');
  });

  it('madvise, madvise64', async () => {
    const ring = openRing();
    const block = ring.memory.allocArray(3 * 4096);
    const page = block.subarray(4096 - (block.byteOffset % 4096), 2 * 4096 - (block.byteOffset % 4096));
    page.fill(7);
    expect(await ring.madvise(page, page.length, MADV_DONTNEED)).toBe(0);
    expect(await ring.madvise64(page, page.length, MADV_DONTNEED)).toBe(0);
    await fails(ring.madvise(page, page.length, 9999), 'EINVAL');
    await fails(ring.madvise64(page.subarray(1), page.length - 1, MADV_DONTNEED), 'EINVAL');
    ring.memory.free(block);
  });
});
