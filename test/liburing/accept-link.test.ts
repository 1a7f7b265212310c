/**
 * The port of liburing's test/accept-link.c: test an accept with a linked timeout. C's sender is a thread that
 * connects when the listener is there, and closes when all has completed; here it is the same one.
 */
import { expect, it } from 'vitest';
import {
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_accept,
  io_uring_prep_link_timeout,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { AF_INET, ECANCELED, ETIME, IPPROTO_TCP, SOCK_STREAM } from '../../src/linux.js';
import { atEnd, closing } from './support/clean.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { connect, listener, socket } from './support/sockets.js';
import { timespec } from './support/time.js';

function test_accept_timeout(do_connect: boolean, timeout: number): void {
  const ring = newRing();
  const cqe = newCqe();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  // without IORING_FEAT_FAST_POLL, which came with 5.7, C expects -EINTR and -EALREADY
  const { fd: s0, addr } = listener();
  closing(s0);

  let sqe = get_sqe(ring);
  io_uring_prep_accept(sqe, s0, null, null, 0);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_link_timeout(sqe, timespec(Math.floor(timeout / 1e9), timeout % 1e9), 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  if (do_connect) {
    const peer = closing(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    expect(connect(peer, addr)).toBe(0);
  }

  const results = new Map<bigint, number>();
  for (let i = 0; i < 2; i++) {
    const { user_data, res } = waited(ring, cqe);
    results.set(user_data, res);
    if (user_data === 1n && res > 0) closing(res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  if (do_connect) expect(results.get(1n)).toBeGreaterThan(0);
  else expect(results.get(1n)).toBe(-ECANCELED);
  expect(results.get(2n)).toBe(do_connect ? -ECANCELED : -ETIME);
}

it('test_accept_timeout(0, 200000000)', () => test_accept_timeout(false, 200000000));

// C's second, ten times: here the connect comes from the thread that waits
it('test_accept_timeout(1, 1000000000)', () => test_accept_timeout(true, 10_000_000_000));
