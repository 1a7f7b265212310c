/** The port of liburing's test/shared-wq.c: test wq sharing. */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_ATTACH_WQ,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_queue_init_params,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { newParams, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

it('test_attach_invalid', () => {
  /* stdout is definitely not an io_uring descriptor */
  const p = newParams({ flags: IORING_SETUP_ATTACH_WQ, wq_fd: 2 });
  expect(io_uring_queue_init_params(1, newRing(), p)).toBe(-EINVAL);
});

it('test_attach', () => {
  const ring = newRing();
  const ring2 = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const p = newParams({ flags: IORING_SETUP_ATTACH_WQ, wq_fd: ring.ring_fd });
  const ret = io_uring_queue_init_params(1, ring2, p);
  if (ret === -EINVAL) skipCase('Sharing not supported, skipping');
  expect(ret).toBe(0);

  io_uring_queue_exit(ring2);
  io_uring_queue_exit(ring);
});
