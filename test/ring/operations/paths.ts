/** Operations that take paths. */
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { alloc, open_how } from '../../../src/c.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_NO_SYMLINKS,
} from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';
import { newPath, scratch } from '../../support/scratch.js';

function openScratch(): number {
  const fd = openSync(scratch, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

function newFile(contents = 'contents'): string {
  const path = newPath();
  writeFileSync(path, contents);
  return path;
}

describe('open and close', () => {
  it('openat, open, openat2, close', async () => {
    const ring = openRing();
    const path = newPath('é ü 字');
    const dfd = openScratch();
    const fd = await ring.openat(dfd, basename(path), O_WRONLY | O_CREAT | O_EXCL, 0o640);
    expect(fstatSync(fd).ino).toBe(statSync(path).ino);
    expect(statSync(path).mode & 0o777).toBe(0o640 & ~process.umask());
    expect(await ring.close_fd(fd)).toBe(0);
    expect(() => fstatSync(fd)).toThrow('EBADF');
    for (const opening of [
      ring.open(path),
      ring.openat(AT_FDCWD, Buffer.from(`${path}\0`)),
      ring.openat2(dfd, basename(path), { flags: O_RDONLY, resolve: RESOLVE_NO_SYMLINKS }),
    ]) {
      const opened = await opening;
      expect(fstatSync(opened).ino).toBe(statSync(path).ino);
      closeSync(opened);
    }
    const how = alloc(open_how);
    const opened = await ring.openat2(AT_FDCWD, path, how);
    closeSync(opened);
  });

  it('ENOENT, EEXIST, ELOOP, EBADF, ENAMETOOLONG', async () => {
    const ring = openRing();
    const path = newFile();
    await fails(ring.open(newPath()), 'ENOENT');
    await fails(ring.openat(AT_FDCWD, path, O_CREAT | O_EXCL), 'EEXIST');
    await fails(ring.openat(AT_FDCWD, `${scratch}/${'n'.repeat(300)}`), 'ENAMETOOLONG');
    const link = newPath();
    await ring.symlink(path, link);
    await fails(ring.openat2(AT_FDCWD, link, { resolve: RESOLVE_NO_SYMLINKS }), 'ELOOP');
    await fails(ring.openat2(AT_FDCWD, link, { resolve: 1n << 40n }), 'EINVAL');
    await fails(ring.close_fd(-1), 'EBADF');
    await fails(ring.close_fd(999_999), 'EBADF');
  });
});

describe('statx', () => {
  it('resolves to what stat reports', async () => {
    const ring = openRing();
    const path = newFile('12345');
    const expected = statSync(path, { bigint: true });
    const { stx_size, stx_ino, stx_mode, stx_mtime } = await ring.statx(AT_FDCWD, path);
    expect(stx_size).toBe(5n);
    expect(stx_ino).toBe(expected.ino);
    expect(BigInt(stx_mode)).toBe(expected.mode);
    expect(stx_mtime.tv_sec * 1_000_000_000n + BigInt(stx_mtime.tv_nsec)).toBe(expected.mtimeNs);
  });

  it('works on links themselves, and on open files', async () => {
    const ring = openRing();
    const path = newPath();
    await ring.symlink('nowhere', path);
    const link = await ring.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
    expect(link.stx_ino).toBe(lstatSync(path, { bigint: true }).ino);
    const fd = openScratch();
    const own = await ring.statx(fd, '', AT_EMPTY_PATH);
    expect(own.stx_ino).toBe(statSync(scratch, { bigint: true }).ino);
    await fails(ring.statx(AT_FDCWD, path), 'ENOENT');
    await fails(ring.statx(AT_FDCWD, ''), 'ENOENT');
  });
});

describe('names', () => {
  it('mkdir, mkdirat, unlink, unlinkat', async () => {
    const ring = openRing();
    const dfd = openScratch();
    const [one, two] = [newPath(), newPath()];
    expect(await ring.mkdir(one)).toBe(0);
    expect(await ring.mkdirat(dfd, basename(two), 0o700)).toBe(0);
    expect(statSync(one).mode & 0o777).toBe(0o777 & ~process.umask());
    expect(statSync(two).mode & 0o777).toBe(0o700);
    await fails(ring.mkdir(one), 'EEXIST');
    await fails(ring.mkdirat(-1, 'relative'), 'EBADF');
    await fails(ring.unlink(one), 'EISDIR');
    expect(await ring.unlinkat(AT_FDCWD, one, AT_REMOVEDIR)).toBe(0);
    expect(await ring.unlink(two, AT_REMOVEDIR)).toBe(0);
    expect(existsSync(one) || existsSync(two)).toBe(false);
    await fails(ring.unlinkat(dfd, basename(one)), 'ENOENT');
    const file = newFile();
    expect(await ring.unlink(file)).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('rename, renameat', async () => {
    const ring = openRing();
    const dfd = openScratch();
    const [from, between, to] = [newFile('moved'), newPath(), newPath()];
    expect(await ring.rename(from, between)).toBe(0);
    expect(await ring.renameat(dfd, basename(between), AT_FDCWD, to)).toBe(0);
    expect(readFileSync(to, 'utf8')).toBe('moved');
    await fails(ring.rename(from, to), 'ENOENT');
    const RENAME_NOREPLACE = 1;
    await fails(ring.renameat(AT_FDCWD, newFile(), dfd, basename(to), RENAME_NOREPLACE), 'EEXIST');
  });

  it('link, linkat, symlink, symlinkat', async () => {
    const ring = openRing();
    const dfd = openScratch();
    const path = newFile('linked');
    const [hard, hardAt, soft, softAt] = [newPath(), newPath(), newPath(), newPath()];
    expect(await ring.link(path, hard)).toBe(0);
    expect(await ring.linkat(AT_FDCWD, path, dfd, basename(hardAt))).toBe(0);
    expect(statSync(hard).ino).toBe(statSync(path).ino);
    expect(statSync(hardAt).nlink).toBe(3);
    expect(await ring.symlink(path, soft)).toBe(0);
    expect(await ring.symlinkat('a/target', dfd, basename(softAt))).toBe(0);
    expect(readFileSync(soft, 'utf8')).toBe('linked');
    expect(readlinkSync(softAt)).toBe('a/target');
    await fails(ring.link(path, hard), 'EEXIST');
    await fails(ring.linkat(dfd, 'nothing', dfd, 'there'), 'ENOENT');
    await fails(ring.symlink(path, soft), 'EEXIST');
    await fails(ring.symlinkat('x', -1, 'relative'), 'EBADF');
    const directory = newPath();
    mkdirSync(directory);
    await fails(ring.link(directory, newPath()), 'EPERM');
  });
});
