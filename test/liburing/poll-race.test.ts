/**
 * The port of liburing's test/poll-race.c: check that multiple receives on the same socket don't get stalled if
 * multiple wakers race with the socket readiness. 10 rounds instead of C's 1,000, whose threads are workers here.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_recv,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { AF_UNIX, SOCK_STREAM } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { get_sqe, newCqe, openRing } from './support/rings.js';
import { fdPair, socketpair } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';
import { timespec } from './support/time.js';

const NREQS = 64;
const LOOPS = 10;
const SIZE = 64;

const writer = (fd: number, buf: Uint8Array, ready: Int32Array): Thread =>
  pthread_create(
    ({ syscall, barrier_wait }, { fd, buf, size, count, ready }) => {
      barrier_wait(ready);
      let short = 0;
      for (let i = 0; i < count; i++) if (syscall('write', fd, buf, size) !== size) short++;
      return short;
    },
    { fd, buf: buf.byteOffset, size: SIZE, count: NREQS, ready },
  );

function test(ring: io_uring): void {
  const fd = fdPair();
  const cqe = newCqe();
  const buf = allocArray(SIZE);
  const sent = allocArray(SIZE).fill(0x37);
  expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fd)).toBe(0);
  for (const end of fd) closing(end);

  const ready = barrier(2);
  const t = writer(fd[1], sent, ready);

  for (let i = 0; i < NREQS; i++) io_uring_prep_recv(get_sqe(ring), fd[0], buf, buf.length, 0);

  barrier_wait(ready);

  expect(io_uring_submit(ring)).toBe(NREQS);

  let bytes = 0;
  for (let i = 0; i < NREQS; i++) {
    // C waits without a limit
    expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30)), `receive ${i}`).toBe(0);
    bytes += cqe.value.res;
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(pthread_join(t)).toBe(0);
  // C does not check the completion
  expect(bytes).toBe(NREQS * SIZE);
  expect(buf).toEqual(sent);
}

it('test', () => {
  const ring = openRing(NREQS);
  for (let i = 0; i < LOOPS; i++) test(ring);
});
