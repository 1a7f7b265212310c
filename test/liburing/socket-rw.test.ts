/**
 * The port of liburing's test/socket-rw.c: check that a readv on a socket queued before a writev doesn't hang
 * the processing.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cq_advance,
  io_uring_for_each_cqe,
  io_uring_prep_readv,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { iovecOf } from './support/buffers.js';
import { atEnd } from './support/clean.js';
import { get_sqe, newRing } from './support/rings.js';
import { connected_nonblock, t_clear_nonblock } from './support/sockets.js';

it('main', () => {
  const { server, client } = connected_nonblock();
  t_clear_nonblock(client);
  const recv_buff = allocArray(128);
  const send_buff = allocArray(128).fill(0x5a);

  const m_io_uring = newRing();
  expect(io_uring_queue_init(32, m_io_uring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(m_io_uring));

  io_uring_prep_readv(get_sqe(m_io_uring), server, iovecOf(recv_buff), 1, 0);
  io_uring_prep_writev(get_sqe(m_io_uring), client, iovecOf(send_buff), 1, 0);

  expect(io_uring_submit_and_wait(m_io_uring, 2)).toBe(2);

  let count = 0;
  for (const { res } of io_uring_for_each_cqe(m_io_uring)) {
    expect(res).toBe(128);
    count++;
  }
  expect(count).toBe(2);
  io_uring_cq_advance(m_io_uring, count);

  // C does not check the received data
  expect(recv_buff).toEqual(send_buff);
});
