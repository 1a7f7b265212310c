/** The port of liburing's test/cq-size.c: test CQ ring sizing. */
import { expect, it } from 'vitest';
import { IORING_SETUP_CQSIZE, io_uring_queue_exit, io_uring_queue_init_params } from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { newParams, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

it('main', () => {
  const ring = newRing();
  let p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 64 });

  const ret = io_uring_queue_init_params(4, ring, p);
  if (ret === -EINVAL) skipCase('Skipping, not supported on this kernel');
  expect(ret).toBe(0);

  expect(p.cq_entries).toBeGreaterThanOrEqual(64);
  io_uring_queue_exit(ring);

  p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 0 });
  expect(io_uring_queue_init_params(4, ring, p)).toBe(-EINVAL);
});
