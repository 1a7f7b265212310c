/**
 * The port of liburing's test/no-mmap-inval.c: test that using SETUP_NO_MMAP with an invalid SQ ring
 * address fails, or, as liburing allocates a ring's memory itself by now, that it is not used.
 */

import { expect, it } from 'vitest';
import {
  IORING_SETUP_NO_MMAP,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
} from '../../src/c.js';
import { EFAULT, EINVAL, ENOENT, ENOMEM } from '../../src/linux.js';
import { t_aligned_alloc } from './support/buffers.js';
import { complete, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

it('main', () => {
  const ring = newRing();
  const p = newParams({ sq_entries: 2, cq_entries: 4, flags: IORING_SETUP_NO_MMAP });
  const addr = t_aligned_alloc(4096, 8192).fill(0x55);
  p.cq_off.user_addr = addr.byteOffset;

  const ret = io_uring_queue_init_params(2, ring, p);
  if (ret === -EINVAL || ret === -ENOENT) skip('no IORING_SETUP_NO_MMAP');
  expect([0, -EFAULT, -ENOMEM]).toContain(ret);
  // C checks no more
  if (ret === 0) {
    expect(complete(ring, io_uring_prep_nop).res).toBe(0);
    io_uring_queue_exit(ring);
  }
  expect(addr.every((byte) => byte === 0x55)).toBe(true);
});
