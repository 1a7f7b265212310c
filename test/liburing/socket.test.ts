/**
 * The port of liburing's test/socket.c: simple test case using the socket op. C receives in a thread, whose receive is
 * submitted before anything is sent; here the same thread does both.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  IORING_FEAT_SQPOLL_NONFIXED,
  IORING_FILE_INDEX_ALLOC,
  IORING_SETUP_SQPOLL,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_prep_connect,
  io_uring_prep_recv,
  io_uring_prep_send,
  io_uring_prep_socket,
  io_uring_prep_socket_direct,
  io_uring_queue_exit,
  io_uring_register_files,
  io_uring_submit,
  sockaddr_in,
} from '../../src/c.js';
import { AF_INET, EAFNOSUPPORT, EINVAL, INADDR_ANY, SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import {
  complete,
  get_sqe,
  newParams,
  newRing,
  next,
  openRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring_params,
} from './support/rings.js';
import { skipCase, skipSilently } from './support/skip.js';
import { htonl, loopback, setsockopt, socket, t_bind_ephemeral_port } from './support/sockets.js';

const str = allocString('This is a test of send and recv over io_uring!');

const MAX_MSG = 128;

function recv_prep(ring: io_uring, buf: Uint8Array, registerfiles: boolean): number {
  const saddr = alloc(sockaddr_in);
  saddr.sin_family = AF_INET;
  saddr.sin_addr.s_addr = htonl(INADDR_ANY);

  const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(sockfd).toBeGreaterThanOrEqual(0);
  closing(sockfd);
  expect(setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, 1)).toBe(0);
  expect(t_bind_ephemeral_port(sockfd, saddr)).toBe(0);

  if (registerfiles) expect(io_uring_register_files(ring, Int32Array.of(sockfd), 1)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_recv(sqe, registerfiles ? 0 : sockfd, buf, buf.length, 0);
  if (registerfiles) sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(1);
  return saddr.sin_port;
}

function do_recv(ring: io_uring, buf: Uint8Array): void {
  const { res } = next(ring);
  if (res === -EINVAL) skipCase('recv not supported, skipping');
  expect(res).toBe(str.length);
  expect(stringOf(buf)).toBe(stringOf(str));
}

function do_send(port: number, socket_direct: boolean, alloc_slot: boolean): void {
  const ring = openRing(1);
  const saddr = loopback(port);
  if (socket_direct) expect(io_uring_register_files(ring, Int32Array.of(-1), 1)).toBe(0);

  const file_index = alloc_slot ? IORING_FILE_INDEX_ALLOC - 1 : 0;
  const { res } = complete(ring, (sqe) =>
    socket_direct
      ? io_uring_prep_socket_direct(sqe, AF_INET, SOCK_DGRAM, 0, file_index, 0)
      : io_uring_prep_socket(sqe, AF_INET, SOCK_DGRAM, 0, 0),
  );
  // C sends from a socket of socket(2) then, and ends
  if (res === -EINVAL) skipSilently('no socket operation');
  expect(res).toBeGreaterThanOrEqual(0);

  if (!socket_direct) closing(res);
  else expect(res).toBe(0);
  const sockfd = res;
  const flags = socket_direct ? IOSQE_FIXED_FILE : 0;

  expect(
    complete(ring, (sqe) => {
      io_uring_prep_connect(sqe, sockfd, saddr, sockaddr_in.size);
      sqe.flags |= flags;
    }).res,
  ).toBe(0);

  const sent = complete(ring, (sqe) => {
    io_uring_prep_send(sqe, sockfd, str, str.length, 0);
    sqe.user_data = 1;
    sqe.flags |= flags;
  });
  if (sent.res === -EINVAL) skipCase('send not supported, skipping');
  expect(sent).toMatchObject({ user_data: 1n, res: str.length });
}

function test(use_sqthread: boolean, regfiles: boolean, socket_direct: boolean, alloc_slot: boolean): void {
  const buf = allocArray(MAX_MSG);
  const ring = newRing();
  const p = newParams({ flags: use_sqthread ? IORING_SETUP_SQPOLL : 0 });
  const ret = t_create_ring_params(1, ring, p);
  if (ret === T_SETUP_SKIP) skipSilently('no such ring');
  expect(ret).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));

  if (use_sqthread && !regfiles && !(p.features & IORING_FEAT_SQPOLL_NONFIXED)) {
    skipCase('Non-registered SQPOLL not available, skipping');
  }

  const port = recv_prep(ring, buf, regfiles);
  do_send(port, socket_direct, alloc_slot);
  do_recv(ring, buf);
}

it('test sqthread=0', () => test(false, false, false, false));
it('test sqthread=1 reg=1', () => test(true, true, false, false));
it('test sqthread=1 reg=0', () => test(true, false, false, false));
it('test sqthread=0 direct=1', () => test(false, false, true, false));
it('test sqthread=0 direct=alloc', () => test(false, false, true, true));

it('test_bad_socket', () => {
  const ring = openRing(1);
  expect(complete(ring, (sqe) => io_uring_prep_socket(sqe, -1, SOCK_DGRAM, 0, 0)).res).toBe(-EAFNOSUPPORT);
});
