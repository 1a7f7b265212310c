/** The port of liburing's test/waitid.c: test waitid functionality. 10 rounds of test_cancel_race instead of C's 1,000. */
import { expect, it } from 'vitest';
import {
  alloc,
  IOSQE_ASYNC,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_prep_cancel64,
  io_uring_prep_link_timeout,
  io_uring_prep_waitid,
  type io_uring_sqe,
  io_uring_submit,
  siginfo_t,
} from '../../src/c.js';
import { EALREADY, ECANCELED, ECHILD, EFAULT, EINVAL, ENOENT, P_ALL, P_PID, WEXITED } from '../../src/linux.js';
import { get_sqe, next, openRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { child, waitpid } from './support/syscall.js';
import { timespec, usleep } from './support/time.js';

const LOOPS = 10;

const fork = (usec: number): number => {
  const pid = child(usec);
  expect(pid).toBeGreaterThan(0);
  return pid;
};

/** wait(2), for a child of ours */
const wait = (pid: number): void => expect(waitpid(pid, null, 0)).toBe(pid);

const prep_waitid = (ring: io_uring, idtype: number, pid: number, si: siginfo_t | number | null): io_uring_sqe => {
  const sqe = get_sqe(ring);
  io_uring_prep_waitid(sqe, idtype, pid, si, WEXITED, 0);
  sqe.user_data = 1;
  return sqe;
};

/*
 * Test basic reap of child exit
 */
it('test', () => {
  const ring = openRing(8);
  const si = alloc(siginfo_t);
  const pid = fork(100);

  prep_waitid(ring, P_PID, pid, si);
  expect(io_uring_submit(ring)).toBe(1);

  const { res } = next(ring);
  /* no waitid support */
  if (res === -EINVAL) {
    wait(pid);
    skip('no waitid');
  }
  expect(res).toBe(0);
  expect(si.si_pid).toBe(pid);
  // it is reaped
  expect(waitpid(pid, null, 0)).toBe(-ECHILD);
});

/*
 * Test linked timeout with child not exiting in time
 */
it.each([1, 2])('test_noexit %i', () => {
  const ring = openRing(8);
  const pid = fork(200000);

  let sqe = prep_waitid(ring, P_PID, pid, alloc(siginfo_t));
  sqe.flags |= IOSQE_IO_LINK;

  sqe = get_sqe(ring);
  // C's are 100 ms, half of the child's time
  io_uring_prep_link_timeout(sqe, timespec(0, 10_000_000), 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  for (let i = 0; i < 2; i++) {
    const { user_data, res } = next(ring);
    expect(res, `${user_data}`).toBe(user_data === 2n ? 1 : -ECANCELED);
  }
  wait(pid);
});

/*
 * Test one child exiting, but not the one we were looking for
 */
it('test_double', () => {
  const ring = openRing(8);
  const si = alloc(siginfo_t);
  /* p1 will exit shortly */
  const p1 = fork(100000);
  /* p2 will linger */
  const p2 = fork(200000);

  prep_waitid(ring, P_PID, p2, si);
  expect(io_uring_submit(ring)).toBe(1);

  expect(next(ring).res).toBe(0);
  expect(si.si_pid).toBe(p2);
  wait(p1);
});

/*
 * Test reaping of an already exited task
 */
it('test_ready', () => {
  const ring = openRing(8);
  const si = alloc(siginfo_t);
  const pid = fork(0);

  prep_waitid(ring, P_PID, pid, si);
  expect(io_uring_submit(ring)).toBe(1);

  expect(next(ring).res).toBe(0);
  expect(si.si_pid).toBe(pid);
});

/*
 * Test cancelation of pending waitid
 */
it('test_cancel', () => {
  const ring = openRing(8);
  // C's child sleeps for 20 ms, which may be over
  const pid = fork(200000);

  prep_waitid(ring, P_PID, pid, null);
  expect(io_uring_submit(ring)).toBe(1);

  const sqe = get_sqe(ring);
  io_uring_prep_cancel64(sqe, 1, 0);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < 2; i++) {
    const { user_data, res } = next(ring);
    expect(res, `${user_data}`).toBe(user_data === 1n ? -ECANCELED : 1);
  }
  wait(pid);
});

it('test_invalid_infop', () => {
  const ring = openRing(8);
  const pid = fork(200000);

  prep_waitid(ring, P_PID, pid, 0x1234);
  expect(io_uring_submit(ring)).toBe(1);
  expect(next(ring).res).toBe(-EFAULT);
  expect([pid, -ECHILD]).toContain(waitpid(pid, null, 0));
});

/*
 * Test cancelation of pending waitid, with expected races that either
 * waitid trigger or cancelation will win.
 */
function test_cancel_race(ring: io_uring, async: boolean): void {
  const children = new Set(Array.from({ length: 10 }, () => fork(0)));

  let sqe = prep_waitid(ring, P_ALL, 0xffffffff, null);
  if (async) sqe.flags |= IOSQE_ASYNC;
  expect(io_uring_submit(ring)).toBe(1);

  sqe = get_sqe(ring);
  io_uring_prep_cancel64(sqe, 1, 0);
  sqe.user_data = 2;

  usleep(1);

  expect(io_uring_submit(ring)).toBe(1);

  let to_wait = children.size;
  for (let i = 0; i < 2; i++) {
    const { user_data, res } = next(ring);
    if (user_data === 1n) {
      if (res === 0) to_wait--;
      expect([-ECANCELED, 0]).toContain(res);
    } else {
      expect([1, 0, -ENOENT, -EALREADY]).toContain(res);
    }
  }

  for (const pid of children) if (waitpid(pid, null, 0) === pid) to_wait--;
  expect(to_wait).toBe(0);
}

it.each([false, true])('test_cancel_race, async %s', (async) => {
  const ring = openRing(8);
  for (let i = 0; i < LOOPS / 2; i++) test_cancel_race(ring, async);
});
