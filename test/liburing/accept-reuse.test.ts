/**
 * The port of liburing's test/accept-reuse.c: an accept and a connect in one SQE, one after the other, as the
 * kernel has taken from it what it needs when it is submitted. On a free port; C's is 12345.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_FEAT_SUBMIT_STABLE,
  io_uring_cq_advance,
  io_uring_enter,
  io_uring_prep_accept,
  io_uring_prep_connect,
  io_uring_queue_exit,
  io_uring_smp_load_acquire,
  io_uring_smp_store_release,
  io_uring_sqe,
  memory,
  sockaddr_in,
} from '../../src/c.js';
import { AF_INET, IPPROTO_TCP, SOCK_STREAM } from '../../src/linux.js';
import { atEnd, closing } from './support/clean.js';
import { newCqe, newParams, newRing, t_io_uring_init_sqarray, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { getsockname, listener, socket } from './support/sockets.js';

const ring = newRing();

function submit_sqe(): number {
  const { sq } = ring;
  const tail = io_uring_smp_load_acquire(sq.ktail);

  memory.view.setUint32(sq.array + 4 * (tail & sq.ring_mask), 0, true);
  io_uring_smp_store_release(sq.ktail, tail + 1);

  return io_uring_enter(ring.ring_fd, 1, 0, 0, null);
}

it('main', () => {
  const params = newParams();
  const cqe = newCqe();
  expect(t_io_uring_init_sqarray(4, ring, params)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  if (!(params.features & IORING_FEAT_SUBMIT_STABLE)) skip('FEAT_SUBMIT_STABLE not there, skipping');

  const sqe = memory.struct(io_uring_sqe, ring.sq.sqes);
  const { fd: listen_fd, addr } = listener(4096);
  closing(listen_fd);
  const sa = alloc(sockaddr_in);
  const sa_size = allocArray(1, Uint32Array).fill(sockaddr_in.size);

  io_uring_prep_accept(sqe, listen_fd, sa, sa_size, 0);
  sqe.user_data = 1;
  expect(submit_sqe()).toBe(1);

  const connect_fd = closing(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));

  io_uring_prep_connect(sqe, connect_fd, addr, sockaddr_in.size);
  sqe.user_data = 2;
  expect(submit_sqe()).toBe(1);

  const results = new Map<bigint, number>();
  for (let i = 0; i < 2; i++) {
    const { user_data, res } = waited(ring, cqe);
    results.set(user_data, res);
    io_uring_cq_advance(ring, 1);
  }
  const accepted = results.get(1n) ?? -1;
  expect(accepted).toBeGreaterThanOrEqual(0);
  closing(accepted);
  expect(results.get(2n)).toBe(0);

  // C does not check the address that accept gave
  const local = alloc(sockaddr_in);
  expect(getsockname(connect_fd, local)).toBe(0);
  expect(sa.bytes).toEqual(local.bytes);
});
