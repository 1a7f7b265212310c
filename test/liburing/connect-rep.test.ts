/**
 * The port of liburing's test/connect-rep.c: check that repeated IORING_OP_CONNECT to a socket without a
 * listener keeps yielding -ECONNREFUSED rather than -ECONNABORTED.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_connect,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit_and_wait,
  sockaddr_in,
} from '../../src/c.js';
import { AF_INET, ECONNREFUSED, SOCK_STREAM } from '../../src/linux.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, waited } from './support/rings.js';
import { bind, getsockname, loopback, socket } from './support/sockets.js';
import { usleep } from './support/time.js';

let ud = 0;

/** A socket that is bound but does not listen, its address in `addr`. */
function init_test_socket(addr: sockaddr_in): number {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(bind(fd, addr)).toBe(0);

  /*
   * Get the addresses the socket is bound to because the port is chosen
   * by the network stack.
   */
  expect(getsockname(fd, addr)).toBe(0);
  return fd;
}

function get_completion_and_print(ring: io_uring): number {
  const cqe = newCqe();
  const { res, user_data } = waited(ring, cqe);
  expect(user_data).toBe(BigInt(ud));
  /* Mark this completion as seen */
  io_uring_cqe_seen(ring, cqe.value);
  return res;
}

function test_connect(ring: io_uring, clientfd: number, serv_addr: sockaddr_in): void {
  const sqe = get_sqe(ring);
  const local_sa = alloc(sockaddr_in);
  local_sa.bytes.set(serv_addr.bytes);
  io_uring_prep_connect(sqe, clientfd, local_sa, sockaddr_in.size);
  sqe.user_data = ++ud;

  io_uring_submit_and_wait(ring, 1);
  /* check for reuse at the same time */
  local_sa.bytes.fill(0xff);
  expect(get_completion_and_print(ring)).toBe(-ECONNREFUSED);
}

function test(flags: number): void {
  const params = newParams({ flags });
  const serv_addr = loopback();
  const ring = newRing();

  if (flags & IORING_SETUP_SQPOLL) params.sq_thread_idle = 50;

  expect(io_uring_queue_init_params(8, ring, params)).toBe(0);

  const s_fd = init_test_socket(serv_addr);
  const clientfd = init_test_socket(loopback());

  /* make sure SQPOLL thread is sleeping */
  if (flags & IORING_SETUP_SQPOLL) usleep(100000);

  for (let i = 0; i < 32; i++) test_connect(ring, clientfd, serv_addr);

  close(s_fd);
  close(clientfd);
  io_uring_queue_exit(ring);
}

it('test(0)', () => test(0));

it('test(IORING_SETUP_SQPOLL)', () => test(IORING_SETUP_SQPOLL));
