/**
 * The port of liburing's test/917257daa0fe.c, which syzkaller made, and which asserts nothing: a ring whose SQ
 * thread is kept on a CPU.
 */

import { expect, it } from 'vitest';
import { IORING_SETUP_SQ_AFF, IORING_SETUP_SQPOLL, io_uring_setup } from '../../src/c.js';
import { close } from './support/files.js';
import { newParams } from './support/rings.js';

it('main', () => {
  const p = newParams({
    flags: IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
    sq_thread_cpu: 0,
    sq_thread_idle: 0x3af,
  });
  const fd = io_uring_setup(0x7a6, p);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(p.sq_entries).toBe(0x800);
  close(fd);
});
