/**
 * The port of liburing's test/socket-nb.c: check that recv on an empty socket will bubble back -EAGAIN if
 * MSG_DONTWAIT is set, regardless of whether or not O_NONBLOCK is set on the socket itself.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_peek_cqe,
  io_uring_prep_recv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
} from '../../src/c.js';
import { EAGAIN, MSG_DONTWAIT } from '../../src/linux.js';
import { atEnd } from './support/clean.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { connected_nonblock, t_set_nonblock } from './support/sockets.js';

function test(o_nonblock: boolean, msg_dontwait: boolean): void {
  const { server } = connected_nonblock();
  const ring = newRing();
  const cqe = newCqe();
  const recv_buff = allocArray(128);

  if (o_nonblock) t_set_nonblock(server);

  expect(io_uring_queue_init(32, ring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  const flags = msg_dontwait ? MSG_DONTWAIT : 0;
  const sqe = get_sqe(ring);
  io_uring_prep_recv(sqe, server, recv_buff, recv_buff.length, flags);
  sqe.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(msg_dontwait ? 0 : -EAGAIN);
  // C does not check the result
  if (msg_dontwait) expect(cqe.value).toMatchObject({ res: -EAGAIN, user_data: 1n });
}

it('test 0 0', () => test(false, false));
it('test 0 1', () => test(false, true));
it('test 1 0', () => test(true, false));
it('test 1 1', () => test(true, true));
