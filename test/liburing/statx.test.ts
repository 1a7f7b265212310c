/** The port of liburing's test/statx.c: run various statx(2) tests. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Address,
  alloc,
  allocString,
  io_uring_cqe_seen,
  io_uring_prep_statx,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
  statx,
} from '../../src/c.js';
import { AT_EMPTY_PATH, EFAULT, EINVAL, O_RDONLY, STATX_ALL } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { newPath, open, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { syscall } from './support/syscall.js';

const ring = newRing();
const cqe = newCqe();
const path = newPath('.statx');
const fname = allocString(path);
beforeAll(() => {
  t_create_file(path, 4096);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
});
afterAll(() => io_uring_queue_exit(ring));

const do_statx = (dfd: number, name: Address, flags: number, mask: number, statxbuf: statx): number =>
  syscall('statx', dfd, name, flags, mask, statxbuf);

function result(): number {
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

it('test_statx', () => {
  const x1 = alloc(statx);
  const x2 = alloc(statx);

  io_uring_prep_statx(get_sqe(ring), -1, fname, 0, STATX_ALL, x1);
  const ret = result();
  if (ret === -EINVAL) skipCase('statx not supported');
  expect(ret).toBe(0);

  expect(do_statx(-1, fname, 0, STATX_ALL, x2)).toBe(0);
  expect(x1.bytes).toEqual(x2.bytes);
  expect(x1.stx_size).toBe(4096n);
});

it('test_statx_invalid_path', () => {
  const x1 = alloc(statx);
  io_uring_prep_statx(get_sqe(ring), -1, 0x1234, 0, STATX_ALL, x1);
  expect(result()).toBe(-EFAULT);
});

it('test_statx_invalid_buf', () => {
  io_uring_prep_statx(get_sqe(ring), -1, fname, 0, STATX_ALL, 0x1234);
  expect(result()).toBe(-EFAULT);
});

it('test_statx_fd', () => {
  const x1 = alloc(statx);
  const x2 = alloc(statx);
  const empty = allocString('');
  const fd = closing(open(path, O_RDONLY));
  expect(fd).toBeGreaterThanOrEqual(0);

  io_uring_prep_statx(get_sqe(ring), fd, empty, AT_EMPTY_PATH, STATX_ALL, x1);
  expect(result()).toBe(0);

  expect(do_statx(fd, empty, AT_EMPTY_PATH, STATX_ALL, x2)).toBe(0);
  expect(x1.bytes).toEqual(x2.bytes);
});
