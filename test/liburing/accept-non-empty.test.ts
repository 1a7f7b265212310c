/**
 * The port of liburing's test/accept-non-empty.c: check that kernels that support it will return
 * IORING_CQE_F_SOCK_NONEMPTY on accepts requests where more connections are pending. On a free port; C's is
 * 0x1235.
 */
import { expect, it } from 'vitest';
import {
  IORING_CQE_F_SOCK_NONEMPTY,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  io_uring_cqe_seen,
  io_uring_prep_accept,
  io_uring_prep_accept_direct,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_files,
  io_uring_register_ring_fd,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { AF_INET, EINVAL, IPPROTO_TCP, SOCK_STREAM } from '../../src/linux.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { listener, loopback } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';

const MAX_ACCEPTS = 8;

const setup_thread = (port: number, connects: number, conn_barrier: Int32Array): Thread =>
  pthread_create(
    ({ syscall, barrier_wait }, { addr, connects, fds, AF_INET, SOCK_STREAM, IPPROTO_TCP, conn_barrier }) => {
      let failed = 0;
      for (let i = 0; i < connects; i++) {
        const s = syscall('socket', AF_INET, SOCK_STREAM, IPPROTO_TCP);
        fds[i] = s;
        if (s < 0 || syscall('connect', s, addr, 16) < 0) failed++;
      }
      barrier_wait(conn_barrier);
      return failed;
    },
    { addr: loopback(port).address, connects, fds: connected, AF_INET, SOCK_STREAM, IPPROTO_TCP, conn_barrier },
  );

/** The clients, which C leaves to exit(2). */
const connected = new Int32Array(new SharedArrayBuffer(4 * MAX_ACCEPTS));

function test_maccept(flags: number, fixed: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const p = newParams({ flags });
  const ret = io_uring_queue_init_params(8, ring, p);
  if (ret === -EINVAL) skip('no such ring');
  expect(ret).toBe(0);
  if (!(p.features & IORING_FEAT_RECVSEND_BUNDLE)) {
    io_uring_queue_exit(ring);
    skip('no IORING_FEAT_RECVSEND_BUNDLE');
  }

  const fds = new Int32Array(MAX_ACCEPTS).fill(-1);
  if (fixed) {
    expect(io_uring_register_ring_fd(ring)).toBe(1);
    expect(io_uring_register_files(ring, fds, MAX_ACCEPTS)).toBe(0);
  }

  const { fd, addr } = listener(20000);
  const conn_barrier = barrier(2);
  const thread = setup_thread(addr.sin_port, MAX_ACCEPTS, conn_barrier);
  barrier_wait(conn_barrier);

  for (let i = 0; i < MAX_ACCEPTS; i++) {
    const sqe = get_sqe(ring);
    if (fixed) io_uring_prep_accept_direct(sqe, fd, null, null, 0, i);
    else io_uring_prep_accept(sqe, fd, null, null, 0);

    expect(io_uring_submit_and_wait(ring, 1)).toBe(1);

    const { res, flags } = waited(ring, cqe);
    expect(res).toBeGreaterThanOrEqual(0);
    fds[i] = res;
    const last = i + 1 === MAX_ACCEPTS;
    expect(flags & IORING_CQE_F_SOCK_NONEMPTY, `accept ${i}`).toBe(last ? 0 : IORING_CQE_F_SOCK_NONEMPTY);
    io_uring_cqe_seen(ring, cqe.value);
  }

  close(fd);
  if (!fixed) for (const accepted of fds) close(accepted);
  io_uring_queue_exit(ring);
  expect(pthread_join(thread)).toBe(0);
  for (const client of connected) close(client);
}

function test(flags: number, fixed: boolean): void {
  test_maccept(flags, fixed);
  test_maccept(flags, fixed);
}

it('test 0 0', () => test(0, false));
it('test DEFER 0', () => test(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, false));
it('test 0 1', () => test(0, true));
it('test DEFER 1', () => test(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, true));
