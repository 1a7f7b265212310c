/**
 * The port of liburing's test/a0908ae19763.c, which syzkaller made, and which asserts nothing: a ring of an odd
 * size, and a table of one file, which is none.
 */

import { expect, it } from 'vitest';
import { IORING_REGISTER_FILES, IORING_UNREGISTER_FILES, io_uring_register, io_uring_setup } from '../../src/c.js';
import { close } from './support/files.js';
import { newParams } from './support/rings.js';

it('main', () => {
  const p = newParams();
  const fd = io_uring_setup(0xa4, p);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(p.sq_entries).toBe(0x100);

  expect(io_uring_register(fd, IORING_REGISTER_FILES, Int32Array.of(-1), 1)).toBe(0);
  expect(io_uring_register(fd, IORING_UNREGISTER_FILES, null, 0)).toBe(0);
  close(fd);
});
