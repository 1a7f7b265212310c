/** The port of liburing's test/shutdown.c: check that writev on a socket that has been shutdown(2) fails. */
import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_seen,
  io_uring_prep_shutdown,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { EINVAL, EPIPE, SHUT_WR } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { atEnd } from './support/clean.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { connected_nonblock, t_clear_nonblock } from './support/sockets.js';

it('main', () => {
  const { client } = connected_nonblock();
  t_clear_nonblock(client);
  const cqe = newCqe();
  const m_io_uring = newRing();
  expect(io_uring_queue_init(32, m_io_uring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(m_io_uring));

  const sqe = get_sqe(m_io_uring);
  io_uring_prep_shutdown(sqe, client, SHUT_WR);
  sqe.user_data = 1;
  expect(io_uring_submit_and_wait(m_io_uring, 1)).toBe(1);

  let { res } = waited(m_io_uring, cqe);
  if (res === -EINVAL) skipCase('Shutdown not supported, skipping');
  expect(res).toBe(0);
  io_uring_cqe_seen(m_io_uring, cqe.value);

  // Node ignores SIGPIPE, as C's handler does
  io_uring_prep_writev(get_sqe(m_io_uring), client, iovecOf(allocArray(128)), 1, 0);
  expect(io_uring_submit_and_wait(m_io_uring, 1)).toBe(1);

  ({ res } = waited(m_io_uring, cqe));
  expect(res).toBe(-EPIPE);
  io_uring_cqe_seen(m_io_uring, cqe.value);
});
