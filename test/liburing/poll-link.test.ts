/**
 * The port of liburing's test/poll-link.c: test a poll with a linked timeout. C's sender is a thread that
 * connects when the listener is there, and closes when all has completed; here it is the same one.
 */
import { expect, it } from 'vitest';
import {
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_link_timeout,
  io_uring_prep_poll_add,
  io_uring_submit,
} from '../../src/c.js';
import { AF_INET, ECANCELED, ETIME, IPPROTO_TCP, POLLERR, POLLHUP, POLLIN, SOCK_STREAM } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { get_sqe, newCqe, openRing, waited } from './support/rings.js';
import { connect, listener, socket } from './support/sockets.js';
import { timespec } from './support/time.js';

function test_poll_timeout(do_connect: boolean, timeout: number): void {
  const ring = openRing(8);
  const cqe = newCqe();
  const { fd: s0, addr } = listener();
  closing(s0);

  let sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, s0, POLLIN | POLLHUP | POLLERR);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_link_timeout(sqe, timespec(Math.floor(timeout / 1e9), timeout % 1e9), 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  if (do_connect) expect(connect(closing(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)), addr)).toBe(0);

  const results = new Map<bigint, number>();
  for (let i = 0; i < 2; i++) {
    const { user_data, res } = waited(ring, cqe);
    results.set(user_data, res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  // C checks the bit alone; an error has it as well
  expect(results.get(1n)).toBe(do_connect ? POLLIN : -ECANCELED);
  expect(results.get(2n)).toBe(do_connect ? -ECANCELED : -ETIME);
}

it('test_poll_timeout(0, 200000000)', () => test_poll_timeout(false, 200000000));

// C's second, ten times: here the connect comes from the thread that waits
it('test_poll_timeout(1, 1000000000)', () => test_poll_timeout(true, 10_000_000_000));
