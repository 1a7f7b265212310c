/** The port of liburing's test/bind-listen.c: configure and operate a TCP socket solely with io_uring. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  IORING_OP_LISTEN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cq_advance,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_free_probe,
  io_uring_get_probe,
  io_uring_opcode_supported,
  io_uring_prep_accept_direct,
  io_uring_prep_bind,
  io_uring_prep_cmd_getsockname,
  io_uring_prep_cmd_sock,
  io_uring_prep_connect,
  io_uring_prep_fixed_fd_install,
  io_uring_prep_listen,
  io_uring_prep_recv,
  io_uring_prep_send,
  io_uring_prep_socket_direct,
  io_uring_queue_exit,
  io_uring_register_files,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
  io_uring_wait_cqes,
  SOCKET_URING_OP_SETSOCKOPT,
  sockaddr_in,
} from '../../src/c.js';
import {
  AF_INET,
  EINVAL,
  ENOTSOCK,
  EOPNOTSUPP,
  INADDR_ANY,
  INADDR_LOOPBACK,
  O_RDONLY,
  SO_REUSEADDR,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { closing } from './support/clean.js';
import { close, open } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring, waited } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { getpeername, getsockname, htonl, htons, loopback, socket, t_bind_ephemeral_port } from './support/sockets.js';
import { msec_to_ts, timespec } from './support/time.js';

const magic = allocString('Hello World!');
const strlen_magic = magic.length - 1;
let no_getsockname = false;

const SRV_INDEX = 0;
const CLI_INDEX = 1;
const CONN_INDEX = 2;

function connect_client(ring: io_uring, peer_port: number): void {
  const cqe = newCqe();
  const peer_addr = loopback(peer_port);

  let sqe = get_sqe(ring);
  io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, CLI_INDEX, 0);
  sqe.flags |= IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_connect(sqe, CLI_INDEX, peer_addr, sockaddr_in.size);
  sqe.flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_send(sqe, CLI_INDEX, magic, strlen_magic, 0);
  sqe.flags |= IOSQE_FIXED_FILE;

  const submitted = io_uring_submit(ring);
  expect(submitted).toBe(3);

  expect(io_uring_wait_cqes(ring, cqe, submitted, msec_to_ts(30_000), null)).toBe(0);

  const results = [...io_uring_for_each_cqe(ring)].map(({ res }) => res);
  expect(results).toEqual([0, 0, strlen_magic]);
  io_uring_cq_advance(ring, submitted);
}

/*
 * getsockname was added to the kernel a few releases after bind/listen.
 * In order to provide a backward-compatible test, fallback to
 * non-io-uring if we are on an older kernel, allowing the test to
 * continue.
 */
function do_getsockname(ring: io_uring, direct_socket: number, peer: number, saddr: sockaddr_in): void {
  const cqe = newCqe();
  let res = 0;

  if (!no_getsockname) {
    /* attempt io_uring. Command might not exist */
    const saddr_len = Uint32Array.of(sockaddr_in.size);
    const sqe = get_sqe(ring);
    io_uring_prep_cmd_getsockname(sqe, direct_socket, saddr, saddr_len, peer);
    sqe.flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;

    io_uring_submit(ring);
    res = waited(ring, cqe).res;
    io_uring_cqe_seen(ring, cqe.value);
  }

  if (no_getsockname || res === -EOPNOTSUPP) {
    /*
     * Older kernel.  install the fd and use the getsockname
     * syscall.
     */
    no_getsockname = true;

    io_uring_prep_fixed_fd_install(get_sqe(ring), direct_socket, 0);
    io_uring_submit(ring);
    const fd = waited(ring, cqe).res;
    io_uring_cqe_seen(ring, cqe.value);
    expect(fd).toBeGreaterThanOrEqual(0);

    expect(peer ? getpeername(fd, saddr) : getsockname(fd, saddr)).toBe(0);
    close(fd);
  } else {
    expect(res).toBeGreaterThanOrEqual(0);
  }
}

function setup_srv(ring: io_uring): void {
  const cqe = newCqe();
  const server_addr = alloc(sockaddr_in);
  const val = Int32Array.of(1);

  server_addr.sin_family = AF_INET;
  server_addr.sin_port = htons(0);
  server_addr.sin_addr.s_addr = htons(INADDR_ANY);

  let sqe = get_sqe(ring);
  io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, SRV_INDEX, 0);
  sqe.flags |= IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_cmd_sock(sqe, SOCKET_URING_OP_SETSOCKOPT, 0, SOL_SOCKET, SO_REUSEADDR, val, val.byteLength);
  sqe.flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_bind(sqe, SRV_INDEX, server_addr, sockaddr_in.size);
  sqe.flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  io_uring_prep_listen(sqe, SRV_INDEX, 1);
  sqe.flags |= IOSQE_FIXED_FILE;

  const submitted = io_uring_submit(ring);
  expect(submitted).toBe(4);

  expect(io_uring_wait_cqes(ring, cqe, submitted, msec_to_ts(30_000), null)).toBe(0);

  for (const { res } of io_uring_for_each_cqe(ring)) expect(res).toBe(0);
  io_uring_cq_advance(ring, submitted);
}

function test_good_server(ring_flags: number): void {
  const saddr = alloc(sockaddr_in);
  const ring = newRing();
  const cqe = newCqe();
  const fds = new Int32Array(3).fill(-1);
  const buf = allocArray(1024);

  expect(t_create_ring(10, ring, ring_flags | IORING_SETUP_SUBMIT_ALL)).toBe(T_SETUP_OK);
  expect(io_uring_register_files(ring, fds, 3)).toBe(0);

  setup_srv(ring);

  do_getsockname(ring, SRV_INDEX, 0, saddr);

  connect_client(ring, saddr.sin_port);

  /* Wait for a connection */
  let sqe = get_sqe(ring);
  io_uring_prep_accept_direct(sqe, SRV_INDEX, null, null, 0, CONN_INDEX);
  sqe.flags |= IOSQE_FIXED_FILE;

  io_uring_submit(ring);
  expect(waited(ring, cqe).res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);

  /* Test that getsockname on the peer (getpeername) yields a
   * sane result.
   */
  const port = saddr.sin_port;
  saddr.sin_port = 0;
  do_getsockname(ring, CLI_INDEX, 1, saddr);

  expect(saddr.sin_addr.s_addr).toBe(htonl(INADDR_LOOPBACK));
  expect(saddr.sin_port).toBe(port);

  sqe = get_sqe(ring);
  io_uring_prep_recv(sqe, CONN_INDEX, buf, buf.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;

  io_uring_submit(ring);
  expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30))).toBe(0);
  expect(cqe.value.res).toBe(strlen_magic);
  io_uring_cqe_seen(ring, cqe.value);

  io_uring_queue_exit(ring);
  expect(stringOf(buf)).toBe(stringOf(magic));
}

/*
 * This test is not supported on older kernels. Check for
 * OP_LISTEN, since that is the last feature required to support
 * it.
 */
beforeEach(() => {
  const probe = io_uring_get_probe();
  const supported = probe !== null && io_uring_opcode_supported(probe, IORING_OP_LISTEN);
  if (probe) io_uring_free_probe(probe);
  if (!supported) skip('no IORING_OP_LISTEN');
});

describe('test_good_server', () => {
  it('0', () => test_good_server(0));
  it('IORING_SETUP_SINGLE_ISSUER|IORING_SETUP_DEFER_TASKRUN', () =>
    test_good_server(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
  it('IORING_SETUP_SQPOLL', () => test_good_server(IORING_SETUP_SQPOLL));
});

function submitted_result(ring: io_uring): number {
  const cqe = newCqe();
  expect(io_uring_submit(ring)).toBe(1);
  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  return res;
}

it('test_bad_bind', () => {
  const ring = newRing();
  const server_addr = alloc(sockaddr_in);
  server_addr.sin_family = AF_INET;
  server_addr.sin_port = htons(0);
  server_addr.sin_addr.s_addr = htons(INADDR_ANY);

  expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

  const sock = socket(AF_INET, SOCK_STREAM, 0);
  expect(sock).toBeGreaterThanOrEqual(0);

  /* Bind with size 0 */
  io_uring_prep_bind(get_sqe(ring), sock, server_addr, 0);
  expect(submitted_result(ring)).toBe(-EINVAL);

  /* Bind with bad fd */
  const file = closing(open('/dev/null', O_RDONLY)); // C uses the number 0, which may be any file here
  io_uring_prep_bind(get_sqe(ring), file, server_addr, sockaddr_in.size);
  expect(submitted_result(ring)).toBe(-ENOTSOCK);

  /* bind with weird value */
  const sqe = get_sqe(ring);
  io_uring_prep_bind(sqe, sock, server_addr, sockaddr_in.size);
  sqe.rw_flags = 1;
  expect(submitted_result(ring)).toBe(-EINVAL);

  io_uring_queue_exit(ring);
  close(sock);
});

it('test_bad_listen', () => {
  const ring = newRing();
  const server_addr = alloc(sockaddr_in);
  server_addr.sin_family = AF_INET;
  server_addr.sin_addr.s_addr = htons(INADDR_ANY);

  expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

  const sock = socket(AF_INET, SOCK_STREAM, 0);
  expect(sock).toBeGreaterThanOrEqual(0);

  expect(t_bind_ephemeral_port(sock, server_addr)).toBe(0);

  /* listen on bad sock */
  const file = closing(open('/dev/null', O_RDONLY));
  io_uring_prep_listen(get_sqe(ring), file, 1);
  expect(submitted_result(ring)).toBe(-ENOTSOCK);

  /* listen with weird parameters */
  const sqe = get_sqe(ring);
  io_uring_prep_listen(sqe, sock, 1);
  sqe.addr2 = 0xffffff;
  expect(submitted_result(ring)).toBe(-EINVAL);

  io_uring_queue_exit(ring);
  close(sock);
});

it('test_bad_sockname', () => {
  if (no_getsockname) skipSilently('the kernel has no getsockname command');
  const ring = newRing();
  const saddr = alloc(sockaddr_in);
  const saddr_len = Uint32Array.of(sockaddr_in.size);

  expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

  const sock = socket(AF_INET, SOCK_STREAM, 0);
  expect(sock).toBeGreaterThanOrEqual(0);
  expect(t_bind_ephemeral_port(sock, saddr)).toBe(0);

  /* getsockname on a !socket fd.  with getsockname(2), this would
   * return -ENOTSOCK, but we can't do it in an io_uring_cmd.
   */
  const file = closing(open('/dev/null', O_RDONLY));
  io_uring_prep_cmd_getsockname(get_sqe(ring), file, saddr, saddr_len, 0);
  expect(submitted_result(ring)).toBe(-EOPNOTSUPP);

  /* getsockname with weird parameters */
  io_uring_prep_cmd_getsockname(get_sqe(ring), sock, saddr, saddr_len, 3);
  expect(submitted_result(ring)).toBe(-EINVAL);

  io_uring_queue_exit(ring);
  close(sock);
});
