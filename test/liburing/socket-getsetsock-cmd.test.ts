/**
 * The port of liburing's test/socket-getsetsock-cmd.c: check that {g,s}etsockopt CMD operations on
 * sockets are consistent.
 *
 * The tests basically do the same socket operation using regular system calls and io_uring commands, and
 * then compare the results.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Address,
  alloc,
  allocArray,
  allocString,
  IOSQE_ASYNC,
  io_uring_cqe_seen,
  io_uring_prep_cmd_sock,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  sockaddr_in,
} from '../../src/c.js';
import {
  EINVAL,
  EOPNOTSUPP,
  IPPROTO_TCP,
  SO_PEERNAME,
  SO_RCVBUF,
  SO_REUSEPORT,
  SOL_SOCKET,
  TCP_USER_TIMEOUT,
} from '../../src/linux.js';
import { close, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair, getsockopt, t_create_socket_pair } from './support/sockets.js';
import { syscall } from './support/syscall.js';

const USERDATA = 0xff42ff;
const MSG = allocString('foobarbaz');

const ring = newRing();
const cqe = newCqe();
const fd = fdPair();
const sockfds = { tx: -1, rx: -1 };
beforeAll(() => {
  expect(io_uring_queue_init(32, ring, 0)).toBe(0);
  expect(t_create_socket_pair(fd, true)).toBe(0);
  sockfds.tx = fd[0];
  sockfds.rx = fd[1];
  expect(write(sockfds.tx, MSG, MSG.length - 1)).toBe(MSG.length - 1);
});
afterAll(() => {
  io_uring_queue_exit(ring);
  for (const end of fd) close(end);
});

function submit_cmd_sqe(
  op: number,
  level: number,
  optname: number,
  optval: Address,
  optlen: number,
  async: boolean,
): void {
  const sqe = get_sqe(ring);
  io_uring_prep_cmd_sock(sqe, op, sockfds.rx, level, optname, optval, optlen);
  sqe.user_data = USERDATA;
  if (async) sqe.flags |= IOSQE_ASYNC;

  /* Submitting SQE */
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
}

function receive_cqe(): number {
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const { user_data, res } = cqe.value;
  expect(user_data).toBe(BigInt(USERDATA));
  io_uring_cqe_seen(ring, cqe.value);

  /* Return the result of the operation */
  return res;
}

/*
 * Run getsock operation using SO_RCVBUF using io_uring cmd operation and
 * getsockopt(2) and compare the results.
 */
function run_get_rcvbuf(async: boolean): void {
  const uval = allocArray(1, Int32Array);

  /* get through io_uring cmd */
  submit_cmd_sqe(SOCKET_URING_OP_GETSOCKOPT, SOL_SOCKET, SO_RCVBUF, uval, uval.byteLength, async);

  /* Wait for the CQE. The output of CQE->res contains the length */
  const ulen = receive_cqe();
  if (ulen === -EOPNOTSUPP) skip('no getsockopt command');
  expect(ulen).toBe(4);

  /* Executes the same operation using system call */
  const sval = getsockopt(sockfds.rx, SOL_SOCKET, SO_RCVBUF);
  /* Make sure that io_uring operation returns the same value as the systemcall */
  expect(sval).toBeGreaterThan(0);
  expect(uval[0]).toBe(sval);
}

/*
 * Run getsock operation using SO_PEERNAME using io_uring cmd operation
 * and getsockopt(2) and compare the results.
 */
function run_get_peername(async: boolean): void {
  const sval = alloc(sockaddr_in);
  const uval = alloc(sockaddr_in);

  /* Get values from the systemcall */
  const slen = allocArray(1, Int32Array).fill(sockaddr_in.size);
  expect(syscall('getsockopt', sockfds.rx, SOL_SOCKET, SO_PEERNAME, sval, slen)).toBe(0);

  /* Getting SO_PEERNAME */
  submit_cmd_sqe(SOCKET_URING_OP_GETSOCKOPT, SOL_SOCKET, SO_PEERNAME, uval, sockaddr_in.size, async);

  /* Wait for the CQE */
  const ulen = receive_cqe();
  if (ulen === -EOPNOTSUPP || ulen === -EINVAL) skip('no getsockopt command');

  /* Make sure that io_uring operation returns the same values as the systemcall */
  expect(ulen).toBe(slen[0]);
  expect(uval.bytes).toEqual(sval.bytes);
}

describe('run_getsockopt_test', () => {
  it.each([false, true])('run_get_peername, async %s', (async) => run_get_peername(async));
  it.each([false, true])('run_get_rcvbuf, async %s', (async) => run_get_rcvbuf(async));
});

/*
 * Given a `val` value, set it in SO_REUSEPORT using io_uring cmd, and read using
 * getsockopt(2), and make sure they match.
 */
function run_setsockopt_reuseport(val: number, async: boolean): void {
  const uval = Int32Array.of(val);
  submit_cmd_sqe(SOCKET_URING_OP_SETSOCKOPT, SOL_SOCKET, SO_REUSEPORT, uval, uval.byteLength, async);

  const err = receive_cqe();
  if (err === -EOPNOTSUPP) skip('no setsockopt command');
  expect(err).toBe(0);

  expect(getsockopt(sockfds.rx, SOL_SOCKET, SO_REUSEPORT)).toBe(val);
}

/*
 * Given a `val` value, set the TCP_USER_TIMEOUT using io_uring and read using
 * getsockopt(2). Make sure they match
 */
function run_setsockopt_usertimeout(val: number, async: boolean): void {
  const uval = Int32Array.of(val);
  submit_cmd_sqe(SOCKET_URING_OP_SETSOCKOPT, IPPROTO_TCP, TCP_USER_TIMEOUT, uval, uval.byteLength, async);

  const err = receive_cqe();
  if (err === -EOPNOTSUPP) skip('no setsockopt command');
  expect(err).toBe(0);

  expect(getsockopt(sockfds.rx, IPPROTO_TCP, TCP_USER_TIMEOUT)).toBe(val);
}

/* Test setsockopt() for SOL_SOCKET */
describe('run_setsockopt_test', () => {
  it.each([false, true])('run_setsockopt_reuseport, async %s', (async) => {
    for (let i = 0; i <= 1; i++) run_setsockopt_reuseport(i, async);
  });
  it.each([false, true])('run_setsockopt_usertimeout, async %s', (async) => {
    for (let i = 1; i <= 10; i++) run_setsockopt_usertimeout(i, async);
  });
});
