/**
 * The port of liburing's test/poll.c: test io_uring poll handling. The writer of test_basic is the test, where C
 * has a process for the ring.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_enable_rings,
  io_uring_for_each_cqe,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_poll_add,
  io_uring_prep_poll_multishot,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { AF_UNIX, EAGAIN, POLLIN, POLLOUT, SO_SNDBUF, SOCK_STREAM, SOL_SOCKET } from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { atEnd, closing } from './support/clean.js';
import { pipe, write } from './support/files.js';
import { get_sqe, newCqe, newRing, next, openRing, t_probe_defer_taskrun, waited } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { fdPair, recv, send, setsockopt, socketpair } from './support/sockets.js';

const check_cq_empty = (ring: io_uring): boolean => io_uring_peek_cqe(ring, newCqe()) === -EAGAIN;

it('test_basic', () => {
  const cqe = newCqe();
  const pipe1 = fdPair();
  expect(pipe(pipe1)).toBe(0);
  for (const end of pipe1) closing(end);
  const ring = openRing(1);

  const sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, pipe1[0], POLLIN);
  io_uring_sqe_set_data(sqe, sqe.address);

  expect(io_uring_submit(ring)).toBe(1);
  // C's parent may have written before
  expect(check_cq_empty(ring)).toBe(true);

  expect(write(pipe1[1], allocString('foo'), 3)).toBe(3);

  const { user_data, res } = waited(ring, cqe);
  expect(user_data).toBe(BigInt(sqe.address));
  expect(res & POLLIN).toBe(POLLIN);
  io_uring_cqe_seen(ring, cqe.value);
});

const probe_defer_taskrun = (): void => {
  if (!t_probe_defer_taskrun()) skipSilently('no IORING_SETUP_DEFER_TASKRUN');
};

it('test_missing_events', () => {
  probe_defer_taskrun();
  const cqe = newCqe();
  const sp = fdPair();
  const buf = allocArray(2);
  let res_mask = 0;
  const ring = openRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

  expect(socketpair(AF_UNIX, SOCK_STREAM, 0, sp)).toBe(0);
  for (const end of sp) closing(end);
  expect(setsockopt(sp[0], SOL_SOCKET, SO_SNDBUF, 1)).toBe(0);
  expect(send(sp[0], buf, buf.length, 0)).toBe(buf.length);

  io_uring_prep_poll_multishot(get_sqe(ring), sp[0], POLLIN | POLLOUT);
  expect(io_uring_submit(ring)).toBe(1);

  /* trigger EPOLLIN */
  expect(send(sp[1], buf, buf.length, 0)).toBe(buf.length);

  /* trigger EPOLLOUT */
  expect(recv(sp[1], buf, buf.length, 0)).toBe(buf.length);

  for (let i = 0; ; i++) {
    const ret = i === 0 ? io_uring_wait_cqe(ring, cqe) : io_uring_peek_cqe(ring, cqe);
    if (i !== 0 && ret === -EAGAIN) break;
    expect(ret).toBe(0);
    res_mask |= cqe.value.res;
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(res_mask & (POLLIN | POLLOUT)).toBe(POLLIN | POLLOUT);
});

it.each([false, true])('test_disabled_ring_lazy_polling(%s)', (early_poll) => {
  probe_defer_taskrun();
  const ring = openRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED);
  const ring2 = openRing(8);

  const start_polling = (): void => {
    io_uring_prep_poll_add(get_sqe(ring2), ring.ring_fd, POLLIN);
    expect(io_uring_submit(ring2)).toBe(1);
    expect(check_cq_empty(ring2)).toBe(true);
  };

  /* start polling disabled DEFER_TASKRUN ring */
  if (early_poll) start_polling();

  /* enable rings, which should also activate pollwq */
  expect(io_uring_enable_rings(ring)).toBe(0);

  /* start polling enabled DEFER_TASKRUN ring */
  if (!early_poll) start_polling();

  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(1);

  expect([...io_uring_for_each_cqe(ring2)].length, 'fail, polling stuck').toBe(1);
});

const NR_SQES = 2048;

it('test_self_poll', () => {
  const ring = newRing();
  expect(patiently(() => io_uring_queue_init(NR_SQES, ring, 0))).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  for (let j = 0; j < 32; j++) {
    for (let i = 0; i < NR_SQES; i++) io_uring_prep_poll_add(get_sqe(ring), ring.ring_fd, POLLIN);
    expect(io_uring_submit(ring)).toBe(NR_SQES);
  }

  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(1);

  expect(next(ring).res).toBe(0);
});
