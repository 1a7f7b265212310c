/**
 * The port of liburing's test/b19062a56726.c, which syzkaller made, and which asserts nothing: a CPU for the SQ
 * thread of a ring that has none.
 */

import { expect, it } from 'vitest';
import { IORING_SETUP_IOPOLL, IORING_SETUP_SQ_AFF, io_uring_setup } from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { newParams } from './support/rings.js';

it('main', () => {
  const p = newParams({ flags: IORING_SETUP_IOPOLL | IORING_SETUP_SQ_AFF, sq_thread_cpu: 0x400 });
  expect(io_uring_setup(0xc9f, p)).toBe(-EINVAL);
});
