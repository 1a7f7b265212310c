/** The port of liburing's test/epwait.c: test various invocations of IORING_OP_EPOLL_WAIT. 200 rounds of test_race instead of C's 1,000. */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  epoll_event,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_epoll_wait,
  io_uring_queue_exit,
  io_uring_submit,
  io_uring_submit_and_wait,
  type StructArray,
} from '../../src/c.js';
import { EAGAIN, EBADF, EINVAL, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN } from '../../src/linux.js';
import { atEnd, closing } from './support/clean.js';
import { epoll_create1, epoll_ctl } from './support/events.js';
import { close, pipe, read, write } from './support/files.js';
import { get_sqe, newCqe, newRing, next, T_SETUP_OK, T_SETUP_SKIP, t_create_ring } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair, t_set_nonblock } from './support/sockets.js';
import { pthread_create, pthread_join, type Thread } from './support/thread.js';
import { usleep } from './support/time.js';

const foo = allocString('foo');
const tmp = allocArray(32);

/** Pipes whose reading ends an epoll descriptor waits for. */
function epoll_of_pipes(count: number): { efd: number; fds: (readonly [number, number])[] } {
  const efd = epoll_create1(0);
  expect(efd).toBeGreaterThanOrEqual(0);
  const fds = Array.from({ length: count }, () => {
    const ends = fdPair();
    expect(pipe(ends)).toBe(0);
    return [closing(ends[0]), closing(ends[1])] as const;
  });
  for (const [read_fd] of fds) expect(epoll_ctl(efd, EPOLL_CTL_ADD, read_fd, event_of(read_fd))).toBe(0);
  return { efd, fds };
}

function event_of(fd: number): epoll_event {
  const ev = alloc(epoll_event);
  ev.events = EPOLLIN;
  ev.data.fd = fd;
  return ev;
}

function prep(ring: io_uring, efd: number, out: StructArray<epoll_event>): void {
  const sqe = get_sqe(ring);
  io_uring_prep_epoll_wait(sqe, efd, out, out.length, 0);
  sqe.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);
}

/** The number of events. */
function reap(ring: io_uring): number {
  const { user_data, res } = next(ring);
  if (res === -EINVAL) skip('no IORING_OP_EPOLL_WAIT');
  expect(user_data).toBe(1n);
  return res;
}

const fdsOf = (out: StructArray<epoll_event>, count: number): number[] =>
  Array.from({ length: count }, (_, i) => out.at(i).data.fd);

function drain(fds: number[]): void {
  for (const fd of fds) expect(read(fd, tmp, tmp.length)).toBe(3);
}

function test_ready(ring: io_uring): void {
  const { efd, fds } = epoll_of_pipes(2);
  closing(efd);
  for (const [, write_fd] of fds) expect(write(write_fd, foo, 3)).toBe(3);

  const out = alloc(epoll_event, 2);
  prep(ring, efd, out);
  expect(reap(ring)).toBe(2);
  // C reads from them
  const ready = fdsOf(out, 2);
  expect(ready.sort((a, b) => a - b)).toEqual(fds.map(([read_fd]) => read_fd).sort((a, b) => a - b));
  drain(ready);
}

function test_not_ready(ring: io_uring): void {
  const { efd, fds } = epoll_of_pipes(2);
  closing(efd);
  const out = alloc(epoll_event, 2);
  prep(ring, efd, out);
  expect(io_uring_peek_cqe(ring, newCqe())).toBe(-EAGAIN);

  for (const [, write_fd] of fds) {
    usleep(10000);
    expect(write(write_fd, foo, 3)).toBe(3);
  }

  const nr = reap(ring);
  expect(nr).toBeGreaterThan(0);
  drain(fdsOf(out, nr));
}

function test_del(ring: io_uring): void {
  const { efd, fds } = epoll_of_pipes(2);
  closing(efd);
  const [[removed], [kept]] = fds as [readonly [number, number], readonly [number, number]];
  const out = alloc(epoll_event, 2);
  prep(ring, efd, out);

  expect(epoll_ctl(efd, EPOLL_CTL_DEL, removed, event_of(removed))).toBe(0);
  for (const [, write_fd] of fds) expect(write(write_fd, foo, 3)).toBe(3);

  // C does not check the completion
  expect(reap(ring)).toBe(1);
  expect(fdsOf(out, 1)).toEqual([kept]);
  drain([removed, kept]);
  expect(epoll_ctl(efd, EPOLL_CTL_ADD, removed, event_of(removed))).toBe(0);
}

function test_remove(ring: io_uring): void {
  const cqe = newCqe();
  const { efd, fds } = epoll_of_pipes(2);
  const out = alloc(epoll_event, 2);
  prep(ring, efd, out);

  close(efd);

  usleep(10000);
  for (const [, write_fd] of fds) expect(write(write_fd, foo, 3)).toBe(3);

  // the request may keep the descriptor's file, or be the only one to: C takes both
  const ret = io_uring_peek_cqe(ring, cqe);
  if (ret === 0) {
    expect(cqe.value.user_data).toBe(1n);
    // SQPOLL's thread may come too late
    if (cqe.value.res !== -EBADF) expect(cqe.value.res).toBeGreaterThan(0);
    io_uring_cqe_seen(ring, cqe.value);
  } else {
    expect(ret).toBe(-EAGAIN);
  }
}

const NPIPES = 8;
const ROUNDS = 200;

const writer = (fds: number[], keep_running: Int32Array): Thread =>
  pthread_create(
    ({ syscall, usleep }, { fds, foo, keep_running }) => {
      while (Atomics.load(keep_running, 0)) {
        usleep(150);
        // a full pipe is another case
        for (const fd of fds) syscall('write', fd, foo, 3);
      }
      return 0;
    },
    { fds, foo: foo.byteOffset, keep_running },
  );

function test_race(ring: io_uring): void {
  const { efd, fds } = epoll_of_pipes(NPIPES);
  closing(efd);
  for (const [, write_fd] of fds) t_set_nonblock(write_fd);
  const known = new Set(fds.map(([read_fd]) => read_fd));
  const out = alloc(epoll_event, NPIPES);
  const keep_running = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  const thread = writer(
    fds.map(([, write_fd]) => write_fd),
    keep_running,
  );

  for (let completed = 0; completed < ROUNDS; completed++) {
    const sqe = get_sqe(ring);
    io_uring_prep_epoll_wait(sqe, efd, out, NPIPES, 0);
    sqe.user_data = completed;
    expect(io_uring_submit_and_wait(ring, 1)).toBe(1);

    const { user_data, res } = next(ring);
    if (res === -EINVAL) Atomics.store(keep_running, 0, 0);
    if (res === -EINVAL) skip('no IORING_OP_EPOLL_WAIT');
    expect(user_data).toBe(BigInt(completed));
    expect(res).toBeGreaterThan(0);
    for (const fd of fdsOf(out, res)) {
      expect(known.has(fd)).toBe(true);
      expect(read(fd, tmp, tmp.length)).toBeGreaterThan(0);
    }
    usleep(100);
  }

  Atomics.store(keep_running, 0, 0);
  expect(pthread_join(thread)).toBe(0);
}

describe.each([
  { name: 'test 0', flags: 0 },
  { name: 'test defer', flags: IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER },
  { name: 'test sqpoll', flags: IORING_SETUP_SQPOLL },
])('$name', ({ flags }) => {
  const open_ring = (): io_uring => {
    const ring = newRing();
    const ret = t_create_ring(8, ring, flags);
    if (ret === T_SETUP_SKIP) skipSilently('no such ring');
    expect(ret).toBe(T_SETUP_OK);
    atEnd(() => io_uring_queue_exit(ring));
    return ring;
  };
  it('test_ready', () => test_ready(open_ring()));
  it('test_not_ready', () => test_not_ready(open_ring()));
  it('test_del', () => test_del(open_ring()));
  it('test_remove', () => test_remove(open_ring()));
  it('test_race', () => test_race(open_ring()));
});
