/**
 * The port of liburing's test/send_recv.c: simple test case showing using send and recv through io_uring. C receives in a
 * thread, whose receive is submitted before anything is sent; here the same thread does both. On a free port; C's is 10202.
 */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_CQE_F_SOCK_NONEMPTY,
  IORING_FEAT_SQPOLL_NONFIXED,
  IORING_SEND_VECTORIZED,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_recv,
  io_uring_prep_recvmsg,
  io_uring_prep_send,
  io_uring_prep_sendmsg,
  io_uring_queue_exit,
  io_uring_register_files,
  io_uring_submit,
  io_uring_submit_and_wait,
  sockaddr_in,
} from '../../src/c.js';
import {
  AF_INET,
  EFAULT,
  EINVAL,
  ENOBUFS,
  INADDR_ANY,
  MSG_WAITALL,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import {
  complete,
  get_sqe,
  newCqe,
  newParams,
  newRing,
  next,
  openRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring,
  t_create_ring_params,
} from './support/rings.js';
import { skipCase, skipSilently } from './support/skip.js';
import {
  connect,
  fdPair,
  htonl,
  loopback,
  setsockopt,
  socket,
  t_bind_ephemeral_port,
  t_create_socket_pair,
} from './support/sockets.js';

const MAX_MSG = 4096;

const str = allocArray(MAX_MSG / 8, BigUint64Array).map((_, i) => BigInt(i + 1));
const message = new Uint8Array(str.buffer, str.byteOffset, MAX_MSG);

function recv_prep(ring: io_uring, buf: Uint8Array, registerfiles: boolean, async: boolean, provide: boolean): number {
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
  io_uring_prep_recv(sqe, registerfiles ? 0 : sockfd, buf, MAX_MSG, 0);
  if (registerfiles) sqe.flags |= IOSQE_FIXED_FILE;
  if (async) sqe.flags |= IOSQE_ASYNC;
  if (provide) sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(1);
  return saddr.sin_port;
}

function do_recv(ring: io_uring, buf: Uint8Array, enobufs: boolean): void {
  const { res, flags } = next(ring);
  if (res === -EINVAL) skipCase('recv not supported, skipping');
  if (enobufs) {
    // C accepts a message as well; but there are no buffers
    expect(res).toBe(-ENOBUFS);
    expect(flags & IORING_CQE_F_SOCK_NONEMPTY, 'NONEMPTY set on -ENOBUFS').toBe(0);
    return;
  }
  expect(res).toBe(MAX_MSG);
  expect(Buffer.from(buf.subarray(0, MAX_MSG))).toEqual(Buffer.from(message));
}

function do_send(port: number, async: boolean, vec: boolean, big_vec: boolean): void {
  const ring = openRing(1);
  const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(sockfd).toBeGreaterThanOrEqual(0);
  closing(sockfd);
  expect(connect(sockfd, loopback(port))).toBe(0);

  const nvecs = big_vec ? 32 : 2;
  const part = MAX_MSG / nvecs;
  const vecs = iovecOf(...Array.from({ length: nvecs }, (_, i) => message.subarray(i * part, (i + 1) * part)));

  const { res } = complete(ring, (sqe) => {
    if (vec) {
      io_uring_prep_send(sqe, sockfd, vecs, nvecs, 0);
      sqe.ioprio = IORING_SEND_VECTORIZED;
    } else {
      io_uring_prep_send(sqe, sockfd, message, MAX_MSG, 0);
    }
    if (async) sqe.flags |= IOSQE_ASYNC;
    sqe.user_data = 1;
  });
  if (vec && res === -EINVAL) skipSilently('no vectors in sends');
  expect(res).toBe(MAX_MSG);
}

interface Test {
  sqthread?: boolean;
  reg?: boolean;
  async?: boolean;
  provide?: boolean;
  vec?: boolean;
  big_vec?: boolean;
}

function test({
  sqthread = false,
  reg = false,
  async = false,
  provide = false,
  vec = false,
  big_vec = false,
}: Test): void {
  const buf = allocArray(MAX_MSG + 1);
  const ring = newRing();
  const p = newParams({ flags: sqthread ? IORING_SETUP_SQPOLL : 0 });
  const ret = t_create_ring_params(1, ring, p);
  if (ret === T_SETUP_SKIP) skipSilently('no such ring');
  expect(ret).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));

  if (sqthread && !reg && !(p.features & IORING_FEAT_SQPOLL_NONFIXED)) {
    skipCase('Non-registered SQPOLL not available, skipping');
  }

  const port = recv_prep(ring, buf, reg, async, provide);
  do_send(port, async, vec, big_vec);
  do_recv(ring, buf, provide);
}

it('test_invalid', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  const ret = t_create_ring(8, ring, IORING_SETUP_SUBMIT_ALL);
  if (ret === T_SETUP_SKIP) skipSilently('no IORING_SETUP_SUBMIT_ALL');
  expect(ret).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));

  expect(t_create_socket_pair(fds, true)).toBe(0);
  for (const fd of fds) closing(fd);

  let sqe = get_sqe(ring);
  io_uring_prep_sendmsg(sqe, fds[0], null, MSG_WAITALL);
  sqe.flags |= IOSQE_ASYNC;

  sqe = get_sqe(ring);
  io_uring_prep_recvmsg(sqe, fds[1], null, 0);
  sqe.flags |= IOSQE_ASYNC;

  expect(io_uring_submit_and_wait(ring, 2)).toBe(2);

  for (let i = 0; i < 2; i++) {
    expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(-EFAULT);
    io_uring_cqe_seen(ring, cqe.value);
  }
});

/* sqthread, reg, async, provide */
const rings = [
  { sqthread: false, reg: false },
  { sqthread: true, reg: true },
  { sqthread: true, reg: false },
];
describe.each([
  { async: true, provide: true },
  { async: false, provide: true },
  { async: true, provide: false },
  { async: false, provide: false },
])('async=$async provide=$provide', (how) => {
  it.each(rings)('test sqthread=$sqthread reg=$reg', (ring) => test({ ...ring, ...how }));
});

it('test small vec sync', () => test({ vec: true }));
it('test small vec async', () => test({ async: true, vec: true }));
it('test big vec sync', () => test({ vec: true, big_vec: true }));
it('test big vec async', () => test({ async: true, vec: true, big_vec: true }));
