/**
 * The port of liburing's test/wakeup-hang.c: a ring that is waited for is woken by a poll. C waits in a thread, which
 * here is the test, and sleeps for a second before another writes; here that is 100 ms, in the thread that writes.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_poll_add,
  io_uring_submit,
} from '../../src/c.js';
import { EAGAIN, POLLIN } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { eventfd } from './support/events.js';
import { pipe } from './support/files.js';
import { get_sqe, newCqe, openRing, waited } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join } from './support/thread.js';

function test(read_fd: number, write_fd: number): void {
  const ring = openRing(8);
  const cqe = newCqe();

  const sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, read_fd, POLLIN);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(1);

  const started = barrier(2);
  const wakeup_io_uring = pthread_create(
    ({ syscall, usleep, barrier_wait }, { fd, value, started }) => {
      barrier_wait(started);
      usleep(100_000);
      return syscall('write', fd, value, 8);
    },
    { fd: write_fd, value: one.byteOffset, started },
  );
  barrier_wait(started);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(-EAGAIN);
  expect(waited(ring, cqe)).toMatchObject({ user_data: 2n, res: POLLIN });
  io_uring_cqe_seen(ring, cqe.value);
  expect(pthread_join(wakeup_io_uring)).toBe(8);
}

/** `eventfd_t` */
const one = allocArray(1, BigUint64Array).fill(1n);

it('test_pipes', () => {
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  for (const end of fds) closing(end);
  test(fds[0], fds[1]);
});

it('test_eventfd', () => {
  const efd = closing(eventfd(0, 0));
  expect(efd).toBeGreaterThanOrEqual(0);
  test(efd, efd);
});
