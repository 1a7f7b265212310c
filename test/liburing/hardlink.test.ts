/** The port of liburing's test/hardlink.c: test io_uring linkat handling. */
import { statSync, symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocString,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_linkat,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqes,
} from '../../src/c.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  EBADF,
  EEXIST,
  EINVAL,
  ENOENT,
  O_CREAT,
  O_EXCL,
  O_RDWR,
} from '../../src/linux.js';
import { close, newPath, open, unlink, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

function do_linkat(ring: io_uring, olddirfd: number, oldname: string, newname: string, flags: number): number {
  const cqe = newCqe();
  io_uring_prep_linkat(get_sqe(ring), olddirfd, allocString(oldname), AT_FDCWD, allocString(newname), flags);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqes(ring, cqe, 1, null, null)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

function files_linked_ok(fn1: string, fn2: string): void {
  const [s1, s2] = [statSync(fn1), statSync(fn2)];
  expect([s1.dev, s1.ino]).toEqual([s2.dev, s2.ino]);
  expect([s1.nlink, s2.nlink]).toEqual([2, 2]);
}

it('main', () => {
  const target = newPath('io_uring-linkat-test-target');
  const emptyname = newPath('io_uring-linkat-test-empty');
  const linkname = newPath('io_uring-linkat-test-link');
  const symlinkname = newPath('io_uring-linkat-test-symlink');

  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const fd = open(target, O_CREAT | O_RDWR | O_EXCL, 0o600);
  expect(write(fd, allocString('linktest'), 8)).toBe(8);

  // not root, skipping AT_EMPTY_PATH test
  if (!process.geteuid?.()) {
    const ret = do_linkat(ring, fd, '', emptyname, AT_EMPTY_PATH);
    if (ret === -EBADF || ret === -EINVAL) skip('linkat not supported');
    expect(ret).toBe(0);
    files_linked_ok(emptyname, target);
    unlink(emptyname);
  }
  close(fd);

  symlinkSync(target, symlinkname);

  let ret = do_linkat(ring, AT_FDCWD, target, linkname, 0);
  if (ret === -EBADF || ret === -EINVAL) skip('linkat not supported');
  expect(ret).toBe(0);
  files_linked_ok(linkname, target);
  unlink(linkname);

  ret = do_linkat(ring, AT_FDCWD, symlinkname, linkname, AT_SYMLINK_FOLLOW);
  expect(ret).toBe(0);
  files_linked_ok(symlinkname, target);

  ret = do_linkat(ring, AT_FDCWD, target, linkname, 0);
  expect(ret).toBe(-EEXIST);

  ret = do_linkat(ring, AT_FDCWD, target, 'surely/this/does/not/exist', 0);
  expect(ret).toBe(-ENOENT);

  io_uring_queue_exit(ring);
});
