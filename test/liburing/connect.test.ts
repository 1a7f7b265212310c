/**
 * The port of liburing's test/connect.c: check that IORING_OP_CONNECT works, with and without other side being
 * open. C's port is a random one; here it is a free one, kept by a socket that does not listen.
 */
import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  alloc,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_connect,
  io_uring_prep_link_timeout,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_submit_and_wait,
  sockaddr_in,
} from '../../src/c.js';
import {
  AF_INET,
  EBADF,
  ECANCELED,
  ECONNREFUSED,
  EINPROGRESS,
  EINVAL,
  EOPNOTSUPP,
  ETIME,
  IPPROTO_TCP,
  POLLERR,
  POLLHUP,
  POLLOUT,
  SO_ERROR,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { atEnd, closing } from './support/clean.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import {
  bind,
  getpeername,
  getsockopt,
  listen,
  loopback,
  setsockopt,
  socket,
  t_bind_ephemeral_port,
} from './support/sockets.js';
import { timespec } from './support/time.js';

const create_socket = (): number => {
  const fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  expect(fd).toBeGreaterThanOrEqual(0);
  return closing(fd);
};

function submit_and_wait(ring: io_uring): number {
  const cqe = newCqe();
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
  expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
  const { res } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);
  return res;
}

function wait_for(ring: io_uring, fd: number, mask: number): number {
  const sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, fd, mask);
  sqe.user_data = 2;
  const res = submit_and_wait(ring);
  expect(res).toBeGreaterThanOrEqual(0);
  return res;
}

function listen_on_socket(fd: number, backlog: number): void {
  expect(bind(fd, addr)).toBe(0);
  expect(listen(fd, backlog)).toBe(0);
}

function configure_connect(fd: number): void {
  expect(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1)).toBe(0);
  expect(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1)).toBe(0);
}

let addr: sockaddr_in;

beforeEach(() => {
  addr = loopback();
  const keeper = create_socket();
  configure_connect(keeper);
  expect(t_bind_ephemeral_port(keeper, addr)).toBe(0);
});

function connect_socket(ring: io_uring, fd: number, async: boolean): number {
  configure_connect(fd);

  const sqe = get_sqe(ring);
  io_uring_prep_connect(sqe, fd, addr, sockaddr_in.size);
  if (async) sqe.flags |= IOSQE_ASYNC;
  sqe.user_data = 1;

  const res = submit_and_wait(ring);
  if (res !== -EINPROGRESS) return res;
  const ev = wait_for(ring, fd, POLLOUT | POLLHUP | POLLERR);
  expect(ev & (POLLOUT | POLLHUP | POLLERR)).not.toBe(0);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR);
}

function test_connect_with_no_peer(ring: io_uring): void {
  const code = connect_socket(ring, create_socket(), false);
  if (code === -EINVAL || code === -EBADF || code === -EOPNOTSUPP) skip('No connect support, skipping');
  expect(code).toBe(-ECONNREFUSED);
}

function test_connect(ring: io_uring, async: boolean): void {
  const accept_fd = create_socket();
  configure_connect(accept_fd);
  listen_on_socket(accept_fd, 128);
  const connect_fd = create_socket();
  expect(connect_socket(ring, connect_fd, async)).toBe(0);
  // C does not check to whom
  const peer = alloc(sockaddr_in);
  expect(getpeername(connect_fd, peer)).toBe(0);
  expect(peer.bytes).toEqual(addr.bytes);
}

function test_connect_timeout(ring: io_uring): void {
  const cqe = newCqe();
  /*
   * Test reliably fails if syncookies isn't enabled
   */
  if (!existsSync('/proc/sys/net/ipv4/tcp_syncookies')) skipSilently('no tcp_syncookies');

  const connect_fd = [create_socket(), create_socket()] as const;
  const accept_fd = create_socket();

  for (const fd of [...connect_fd, accept_fd]) configure_connect(fd);

  listen_on_socket(accept_fd, 0); // no backlog in order to block connect_fd[1]

  // We first connect with one client socket in order to fill the accept queue.
  expect(connect_socket(ring, connect_fd[0], false)).toBe(0);

  // We do not offload completion events from listening socket on purpose.
  // This way we create a state where the second connect request being stalled by OS.
  let sqe = get_sqe(ring);
  io_uring_prep_connect(sqe, connect_fd[1], addr, sockaddr_in.size);
  sqe.user_data = 1;
  sqe.flags |= IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_link_timeout(sqe, timespec(0, 100000), 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  for (let i = 0; i < 2; i++) {
    const { user_data, res } = waited(ring, cqe);
    expect(res).toBe(user_data === 1n ? -ECANCELED : -ETIME);
    io_uring_cqe_seen(ring, cqe.value);
  }
}

describe.each([
  { name: 'test 0', flags: 0 },
  { name: 'test SQPOLL', flags: IORING_SETUP_SQPOLL },
  { name: 'test DEFER', flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
])('$name', ({ flags }) => {
  const open_ring = (): io_uring => {
    const ring = newRing();
    const ret = patiently(() => io_uring_queue_init(8, ring, flags));
    if (ret === -EINVAL) skipSilently('no such ring');
    expect(ret).toBe(0);
    atEnd(() => io_uring_queue_exit(ring));
    return ring;
  };
  it('test_connect_with_no_peer', () => test_connect_with_no_peer(open_ring()));
  it.each([false, true])('test_connect, async %s', (async) => test_connect(open_ring(), async));
  it('test_connect_timeout', () => test_connect_timeout(open_ring()));
});
