/** The port of liburing's test/xattr.c, without test_invalid_sqe, which C leaves out as it crashes. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Address,
  allocArray,
  allocString,
  io_uring_cqe_seen,
  io_uring_prep_fgetxattr,
  io_uring_prep_fsetxattr,
  io_uring_prep_getxattr,
  io_uring_prep_setxattr,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, EOPNOTSUPP, O_CREAT, O_RDWR } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { closing } from './support/clean.js';
import { newPath, open, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const XATTR_SIZE = 255;
const QUEUE_DEPTH = 32;
const KEY1 = allocString('user.val1');
const KEY2 = allocString('user.val2');
const VALUE1 = allocString('value1');
const VALUE2 = allocString('value2-a-lot-longer');
const strlen = (text: Uint8Array): number => text.length - 1;

const ring = newRing();
const value = allocArray(XATTR_SIZE);
const cqe = newCqe();
beforeAll(() => expect(io_uring_queue_init(QUEUE_DEPTH, ring, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(ring));

function result(): number {
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

/* Call fsetxattr. */
function io_uring_fsetxattr(fd: number, name: Address, val: Address, size: number, flags: number): number {
  io_uring_prep_fsetxattr(get_sqe(ring), fd, name, val, flags, size);
  return result();
}

/* Submit fgetxattr request. */
function io_uring_fgetxattr(fd: number, name: Address, val: Address, size: number): number {
  io_uring_prep_fgetxattr(get_sqe(ring), fd, name, val, size);
  return result();
}

/* Call setxattr. */
function io_uring_setxattr(path: Address, name: Address, val: Address, size: number, flags: number): number {
  io_uring_prep_setxattr(get_sqe(ring), name, val, path, flags, size);
  return result();
}

/* Submit getxattr request. */
function io_uring_getxattr(path: Address, name: Address, val: Address, size: number): number {
  io_uring_prep_getxattr(get_sqe(ring), name, val, path, size);
  return result();
}

/* Test driver for fsetxattr and fgetxattr. */
it('test_fxattr', () => {
  /* Create the test file. */
  const fd = closing(open(newPath('xattr.test'), O_CREAT | O_RDWR, 0o644));

  /* Test writing attributes. */
  const ret = io_uring_fsetxattr(fd, KEY1, VALUE1, strlen(VALUE1), 0);
  if (ret === -EINVAL || ret === -EOPNOTSUPP) skipCase('No xattr support');
  expect(ret).toBe(0);
  expect(io_uring_fsetxattr(fd, KEY2, VALUE2, strlen(VALUE2), 0)).toBe(0);

  /* Test reading attributes. */
  expect(io_uring_fgetxattr(fd, KEY1, value, XATTR_SIZE)).toBe(strlen(VALUE1));
  expect(stringOf(value)).toBe('value1');
  expect(io_uring_fgetxattr(fd, KEY2, value, XATTR_SIZE)).toBe(strlen(VALUE2));
  expect(stringOf(value)).toBe('value2-a-lot-longer');
});

/* Test driver for setxattr and getxattr. */
it('test_xattr', () => {
  const path = newPath('xattr.test');
  t_create_file(path, 0);
  const FILENAME = allocString(path);
  value.fill(0);

  /* Test writing attributes. */
  const ret = io_uring_setxattr(FILENAME, KEY1, VALUE1, strlen(VALUE1), 0);
  if (ret === -EINVAL || ret === -EOPNOTSUPP) skipCase('No xattr support');
  expect(ret).toBe(0);
  expect(io_uring_setxattr(FILENAME, KEY2, VALUE2, strlen(VALUE2), 0)).toBe(0);

  /* Test reading attributes. */
  expect(io_uring_getxattr(FILENAME, KEY1, value, XATTR_SIZE)).toBe(strlen(VALUE1));
  expect(stringOf(value)).toBe('value1');
  expect(io_uring_getxattr(FILENAME, KEY2, value, XATTR_SIZE)).toBe(strlen(VALUE2));
  expect(stringOf(value)).toBe('value2-a-lot-longer');
});

/* Test driver for failure cases of fsetxattr and fgetxattr. */
it('test_failure_fxattr', () => {
  const fd = closing(open(newPath('xattr.test'), O_CREAT | O_RDWR, 0o644));

  /* Test writing attributes. */
  expect(io_uring_fsetxattr(-1, KEY1, VALUE1, strlen(VALUE1), 0)).toBeLessThan(0);
  expect(io_uring_fsetxattr(fd, null, VALUE1, strlen(VALUE1), 0)).toBeLessThan(0);
  expect(io_uring_fsetxattr(fd, KEY1, null, strlen(VALUE1), 0)).toBeLessThan(0);
  const ret = io_uring_fsetxattr(fd, KEY1, VALUE1, 0, 0);
  if (ret === -EINVAL || ret === -EOPNOTSUPP) skipCase('No xattr support');
  expect(ret).toBe(0);
  // an address, as the bindings know how long a typed array is
  expect(io_uring_fsetxattr(fd, KEY1, VALUE1.byteOffset, 0xffffffff, 0)).toBeLessThan(0);

  /* Test reading attributes. */
  expect(io_uring_fgetxattr(-1, KEY1, value, XATTR_SIZE)).toBeLessThan(0);
  expect(io_uring_fgetxattr(fd, null, value, XATTR_SIZE)).toBeLessThan(0);
  expect(io_uring_fgetxattr(fd, KEY1, value, 0)).toBe(0);
});

/* Test driver for failure cases for setxattr and getxattr. */
it('test_failure_xattr', () => {
  const path = newPath('xattr.test');
  t_create_file(path, 0);
  const FILENAME = allocString(path);
  const garbage = allocString('complete garbage');

  /* Test writing attributes. */
  expect(io_uring_setxattr(garbage, KEY1, VALUE1, strlen(VALUE1), 0)).toBeLessThan(0);
  expect(io_uring_setxattr(null, KEY1, VALUE1, strlen(VALUE1), 0)).toBeLessThan(0);
  expect(io_uring_setxattr(FILENAME, null, VALUE1, strlen(VALUE1), 0)).toBeLessThan(0);
  expect(io_uring_setxattr(FILENAME, KEY1, null, strlen(VALUE1), 0)).toBeLessThan(0);
  const ret = io_uring_setxattr(FILENAME, KEY1, VALUE1, 0, 0);
  if (ret === -EINVAL || ret === -EOPNOTSUPP) skipCase('No xattr support');
  expect(ret).toBe(0);

  /* Test reading attributes. */
  expect(io_uring_getxattr(garbage, KEY1, value, XATTR_SIZE)).toBeLessThan(0);
  expect(io_uring_getxattr(null, KEY1, value, XATTR_SIZE)).toBeLessThan(0);
  expect(io_uring_getxattr(FILENAME, null, value, XATTR_SIZE)).toBeLessThan(0);
  expect(io_uring_getxattr(FILENAME, KEY1, null, XATTR_SIZE)).toBe(0);
  expect(io_uring_getxattr(FILENAME, KEY1, value, 0)).toBe(0);
});
