/**
 * The port of liburing's test/recv-msgall-stream.c: test MSG_WAITALL for recv/recvmsg and include normal sync versions
 * just for comparison. C receives in a thread; here that is so for the sync versions, which wait for the sends.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  type io_uring,
  io_uring_prep_recv,
  io_uring_prep_recvmsg,
  io_uring_prep_send,
  io_uring_submit,
  msghdr,
  sockaddr_in,
} from '../../src/c.js';
import { AF_INET, IPPROTO_TCP, MSG_WAITALL, SHUT_RDWR, SOCK_CLOEXEC, SOCK_STREAM } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { closing } from './support/clean.js';
import { get_sqe, next, openRing } from './support/rings.js';
import { accept, connect, listener, shutdown, socket } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';
import { usleep } from './support/time.js';

const MAX_MSG = 128;
const half = (MAX_MSG * 4) / 2;

/** The listener's other end, and the one that is connected to it. */
function get_conn_sock(): { sockfd: number; client: number } {
  const { fd, addr } = listener(16);
  closing(fd);
  const client = closing(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  expect(connect(client, addr)).toBe(0);
  const sockfd = closing(accept(fd));
  expect(sockfd).toBeGreaterThanOrEqual(0);
  return { sockfd, client };
}

function recv_prep(ring: io_uring, sockfd: number, buf: Int32Array, use_recvmsg: boolean): void {
  const sqe = get_sqe(ring);
  if (!use_recvmsg) io_uring_prep_recv(sqe, sockfd, buf, buf.byteLength, MSG_WAITALL);
  else io_uring_prep_recvmsg(sqe, sockfd, message(buf), MSG_WAITALL);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(1);
}

function message(buf: Int32Array): msghdr {
  const msg = alloc(msghdr);
  msg.msg_namelen = sockaddr_in.size;
  msg.msg_iov = iovecOf(new Uint8Array(buf.buffer, buf.byteOffset, buf.byteLength));
  msg.msg_iovlen = 1;
  return msg;
}

function do_send(sockfd: number): void {
  const ring = openRing(2);
  const buf = allocArray(MAX_MSG, Int32Array).map((_, i) => i);
  for (let i = 0; i < 2; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_send(sqe, sockfd, buf.subarray((i * MAX_MSG) / 2), half, 0);
    sqe.user_data = 1;
    expect(io_uring_submit(ring)).toBe(1);
    usleep(10000);
  }
  for (let i = 0; i < 2; i++) expect(next(ring)).toMatchObject({ user_data: 1n, res: half });
  expect(shutdown(sockfd, SHUT_RDWR)).toBe(0);
}

/** recv(2) or recvmsg(2), in a thread. */
function recv_sync(sockfd: number, buf: Int32Array, use_recvmsg: boolean): Thread {
  const started = barrier(2);
  const msg = message(buf);
  const thread = pthread_create(
    ({ syscall, barrier_wait }, { sockfd, buf, size, msg, flags, use_recvmsg, started }) => {
      barrier_wait(started);
      return use_recvmsg ? syscall('recvmsg', sockfd, msg, flags) : syscall('recvfrom', sockfd, buf, size, flags, 0, 0);
    },
    { sockfd, buf: buf.byteOffset, size: buf.byteLength, msg: msg.address, flags: MSG_WAITALL, use_recvmsg, started },
  );
  barrier_wait(started);
  return thread;
}

function test(use_recvmsg: boolean, use_sync: boolean): void {
  const buf = allocArray(MAX_MSG, Int32Array);
  const { sockfd, client } = get_conn_sock();
  if (use_sync) {
    const thread = recv_sync(sockfd, buf, use_recvmsg);
    do_send(client);
    expect(pthread_join(thread)).toBe(buf.byteLength);
  } else {
    const ring = openRing(1);
    recv_prep(ring, sockfd, buf, use_recvmsg);
    do_send(client);
    expect(next(ring)).toMatchObject({ user_data: 2n, res: buf.byteLength });
  }
  expect([...buf]).toEqual(Array.from(buf, (_, i) => i));
}

it('test recv', () => test(false, false));
it('test recvmsg', () => test(true, false));
it('test sync recv', () => test(false, true));
it('test sync recvmsg', () => test(true, true));
