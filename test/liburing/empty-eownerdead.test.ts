/** The port of liburing's test/empty-eownerdead.c: test if entering with nothing to submit/wait for SQPOLL returns an error. */

import { expect, it } from 'vitest';
import { IORING_SETUP_SQPOLL, io_uring_enter, io_uring_queue_exit } from '../../src/c.js';
import { newParams, newRing, T_SETUP_OK, T_SETUP_SKIP, t_create_ring_params } from './support/rings.js';
import { skip } from './support/skip.js';

it('main', () => {
  const ring = newRing();
  const p = newParams({ flags: IORING_SETUP_SQPOLL, sq_thread_idle: 100 });

  const ret = t_create_ring_params(1, ring, p);
  if (ret === T_SETUP_SKIP) skip('no SQPOLL');
  expect(ret).toBe(T_SETUP_OK);

  /* -EOWNERDEAD, due to an old kernel bug */
  expect(io_uring_enter(ring.ring_fd, 0, 0, 0, null)).toBe(0);
  io_uring_queue_exit(ring);
});
