/**
 * The port of liburing's test/sendzc-bug.c: test that importing a buffer node ties the lifetime to the
 * notification io_kiocb, not the normal request. The buffer is freed where C unmaps it.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  free,
  IORING_RECVSEND_FIXED_BUF,
  io_uring_cqe_seen,
  io_uring_prep_sendmsg_zc,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_submit,
  io_uring_unregister_buffers,
  io_uring_wait_cqe,
  msghdr,
} from '../../src/c.js';
import { AF_INET, EINVAL, SO_ZEROCOPY, SOCK_STREAM, SOL_SOCKET } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, read } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { accept, bind, connect, fdPair, getsockname, listen, loopback, setsockopt, socket } from './support/sockets.js';

const BUF_SIZE = 1024 * 1024;

/* Creates a pair of connected TCP sockets. */
function tcp_socketpair(sv: Int32Array): void {
  const addr_in = loopback();

  const listener_fd = socket(AF_INET, SOCK_STREAM, 0);
  expect(listener_fd).toBeGreaterThanOrEqual(0);
  expect(bind(listener_fd, addr_in)).toBe(0);
  expect(listen(listener_fd, 1)).toBe(0);
  expect(getsockname(listener_fd, addr_in)).toBe(0);
  sv[0] = socket(AF_INET, SOCK_STREAM, 0);
  expect(connect(sv[0], addr_in)).toBe(0);
  sv[1] = accept(listener_fd);
  expect(sv[1]).toBeGreaterThanOrEqual(0);
  close(listener_fd);
}

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const msg = alloc(msghdr);
  const sockets = fdPair();
  const read_buffer = allocArray(BUF_SIZE);

  tcp_socketpair(sockets);
  expect(setsockopt(sockets[0], SOL_SOCKET, SO_ZEROCOPY, 1)).toBe(0);

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  const send_buffer = allocArray(BUF_SIZE);
  const iov_reg = iovecOf(send_buffer);
  expect(io_uring_register_buffers(ring, iov_reg, 1)).toBe(0);

  const sqe = get_sqe(ring);
  const send_iov = iovecOf(send_buffer);
  msg.msg_iov = send_iov;
  msg.msg_iovlen = 1;
  io_uring_prep_sendmsg_zc(sqe, sockets[0], msg, 0);
  sqe.ioprio = IORING_RECVSEND_FIXED_BUF;
  sqe.buf_index = 0;

  send_buffer.fill(0x42); // 'B'

  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const { res } = cqe.value;
  if (res === -EINVAL) skip('no zero-copy sends from registered buffers');
  expect(res).toBeGreaterThan(0);
  io_uring_cqe_seen(ring, cqe.value);

  io_uring_unregister_buffers(ring);
  free(send_buffer);

  // C does not check the received data
  const ret = read(sockets[1], read_buffer, BUF_SIZE);
  expect(ret).toBeGreaterThan(0);
  io_uring_queue_exit(ring);
  for (const fd of sockets) close(fd);
});
