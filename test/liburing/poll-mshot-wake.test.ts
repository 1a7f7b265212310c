/**
 * The port of liburing's test/poll-mshot-wake.c: test multishot POLL_ADD on an eventfd that is also the CQ
 * notification eventfd of the same ring. Triggering the poll posts a CQE, which notifies the eventfd, which
 * re-enters the poll wake path via EPOLL_URING_WAKE. The multishot poll must keep delivering events for
 * subsequent wakeups; a regression leaves the poll request permanently stuck with IORING_CQE_F_MORE set but no
 * further CQEs.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_F_MORE,
  io_uring_cqe_seen,
  io_uring_prep_poll_multishot,
  io_uring_register_eventfd,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { EFD_NONBLOCK, POLLIN } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { eventfd } from './support/events.js';
import { read, write } from './support/files.js';
import { get_sqe, newCqe, openRing } from './support/rings.js';
import { timespec } from './support/time.js';

const NR_LOOPS = 2;

it('test', () => {
  const evfd = closing(eventfd(0, EFD_NONBLOCK));
  expect(evfd).toBeGreaterThanOrEqual(0);
  const ring = openRing(8);
  const cqe = newCqe();
  const val = allocArray(1, BigUint64Array);

  expect(io_uring_register_eventfd(ring, evfd)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_poll_multishot(sqe, evfd, POLLIN);
  sqe.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < NR_LOOPS; i++) {
    val[0] = 1n;
    expect(write(evfd, val, 8)).toBe(8);
    expect(read(evfd, val, 8)).toBe(8);

    expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30)), `iteration ${i}`).toBe(0);
    const { user_data, res, flags } = cqe.value;
    expect(user_data).toBe(1n);
    expect(res).toBeGreaterThanOrEqual(0);
    expect(flags & IORING_CQE_F_MORE).toBe(i === 0 ? IORING_CQE_F_MORE : 0);
    io_uring_cqe_seen(ring, cqe.value);
  }
});
