/** The port of liburing's test/mkdir.c: test io_uring mkdirat handling. */
import { rmdirSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type Address,
  allocString,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_mkdirat,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqes,
} from '../../src/c.js';
import { AT_FDCWD, EBADF, EEXIST, EFAULT, EINVAL, ENOENT } from '../../src/linux.js';
import { newPath } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

function do_mkdirat(ring: io_uring, fn: Address): number {
  const cqe = newCqe();
  io_uring_prep_mkdirat(get_sqe(ring), AT_FDCWD, fn, 0o700);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqes(ring, cqe, 1, null, null)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

it('main', () => {
  const fn = newPath('io_uring-mkdirat-test');
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = do_mkdirat(ring, allocString(fn));
  if (ret === -EBADF || ret === -EINVAL) skip('mkdirat not supported');
  expect(ret).toBe(0);

  expect(statSync(fn).isDirectory()).toBe(true);

  ret = do_mkdirat(ring, allocString(fn));
  expect(ret).toBe(-EEXIST);

  ret = do_mkdirat(ring, allocString('surely/this/wont/exist'));
  expect(ret).toBe(-ENOENT);

  ret = do_mkdirat(ring, 0x1234);
  expect(ret).toBe(-EFAULT);

  rmdirSync(fn);
  io_uring_queue_exit(ring);
});

// C checks that the directory exists, and not its mode
it('the mode', () => {
  const fn = newPath();
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(do_mkdirat(ring, allocString(fn))).toBe(0);
  expect(statSync(fn).mode & 0o7777).toBe(0o700);
  io_uring_queue_exit(ring);
});
