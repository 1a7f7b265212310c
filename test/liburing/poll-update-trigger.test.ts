/**
 * The port of liburing's test/poll-update-trigger.c: test POLL_ADD being added with a mask that doesn't
 * make it trigger, but then updated with POLL_REMOVE to a mask that does trigger it.
 */
import { expect, it } from 'vitest';
import {
  IORING_POLL_UPDATE_EVENTS,
  io_uring_cqe_seen,
  io_uring_prep_poll_add,
  io_uring_prep_poll_update,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { POLLIN, POLLOUT } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fd = fdPair();

  expect(io_uring_queue_init(4, ring, 0)).toBe(0);
  expect(pipe(fd)).toBe(0);

  /*
   * Attach POLLIN request to output side of pipe, won't complete as
   * that will never be readabable.
   */
  let sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, fd[1], POLLIN);
  sqe.user_data = 1;
  io_uring_submit(ring);

  /*
   * Now update the previously submitted poll request, adding POLLOUT.
   * This will cause it to trigger immediately, as the pipe is indeed
   * writeable.
   */
  sqe = get_sqe(ring);
  io_uring_prep_poll_update(sqe, 1, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
  sqe.user_data = 2;
  io_uring_submit(ring);

  /*
   * Expect both requests to complete - the update with 0 for success,
   * and the original poll_add with POLLOUT as the result.
   */
  const results = new Map<bigint, number>();
  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    results.set(cqe.value.user_data, cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(results.get(1n)).toBe(POLLOUT);
  expect(results.get(2n)).toBe(0);
  io_uring_queue_exit(ring);
  for (const end of fd) close(end);
});
