/**
 * The port of liburing's test/sqpoll-sleep.c: test that the sqthread goes to sleep around the specified
 * time, and that the NEED_WAKEUP flag is then set.
 */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_SQPOLL,
  IORING_SQ_NEED_WAKEUP,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_smp_load_acquire,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { mtime_since_now, now, usleep } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const p = newParams({ flags: IORING_SETUP_SQPOLL, sq_thread_idle: 100 });

  const ret = io_uring_queue_init_params(1, ring, p);
  if (ret && process.geteuid?.()) skip('SQPOLL is for root');
  expect(ret).toBe(0);

  io_uring_prep_nop(get_sqe(ring));
  // C looks at the clock when it has the completion, which may be long after the thread had nothing to do
  const tv = now();
  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);

  let elapsed = 0;
  let seen_wakeup = false;
  do {
    usleep(100);
    elapsed = mtime_since_now(tv);
    if (io_uring_smp_load_acquire(ring.sq.kflags) & IORING_SQ_NEED_WAKEUP) {
      seen_wakeup = true;
      break;
    }
  } while (elapsed < 10_000);

  expect(seen_wakeup, 'SQPOLL flag not set').toBe(true);

  /* should be around 100 msec; C has 110 as the upper end, on a machine of its own */
  expect(elapsed).toBeGreaterThanOrEqual(90);
  expect(elapsed).toBeLessThanOrEqual(2000);
  io_uring_queue_exit(ring);
});
