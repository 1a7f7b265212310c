/** The port of liburing's test/unlink.c: run various unlink tests. */
import { existsSync, mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Address,
  allocString,
  io_uring_cqe_seen,
  io_uring_prep_unlink,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { AT_REMOVEDIR, EBADF, EFAULT, EINVAL, ENOENT } from '../../src/linux.js';
import { newPath, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const ring = newRing();
const cqe = newCqe();
beforeAll(() => expect(io_uring_queue_init(1, ring, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(ring));

function do_unlink(old: Address, flags: number): number {
  io_uring_prep_unlink(get_sqe(ring), old, flags);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

it('test_unlink', () => {
  const buf = newPath();
  t_create_file(buf, 0);

  const ret = do_unlink(allocString(buf), 0);
  if (ret === -EBADF || ret === -EINVAL) skipCase('Unlink not supported');
  expect(ret).toBe(0);
  expect(existsSync(buf)).toBe(false);

  expect(do_unlink(allocString('/3/2/3/1/z/y'), 0)).toBe(-ENOENT);
});

it('test_unlink_badaddr', () => {
  expect(do_unlink(0x1234, 0)).toBe(-EFAULT);
});

it('test_rmdir', () => {
  const buf = newPath();
  mkdirSync(buf, 0o755);
  expect(do_unlink(allocString(buf), AT_REMOVEDIR)).toBe(0);
  expect(existsSync(buf)).toBe(false);
});
