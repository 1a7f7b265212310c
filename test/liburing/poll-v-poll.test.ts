/**
 * The port of liburing's test/poll-v-poll.c: test io_uring poll handling, against poll(2) and epoll_wait(2). Those are
 * called by a thread, as in C; the ring is the test's, where C has a thread for it as well.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  epoll_event,
  io_uring_cqe_seen,
  io_uring_prep_epoll_ctl,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  memory,
} from '../../src/c.js';
import { EINVAL, EPOLL_CTL_ADD, EPOLLIN, O_RDONLY, POLLIN, POLLOUT } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { epoll_create1, epoll_ctl } from './support/events.js';
import { open, pipe, write } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';
import { usleep } from './support/time.js';

const ring = newRing();
const cqe = newCqe();
beforeAll(() => expect(io_uring_queue_init(1, ring, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(ring));

/** epoll_wait(2) in a thread, which returns what it returned. */
const epoll_wait_fn = (fd: number, started: Int32Array): Thread =>
  pthread_create(
    ({ syscall, barrier_wait }, { fd, ev, started }) => {
      barrier_wait(started);
      return syscall('epoll_wait', fd, ev, 1, -1);
    },
    { fd, ev: alloc(epoll_event).address, started },
  );

function iou_poll(fd: number, events: number): void {
  io_uring_prep_poll_add(get_sqe(ring), fd, events);
  expect(io_uring_submit(ring)).toBe(1);
}

function iou_poll_result(): number {
  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  expect(res).toBeGreaterThan(0);
  return res & 0x3f;
}

/** poll(2) in a thread, which returns the revents. */
function poll_pipe(fd: number, events: number, started: Int32Array): { thread: Thread; revents(): number } {
  // struct pollfd
  const pfd = allocArray(4, Int16Array);
  memory.view.setInt32(pfd.byteOffset, fd, true);
  pfd[2] = events;
  const thread = pthread_create(
    ({ syscall, barrier_wait }, { pfd, started }) => {
      barrier_wait(started);
      return syscall('poll', pfd, 1, -1);
    },
    { pfd: pfd.byteOffset, started },
  );
  return { thread, revents: () => pfd[3] as number };
}

const buf = allocArray(1).fill(0x89);

function do_pipe_test(end: 0 | 1, events: number): void {
  const pipe1 = fdPair();
  expect(pipe(pipe1)).toBe(0);
  for (const fd of pipe1) closing(fd);

  const started = barrier(2);
  iou_poll(pipe1[end], events);
  const { thread, revents } = poll_pipe(pipe1[end], events, started);
  barrier_wait(started);
  usleep(100000);

  expect(write(pipe1[1], buf, 1)).toBe(1);

  expect(pthread_join(thread)).toBe(1);
  expect(iou_poll_result()).toBe(revents());
  expect(revents()).toBe(events);
}

it('do_pipe_pollin_test', () => do_pipe_test(0, POLLIN));
it('do_pipe_pollout_test', () => do_pipe_test(1, POLLOUT));

function iou_epoll_ctl(epfd: number, fd: number, ev: epoll_event): number {
  io_uring_prep_epoll_ctl(get_sqe(ring), epfd, fd, EPOLL_CTL_ADD, ev);
  expect(io_uring_submit(ring)).toBe(1);
  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  return res;
}

it.each([false, true])('do_test_epoll(%s)', (iou_epoll_add) => {
  const fd = closing(epoll_create1(0));
  expect(fd).toBeGreaterThanOrEqual(0);
  const pipe1 = fdPair();
  expect(pipe(pipe1)).toBe(0);
  for (const end of pipe1) closing(end);

  const ev = alloc(epoll_event);
  ev.events = EPOLLIN;
  ev.data.fd = pipe1[0];

  if (!iou_epoll_add) {
    expect(epoll_ctl(fd, EPOLL_CTL_ADD, pipe1[0], ev)).toBe(0);
  } else {
    const ret = iou_epoll_ctl(fd, pipe1[0], ev);
    if (ret === -EINVAL) skipCase('epoll not supported, skipping');
    expect(ret).toBe(0);
  }

  const started = barrier(2);
  iou_poll(fd, POLLIN);
  const thread = epoll_wait_fn(fd, started);
  barrier_wait(started);
  usleep(100000);

  expect(write(pipe1[1], buf, 1)).toBe(1);

  expect(pthread_join(thread)).toBe(1);
  expect(iou_poll_result()).toBe(POLLIN);
});

it.each([
  { name: 'POLLIN', events: POLLIN },
  { name: 'POLLOUT', events: POLLOUT },
  { name: 'POLLOUT | POLLIN', events: POLLOUT | POLLIN },
])('do_fd_test($name)', ({ events }) => {
  const fd = closing(open(import.meta.filename, O_RDONLY));
  expect(fd).toBeGreaterThanOrEqual(0);

  const { thread, revents } = poll_pipe(fd, events, barrier(1));
  iou_poll(fd, events);

  expect(pthread_join(thread)).toBe(1);
  expect(iou_poll_result()).toBe(revents());
  expect(revents()).toBe(events);
});
