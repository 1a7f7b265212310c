/** The port of liburing's test/sq-full.c: test SQ queue full condition. */
import { expect, it } from 'vitest';
import { io_uring_get_sqe, io_uring_queue_exit, io_uring_queue_init } from '../../src/c.js';
import { newRing } from './support/rings.js';

it('main', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let i = 0;
  while (io_uring_get_sqe(ring) !== null) i++;

  expect(i, 'Got unexpected number of SQEs').toBe(8);

  io_uring_queue_exit(ring);
});
