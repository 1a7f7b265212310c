/** Timeouts, cancellation and waits: functions that no port calls. */
import { beforeEach, expect, it } from 'vitest';
import {
  __io_uring_get_cqe,
  __io_uring_peek_cqe,
  alloc,
  allocArray,
  epoll_event,
  IORING_ASYNC_CANCEL_ALL,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_OP_EPOLL_WAIT,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IOSQE_ASYNC,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cq_advance,
  io_uring_cq_ready,
  io_uring_prep_cancel_fd,
  io_uring_prep_epoll_ctl,
  io_uring_prep_epoll_wait,
  io_uring_prep_link_timeout,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_prep_timeout,
  io_uring_prep_timeout_remove,
  io_uring_prep_timeout_update,
  io_uring_prep_waitid,
  io_uring_submit,
  io_uring_submit_and_wait_min_timeout,
  io_uring_submit_and_wait_timeout,
  io_uring_wait_cqe_nr,
  io_uring_wait_cqes_min_timeout,
  siginfo_t,
} from '../../../src/c.js';
import {
  EAGAIN,
  ECANCELED,
  ECHILD,
  EEXIST,
  EINVAL,
  ENOENT,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLIN,
  ETIME,
  P_PID,
  WEXITED,
} from '../../../src/linux.js';
import { closing } from '../support/clean.js';
import { epoll_create1, epoll_wait } from '../support/events.js';
import { pipe, write } from '../support/files.js';
import { __io_uring_flush_sq, complete, get_sqe, newCqe, next, openRing } from '../support/rings.js';
import { lacking, needs } from '../support/skip.js';
import { fdPair } from '../support/sockets.js';
import { mtime_since_now, now, timespec } from '../support/time.js';

const fds = fdPair();
const buf = allocArray(16);
beforeEach(() => {
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
});

const read_pipe = (ring: io_uring, user_data = 0): void => {
  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], buf, buf.length, 0);
  sqe.user_data = user_data;
};

it('io_uring_prep_timeout', () => {
  const ring = openRing();
  const start = now();
  expect(complete(ring, (sqe) => io_uring_prep_timeout(sqe, timespec(0, 50_000_000), 0, 0)).res).toBe(-ETIME);
  expect(mtime_since_now(start)).toBeGreaterThanOrEqual(49);
  const flags = IORING_TIMEOUT_ETIME_SUCCESS;
  expect(complete(ring, (sqe) => io_uring_prep_timeout(sqe, timespec(0, 1), 0, flags)).res).toBe(-ETIME);
  expect(complete(ring, (sqe) => io_uring_prep_timeout(sqe, timespec(0, 1), 0, 0x8000)).res).toBe(-EINVAL);
});

it('io_uring_prep_timeout, of so many completions', () => {
  const ring = openRing();
  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(60), 2, 0);
  sqe.user_data = 1;
  for (let i = 0; i < 2; i++) {
    sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = 2;
  }
  expect(io_uring_submit(ring)).toBe(3);
  expect([next(ring), next(ring), next(ring)].find(({ user_data }) => user_data === 1n)?.res).toBe(0);
});

it('io_uring_prep_timeout_update, io_uring_prep_timeout_remove', () => {
  const ring = openRing();
  const sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(60), 0, 0);
  sqe.user_data = 5;
  expect(io_uring_submit(ring)).toBe(1);
  expect(complete(ring, (s) => io_uring_prep_timeout_remove(s, 6, 0)).res).toBe(-ENOENT);
  expect(complete(ring, (s) => io_uring_prep_timeout_update(s, timespec(0, 1), 6, 0)).res).toBe(-ENOENT);
  expect(complete(ring, (s) => io_uring_prep_timeout_update(s, timespec(0, 1), 5, 0x8000)).res).toBe(-EINVAL);
  expect(complete(ring, (s) => io_uring_prep_timeout_remove(s, 5, 0x8000)).res).toBe(-EINVAL);

  const updated = get_sqe(ring);
  io_uring_prep_timeout_update(updated, timespec(0, 1_000_000), 5, 0);
  updated.user_data = 9;
  expect(io_uring_submit(ring)).toBe(1);
  const both = [next(ring), next(ring)].map(({ user_data, res }) => [user_data, res]);
  expect(both).toContainEqual([9n, 0]);
  expect(both).toContainEqual([5n, -ETIME]);

  const again = get_sqe(ring);
  io_uring_prep_timeout(again, timespec(60), 0, 0);
  again.user_data = 7;
  expect(io_uring_submit(ring)).toBe(1);
  const removed = get_sqe(ring);
  io_uring_prep_timeout_remove(removed, 7, 0);
  removed.user_data = 8;
  expect(io_uring_submit(ring)).toBe(1);
  const ends = [next(ring), next(ring)].map(({ user_data, res }) => [user_data, res]);
  expect(ends).toContainEqual([8n, 0]);
  expect(ends).toContainEqual([7n, -ECANCELED]);
});

it('io_uring_prep_link_timeout', () => {
  const ring = openRing();
  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], buf, buf.length, 0);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;
  const timeout = get_sqe(ring);
  io_uring_prep_link_timeout(timeout, timespec(0, 1_000_000), 0);
  timeout.user_data = 2;
  expect(io_uring_submit(ring)).toBe(2);
  const both = [next(ring), next(ring)].map(({ user_data, res }) => [user_data, res]);
  expect(both).toContainEqual([1n, -ECANCELED]);
  expect(both).toContainEqual([2n, -ETIME]);
});

it('io_uring_prep_cancel_fd', () => {
  const ring = openRing();
  read_pipe(ring, 1);
  read_pipe(ring, 2);
  expect(io_uring_submit(ring)).toBe(2);
  const cancel = (fd: number, flags: number): number =>
    complete(ring, (sqe) => {
      io_uring_prep_cancel_fd(sqe, fd, flags);
      sqe.user_data = 3;
    }).res;
  expect(cancel(fds[1], 0)).toBe(-ENOENT);
  const sqe = get_sqe(ring);
  io_uring_prep_cancel_fd(sqe, fds[0], IORING_ASYNC_CANCEL_ALL);
  sqe.user_data = 4;
  expect(io_uring_submit(ring)).toBe(1);
  const results = new Map([next(ring), next(ring), next(ring)].map(({ user_data, res }) => [user_data, res]));
  expect(results).toEqual(
    new Map([
      [4n, 2],
      [1n, -ECANCELED],
      [2n, -ECANCELED],
    ]),
  );
});

it('io_uring_submit_and_wait_timeout', () => {
  const ring = openRing();
  const cqe = newCqe();
  read_pipe(ring);
  expect(io_uring_submit(ring)).toBe(1);
  const start = now();
  expect(io_uring_submit_and_wait_timeout(ring, cqe, 1, timespec(0, 50_000_000), null)).toBe(-ETIME);
  expect(mtime_since_now(start)).toBeGreaterThanOrEqual(49);
  for (let i = 0; i < 2; i++) io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit_and_wait_timeout(ring, cqe, 2, timespec(30), null)).toBe(2);
  expect(io_uring_cq_ready(ring)).toBe(2);
  expect(cqe.value.res).toBe(0);
});

it('io_uring_submit_and_wait_min_timeout, io_uring_wait_cqes_min_timeout', () => {
  const ring = openRing();
  const cqe = newCqe();
  if (!(ring.features & IORING_FEAT_MIN_TIMEOUT)) return lacking('no IORING_FEAT_MIN_TIMEOUT');
  // one completion is there: the wait for two ends with the smaller timeout
  const start = now();
  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit_and_wait_min_timeout(ring, cqe, 2, timespec(30), 50_000, null)).toBe(1);
  expect(mtime_since_now(start)).toBeGreaterThanOrEqual(49);
  expect(mtime_since_now(start)).toBeLessThan(20_000);
  const again = now();
  expect(io_uring_wait_cqes_min_timeout(ring, cqe, 2, timespec(30), 50_000, null)).toBe(0);
  expect(mtime_since_now(again)).toBeGreaterThanOrEqual(49);
  expect(mtime_since_now(again)).toBeLessThan(20_000);
  io_uring_cq_advance(ring, 1);
  expect(io_uring_wait_cqes_min_timeout(ring, cqe, 1, timespec(0, 1_000_000), 1_000, null)).toBe(-ETIME);
});

it('io_uring_wait_cqe_nr', () => {
  const ring = openRing();
  const cqe = newCqe();
  for (let i = 0; i < 3; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.flags |= IOSQE_ASYNC;
  }
  expect(io_uring_submit(ring)).toBe(3);
  expect(io_uring_wait_cqe_nr(ring, cqe, 3)).toBe(0);
  expect(io_uring_cq_ready(ring)).toBe(3);
  expect(cqe.value.res).toBe(0);
});

it('__io_uring_get_cqe, __io_uring_peek_cqe', () => {
  const ring = openRing();
  const cqe = newCqe();
  const available = allocArray(1, Uint32Array);
  expect(__io_uring_get_cqe(ring, cqe, 0, 0, null)).toBe(-EAGAIN);
  for (let i = 0; i < 3; i++) io_uring_prep_nop(get_sqe(ring));
  expect(__io_uring_flush_sq(ring)).toBe(3);
  expect(__io_uring_get_cqe(ring, cqe, 3, 2, null)).toBe(3);
  expect(cqe.value.res).toBe(0);
  expect(__io_uring_peek_cqe(ring, cqe, available)).toBe(0);
  expect(available[0]).toBe(3);
});

it('io_uring_prep_waitid', () => {
  const ring = openRing();
  const si = alloc(siginfo_t);
  expect(complete(ring, (sqe) => io_uring_prep_waitid(sqe, P_PID, process.pid, si, WEXITED, 0)).res).toBe(-ECHILD);
  expect(complete(ring, (sqe) => io_uring_prep_waitid(sqe, 99, process.pid, si, WEXITED, 0)).res).toBe(-EINVAL);
  expect(complete(ring, (sqe) => io_uring_prep_waitid(sqe, P_PID, process.pid, si, 0, 0)).res).toBe(-EINVAL);
  expect(complete(ring, (sqe) => io_uring_prep_waitid(sqe, P_PID, process.pid, si, WEXITED, 1)).res).toBe(-EINVAL);
});

it('io_uring_prep_epoll_ctl, io_uring_prep_epoll_wait', () => {
  const ring = openRing();
  const epfd = closing(epoll_create1(0));
  const ev = alloc(epoll_event);
  const events = alloc(epoll_event, 2);
  ev.events = EPOLLIN;
  ev.data.u64 = 77;
  const ctl = (op: number): number => complete(ring, (sqe) => io_uring_prep_epoll_ctl(sqe, epfd, fds[0], op, ev)).res;
  expect(ctl(EPOLL_CTL_DEL)).toBe(-ENOENT);
  expect(ctl(EPOLL_CTL_ADD)).toBe(0);
  expect(ctl(EPOLL_CTL_ADD)).toBe(-EEXIST);
  expect(write(fds[1], buf, 1)).toBe(1);
  expect(epoll_wait(epfd, events, 2, 0)).toBe(1);
  expect(events.at(0).data.u64).toBe(77n);
  events.at(0).data.u64 = 0;
  const wait = (maxevents: number, flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_epoll_wait(sqe, epfd, events, maxevents, flags)).res;
  needs(IORING_OP_EPOLL_WAIT, 'IORING_OP_EPOLL_WAIT');
  expect(wait(2, 0)).toBe(1);
  expect(events.at(0).data.u64).toBe(77n);
  expect(wait(0, 0)).toBe(-EINVAL);
  expect(wait(2, 1)).toBe(-EINVAL);
});
