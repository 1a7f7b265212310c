/** The port of liburing's test/symlink.c: test io_uring symlinkat handling. */
import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type Address,
  allocString,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_symlinkat,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqes,
} from '../../src/c.js';
import { AT_FDCWD, EBADF, EEXIST, EFAULT, EINVAL, ENOENT } from '../../src/linux.js';
import { newPath, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

function do_symlinkat(ring: io_uring, oldname: Address, newname: Address): number {
  const cqe = newCqe();
  io_uring_prep_symlinkat(get_sqe(ring), oldname, AT_FDCWD, newname);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqes(ring, cqe, 1, null, null)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

it('main', () => {
  const target = newPath('io_uring-symlinkat-test-target');
  const linkname = newPath('io_uring-symlinkat-test-link');
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = do_symlinkat(ring, allocString(target), allocString(linkname));
  if (ret === -EBADF || ret === -EINVAL) skipCase('symlinkat not supported');
  expect(ret).toBe(0);

  expect(readlinkSync(linkname)).toBe(target);

  ret = do_symlinkat(ring, allocString(target), allocString(linkname));
  expect(ret).toBe(-EEXIST);

  ret = do_symlinkat(ring, allocString(target), allocString('surely/this/does/not/exist'));
  expect(ret).toBe(-ENOENT);

  ret = do_symlinkat(ring, allocString(target), 0x1234);
  expect(ret).toBe(-EFAULT);

  ret = do_symlinkat(ring, 0x1234, allocString(target));
  expect(ret).toBe(-EFAULT);

  unlink(linkname);
  io_uring_queue_exit(ring);
});
