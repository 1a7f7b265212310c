/** The port of liburing's test/d77a67ed5f27.c: a submit wakes the SQ thread up. C has an alarm of a second for it. */

import { expect, it } from 'vitest';
import {
  IORING_SETUP_SQPOLL,
  IORING_SQ_NEED_WAKEUP,
  io_uring_cqe_get_data,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_smp_load_acquire,
  io_uring_sqe_set_data,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import {
  get_sqe,
  newCqe,
  newParams,
  newRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring_params,
} from './support/rings.js';
import { skip } from './support/skip.js';
import { mtime_since_now, now, usleep } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const p = newParams({ sq_thread_idle: 100, flags: IORING_SETUP_SQPOLL });
  const ret = t_create_ring_params(4, ring, p);
  if (ret === T_SETUP_SKIP) skip('no SQPOLL');
  expect(ret).toBe(T_SETUP_OK);

  /* make sure sq thread is sleeping at this point */
  const start = now();
  const sleeping = (): boolean => (io_uring_smp_load_acquire(ring.sq.kflags) & IORING_SQ_NEED_WAKEUP) !== 0;
  while (!sleeping() && mtime_since_now(start) < 20_000) usleep(10_000);
  expect(sleeping()).toBe(true);

  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data(sqe, 42);
  io_uring_submit_and_wait(ring, 1);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);

  expect(io_uring_cqe_get_data(cqe.value)).toBe(42);
  io_uring_queue_exit(ring);
});
