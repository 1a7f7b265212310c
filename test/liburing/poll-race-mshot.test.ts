/**
 * The port of liburing's test/poll-race-mshot.c: check that racing wakeups don't re-issue a poll multishot, this can leak
 * ring provided buffers. also test if ring provided buffers for regular receive can leak if we hit a poll race. 10 rounds
 * instead of C's 1,000, whose threads are workers here.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  free,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IOSQE_BUFFER_SELECT,
  type io_uring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_prep_recv,
  io_uring_prep_recv_multishot,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { AF_UNIX, EINVAL, SOCK_STREAM } from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair, socketpair } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';
import { timespec } from './support/time.js';

const NREQS = 64;
const BUF_SIZE = 64;
const LOOPS = 10;
const BGID = 1;

const sent = allocArray(BUF_SIZE).fill(0x5a);

const writer = (fd: number, ready: Int32Array): Thread =>
  pthread_create(
    ({ syscall, barrier_wait }, { fd, buf, size, count, ready }) => {
      barrier_wait(ready);
      let short = 0;
      for (let i = 0; i < count; i++) if (syscall('write', fd, buf, size) !== size) short++;
      return short;
    },
    { fd, buf: sent.byteOffset, size: BUF_SIZE, count: NREQS, ready },
  );

/** Receives what a thread writes, with a buffer each, by as many requests as `prep` makes. */
function test(prep: (ring: io_uring, fd: number) => number): void {
  const ring = newRing();
  const cqe = newCqe();
  const fd = fdPair();
  const err = allocArray(1, Int32Array);
  expect(patiently(() => io_uring_queue_init(NREQS, ring, 0))).toBe(0);
  expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fd)).toBe(0);

  const buf = allocArray(BUF_SIZE * NREQS);
  const br = io_uring_setup_buf_ring(ring, NREQS, BGID, 0, err);
  if (!br) {
    io_uring_queue_exit(ring);
    for (const end of fd) close(end);
    if (err[0] === -EINVAL) skip('no buffer rings');
    throw new Error(`buf ring reg ${err[0]}`);
  }

  for (let i = 0; i < NREQS; i++) {
    io_uring_buf_ring_add(br, buf.subarray(i * BUF_SIZE), BUF_SIZE, i + 1, io_uring_buf_ring_mask(NREQS), i);
  }
  io_uring_buf_ring_advance(br, NREQS);

  const ready = barrier(2);
  const t = writer(fd[1], ready);
  const requests = prep(ring, fd[0]);
  barrier_wait(ready);
  expect(io_uring_submit(ring)).toBe(requests);

  const bids = new Set<number>();
  for (let i = 0; i < NREQS; i++) {
    // C waits without a limit
    expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30)), `receive ${i}`).toBe(0);
    const { res, flags } = cqe.value;
    if (requests === 1) expect(flags & IORING_CQE_F_MORE, `Only got ${i} requests`).toBe(IORING_CQE_F_MORE);
    expect(res).toBe(BUF_SIZE);
    expect(flags & IORING_CQE_F_BUFFER, 'No BID set!').toBe(IORING_CQE_F_BUFFER);
    bids.add(flags >> 16);
    io_uring_cqe_seen(ring, cqe.value);
  }
  // C checks that none is above the highest
  expect([...bids].sort((a, b) => a - b)).toEqual(Array.from({ length: NREQS }, (_, i) => i + 1));
  expect(Buffer.from(buf)).toEqual(Buffer.alloc(BUF_SIZE * NREQS, 0x5a));

  expect(pthread_join(t)).toBe(0);
  expect(io_uring_free_buf_ring(ring, br, NREQS, BGID)).toBe(0);
  for (const end of fd) close(end);
  io_uring_queue_exit(ring);
  free(buf);
}

const select = (sqe: io_uring_sqe): void => {
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = BGID;
};

it('test', () => {
  for (let i = 0; i < LOOPS; i++) {
    test((ring, fd) => {
      for (let n = 0; n < NREQS; n++) {
        const sqe = get_sqe(ring);
        io_uring_prep_recv(sqe, fd, null, 0, 0);
        select(sqe);
      }
      return NREQS;
    });
  }
});

it('test_mshot', () => {
  for (let i = 0; i < LOOPS; i++) {
    test((ring, fd) => {
      const sqe = get_sqe(ring);
      io_uring_prep_recv_multishot(sqe, fd, null, 0, 0);
      select(sqe);
      return 1;
    });
  }
});
