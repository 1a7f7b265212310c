/**
 * The port of liburing's test/poll-cancel.c: test io_uring poll cancel handling. Without
 * test_poll_cancel_with_timeouts, which is about rings that a forked process leaves to exit(2).
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_prep_poll_add,
  io_uring_prep_poll_remove,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { ECANCELED, POLLIN } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { timespec } from './support/time.js';

it('test_poll_cancel', () => {
  const ring = newRing();
  const cqe = newCqe();
  const pipe1 = fdPair();
  // C's struct poll_data
  const pds = allocArray(2);
  const [poll, cancel] = [pds.byteOffset, pds.byteOffset + 1];

  expect(pipe(pipe1)).toBe(0);
  expect(io_uring_queue_init(2, ring, 0)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, pipe1[0], POLLIN);
  io_uring_sqe_set_data(sqe, poll);
  expect(io_uring_submit(ring)).toBe(1);

  sqe = get_sqe(ring);
  io_uring_prep_poll_remove(sqe, poll);
  io_uring_sqe_set_data(sqe, cancel);
  expect(io_uring_submit(ring)).toBe(1);

  const results = new Map<number, number>();
  for (let i = 0; i < 2; i++) {
    // C has an alarm(2) of a second
    expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30))).toBe(0);
    results.set(io_uring_cqe_get_data(cqe.value), cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(results.get(poll)).toBe(-ECANCELED);
  expect(results.get(cancel)).toBe(0);

  close(pipe1[0]);
  close(pipe1[1]);
  io_uring_queue_exit(ring);
});
