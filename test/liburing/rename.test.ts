/** The port of liburing's test/rename.c: run various rename tests. */
import { existsSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type Address,
  allocString,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_rename,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADF, EFAULT, EINVAL, ENOENT } from '../../src/linux.js';
import { newPath, t_create_file, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

function test_rename(ring: io_uring, old: Address, to: Address): number {
  const cqe = newCqe();
  io_uring_prep_rename(get_sqe(ring), old, to);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

/* test using a bad address for either old or new path */
const test_rename_badaddr = (ring: io_uring, bad_old: boolean): number => {
  const path = allocString('.foo.bar');
  return bad_old ? test_rename(ring, 0x1234, path) : test_rename(ring, path, 0x1234);
};

it('main', () => {
  const src = newPath();
  const dst = newPath();
  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  t_create_file(src, 0);
  t_create_file(dst, 0);
  const { ino } = statSync(src);

  let ret = test_rename(ring, allocString(src), allocString(dst));
  if (ret === -EBADF || ret === -EINVAL) skipCase('Rename not supported');
  expect(ret).toBe(0);

  expect(existsSync(src)).toBe(false);
  expect(statSync(dst).ino).toBe(ino);

  ret = test_rename(ring, allocString('/x/y/1/2'), allocString('/2/1/y/x'));
  expect(ret).toBe(-ENOENT);

  ret = test_rename_badaddr(ring, false);
  expect(ret).toBe(-EFAULT);

  ret = test_rename_badaddr(ring, true);
  expect(ret).toBe(-EFAULT);

  unlink(dst);
  io_uring_queue_exit(ring);
});
