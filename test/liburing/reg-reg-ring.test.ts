/**
 * The port of liburing's test/reg-reg-ring.c: test io_uring_register with a registered ring
 * (IORING_REGISTER_USE_REGISTERED_RING).
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_FEAT_REG_REG_RING,
  io_uring_close_ring_fd,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_iowq_max_workers,
  io_uring_register_ring_fd,
  io_uring_unregister_ring_fd,
} from '../../src/c.js';
import { EBADF, EEXIST, EINVAL } from '../../src/linux.js';
import { newRing } from './support/rings.js';
import { skip } from './support/skip.js';

it('main', () => {
  const ring = newRing();
  const values = allocArray(2, Uint32Array);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  if (!(ring.features & IORING_FEAT_REG_REG_RING)) {
    io_uring_queue_exit(ring);
    skip('IORING_FEAT_REG_REG_RING not available in kernel');
  }

  expect(io_uring_close_ring_fd(ring)).toBe(-EINVAL);

  expect(io_uring_unregister_ring_fd(ring)).toBe(-EINVAL);

  expect(io_uring_register_ring_fd(ring)).toBe(1);

  expect(io_uring_register_ring_fd(ring)).toBe(-EEXIST);

  /* Test a simple io_uring_register operation expected to work.
   * io_uring_register_iowq_max_workers is arbitrary.
   */
  values.fill(0);
  expect(io_uring_register_iowq_max_workers(ring, values)).toBe(0);
  expect(values.some((value) => value !== 0)).toBe(true);

  expect(io_uring_close_ring_fd(ring)).toBe(1);

  values.fill(0);
  expect(io_uring_register_iowq_max_workers(ring, values)).toBe(0);
  expect(values.some((value) => value !== 0)).toBe(true);

  expect(io_uring_close_ring_fd(ring)).toBe(-EBADF);

  io_uring_queue_exit(ring);
});
