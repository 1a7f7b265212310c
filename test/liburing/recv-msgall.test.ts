/**
 * The port of liburing's test/recv-msgall.c: test MSG_WAITALL with datagram sockets, with a send splice
 * into two. C receives in a thread; here the sends, which io_uring does as well, do not wait for it.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_recv,
  io_uring_prep_recvmsg,
  io_uring_prep_send,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
  type iovec,
  msghdr,
  type StructArray,
  sockaddr_in,
} from '../../src/c.js';
import { AF_INET, INADDR_ANY, MSG_WAITALL, SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';
import { connect, htonl, loopback, setsockopt, socket, t_bind_ephemeral_port } from './support/sockets.js';
import { usleep } from './support/time.js';

const MAX_MSG = 128;
const half = (MAX_MSG * 4) / 2;

function recv_prep(ring: io_uring, iov: StructArray<iovec>, use_recvmsg: boolean): { sockfd: number; port: number } {
  const saddr = alloc(sockaddr_in);
  saddr.sin_family = AF_INET;
  saddr.sin_addr.s_addr = htonl(INADDR_ANY);

  const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(sockfd).toBeGreaterThanOrEqual(0);
  expect(setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, 1)).toBe(0);
  expect(t_bind_ephemeral_port(sockfd, saddr)).toBe(0);

  const sqe = get_sqe(ring);
  if (!use_recvmsg) {
    io_uring_prep_recv(sqe, sockfd, iov.at(0).iov_base, iov.at(0).iov_len, MSG_WAITALL);
  } else {
    const msg = alloc(msghdr);
    msg.msg_namelen = sockaddr_in.size;
    msg.msg_iov = iov;
    msg.msg_iovlen = 1;
    io_uring_prep_recvmsg(sqe, sockfd, msg, MSG_WAITALL);
  }
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(1);
  return { sockfd, port: saddr.sin_port };
}

function do_recv(ring: io_uring): void {
  const cqe = newCqe();
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(half);
  io_uring_cqe_seen(ring, cqe.value);
}

function do_send(port: number): void {
  const ring = newRing();
  const cqe = newCqe();
  const saddr = loopback(port);
  expect(io_uring_queue_init(2, ring, 0)).toBe(0);

  const buf = allocArray(MAX_MSG, Uint32Array).map((_, i) => i);

  const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(sockfd).toBeGreaterThanOrEqual(0);
  expect(connect(sockfd, saddr)).toBe(0);

  for (let i = 0; i < 2; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_send(sqe, sockfd, buf.subarray((i * MAX_MSG) / 2), half, 0);
    sqe.user_data = 1;
    expect(io_uring_submit(ring)).toBe(1);
    usleep(10000);
  }

  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(half);
    io_uring_cqe_seen(ring, cqe.value);
  }
  close(sockfd);
  io_uring_queue_exit(ring);
}

function test(use_recvmsg: boolean): void {
  const ring = newRing();
  const buf = allocArray(MAX_MSG * 4);
  expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

  const { sockfd, port } = recv_prep(ring, iovecOf(buf), use_recvmsg);
  do_send(port);
  do_recv(ring);
  // C does not check the first datagram's contents
  const ints = new Uint32Array(buf.buffer, buf.byteOffset, MAX_MSG);
  expect([...ints]).toEqual(Array.from(ints, (_, i) => (i < MAX_MSG / 2 ? i : 0)));

  close(sockfd);
  io_uring_queue_exit(ring);
}

it('test(0)', () => test(false));
it('test(1)', () => test(true));
