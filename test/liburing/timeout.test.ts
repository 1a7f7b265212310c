/**
 * The port of liburing's test/timeout.c: run various timeout tests. Without test_timeout_link_cancel, which is about a
 * ring whose process executes another program. Where C allows half as much time again, the port allows ten times as much.
 */
import { expect, it } from 'vitest';
import {
  type __kernel_timespec,
  IORING_CQE_F_MORE,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_EXT_ARG,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_IMMEDIATE_ARG,
  IORING_TIMEOUT_MULTISHOT,
  IOSQE_ASYNC,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cq_ready,
  io_uring_cqe_seen,
  io_uring_enter,
  io_uring_prep_nop,
  io_uring_prep_timeout,
  io_uring_prep_timeout_remove,
  io_uring_prep_timeout_update,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_eventfd,
  type io_uring_sqe,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_submit_and_wait,
  io_uring_wait_cqe_timeout,
  io_uring_wait_cqes,
  memory,
} from '../../src/c.js';
import { EALREADY, ECANCELED, EINVAL, ENOENT, ETIME } from '../../src/linux.js';
import { atEnd, closing } from './support/clean.js';
import { eventfd } from './support/events.js';
import { type Completion, complete, get_sqe, newCqe, newRing, next, openRing } from './support/rings.js';
import { lacking, skipCase, skipSilently } from './support/skip.js';
import { msec_to_ts, mtime_since_now, now, timespec, usleep } from './support/time.js';

const TIMEOUT_MSEC = 200;

const nsec_of = (ts: __kernel_timespec): bigint => BigInt(ts.tv_sec) * 1_000_000_000n + BigInt(ts.tv_nsec);

function t_prep_timeout(sqe: io_uring_sqe, ts: __kernel_timespec, flags: number, immediate: boolean): void {
  if (!immediate) {
    io_uring_prep_timeout(sqe, ts, 0, 0);
  } else {
    io_uring_prep_timeout(sqe, null, 0, 0);
    sqe.addr = Number(nsec_of(ts));
    sqe.timeout_flags = IORING_TIMEOUT_IMMEDIATE_ARG;
  }
  sqe.timeout_flags |= flags;
}

/** Checks that a timeout took as long as it should: C accepts half to one and a half. */
function expect_time(exp: number, msec: number): void {
  expect(exp).toBeGreaterThanOrEqual(msec / 2);
  expect(exp).toBeLessThan(msec * 10);
}

/** Skips where the kernel has no time in the SQE itself. */
function need_immediate(ring: io_uring): void {
  const { res } = complete(ring, (sqe) => t_prep_timeout(sqe, timespec(0, 1), 0, true));
  // C continues silently; to run it takes half a minute, and it fails on a busy machine
  if (res === -EINVAL) lacking('no IORING_TIMEOUT_IMMEDIATE_ARG');
  expect(res).toBe(-ETIME);
}

/** Submits requests, whose user_data are 1, 2, … */
function submit(ring: io_uring, ...preps: ((sqe: io_uring_sqe) => void)[]): void {
  preps.forEach((prep, index) => {
    const sqe = get_sqe(ring);
    prep(sqe);
    sqe.user_data = index + 1;
  });
  expect(io_uring_submit(ring)).toBe(preps.length);
}

/** The results of as many completions, by their user_data. */
function results(ring: io_uring, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const { user_data, res } = next(ring);
    found[Number(user_data) - 1] = res;
  }
  return found;
}

/*
 * Test single timeout waking us up
 */
it.each([false, true])('test_single_timeout, immediate %s', (immediate) => {
  const ring = openRing(8);
  if (immediate) need_immediate(ring);
  const tv = now();
  submit(ring, (sqe) => t_prep_timeout(sqe, msec_to_ts(TIMEOUT_MSEC), 0, immediate));
  expect(next(ring).res).toBe(-ETIME);
  expect_time(mtime_since_now(tv), TIMEOUT_MSEC);
});

/*
 * Test multi timeouts waking us up
 */
it('test_multi_timeout', () => {
  const ring = openRing(8);
  const ts = [msec_to_ts(TIMEOUT_MSEC * 2), msec_to_ts(TIMEOUT_MSEC)] as const;
  const tv = now();
  submit(
    ring,
    /* req_1: timeout req, count = 1, time = (TIMEOUT_MSEC * 2) */
    (sqe) => io_uring_prep_timeout(sqe, ts[0], 1, 0),
    /* req_2: timeout req, count = 1, time = TIMEOUT_MSEC */
    (sqe) => io_uring_prep_timeout(sqe, ts[1], 1, 0),
  );
  /*
   * Both of these two reqs should timeout, but req_2 should
   * return before req_1.
   */
  expect(next(ring)).toMatchObject({ user_data: 2n, res: -ETIME });
  expect_time(mtime_since_now(tv), TIMEOUT_MSEC);
  expect(next(ring)).toMatchObject({ user_data: 1n, res: -ETIME });
  expect_time(mtime_since_now(tv), TIMEOUT_MSEC * 2);
});

/** clock_gettime(CLOCK_MONOTONIC), a second from now */
function monotonic_and(nsec: bigint): __kernel_timespec {
  const then = process.hrtime.bigint() + nsec;
  return timespec(Number(then / 1_000_000_000n), Number(then % 1_000_000_000n));
}

/*
 * Test single absolute timeout waking us up
 */
it.each([false, true])('test_single_timeout_abs, immediate %s', (immediate) => {
  const ring = openRing(8);
  if (immediate) need_immediate(ring);
  const ts = monotonic_and(1_000_000_000n);
  const tv = now();
  submit(ring, (sqe) => t_prep_timeout(sqe, ts, IORING_TIMEOUT_ABS, immediate));
  expect(next(ring).res).toBe(-ETIME);
  expect_time(mtime_since_now(tv), 1000);
});

it('test_single_timeout_remove', () => {
  const ring = openRing(8);
  const ts = msec_to_ts(TIMEOUT_MSEC);
  submit(ring, (sqe) => io_uring_prep_timeout(sqe, ts, 0, 0));

  const sqe = get_sqe(ring);
  io_uring_prep_timeout_remove(sqe, 1, 0);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(1);

  /*
   * We should have two completions ready. One is for the original timeout
   * request, user_data == 1, that should have a ret of -ECANCELED. The other
   * is for our modify request, user_data == 2, that should have a ret of 0.
   */
  const res = results(ring, 2);
  if (res[1] === -EINVAL) skipCase('no IORING_OP_TIMEOUT_REMOVE');
  expect(res).toEqual([-ECANCELED, 0]);
});

it('test_single_timeout_remove_notfound', () => {
  const ring = openRing(8);
  const ts = msec_to_ts(TIMEOUT_MSEC);
  submit(ring, (sqe) => io_uring_prep_timeout(sqe, ts, 2, 0));

  const sqe = get_sqe(ring);
  io_uring_prep_timeout_remove(sqe, 2, 0);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(1);

  /*
   * We should get two completions. One is our modify request, which should
   * complete with -ENOENT. The other is the timeout that will trigger after
   * TIMEOUT_MSEC.
   */
  expect(results(ring, 2)).toEqual([-ETIME, -ENOENT]);
});

/*
 * Test that we return to userspace if a timeout triggers, even if we
 * don't satisfy the number of events asked for.
 */
it.each([false, true])('test_single_timeout_many, immediate %s', (immediate) => {
  const ring = openRing(8);
  if (immediate) need_immediate(ring);
  const tv = now();
  submit(ring, (sqe) => t_prep_timeout(sqe, msec_to_ts(TIMEOUT_MSEC), 0, immediate));
  expect(io_uring_enter(ring.ring_fd, 0, 4, IORING_ENTER_GETEVENTS, null)).toBe(0);
  expect(io_uring_cq_ready(ring)).toBe(1);
  expect(next(ring).res).toBe(-ETIME);
  expect_time(mtime_since_now(tv), TIMEOUT_MSEC);
});

/*
 * Test numbered trigger of timeout
 */
it.each([1, 2])('test_single_timeout_nr(%i)', (nr) => {
  const ring = openRing(8);
  // C's are 200 ms
  io_uring_prep_timeout(get_sqe(ring), timespec(30), nr, 0);
  for (let i = 0; i < 2; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data(sqe, 1);
  }

  expect(io_uring_submit_and_wait(ring, 3)).toBe(3);

  for (let i = 0; i < 3; i++) {
    const { user_data, res } = next(ring);
    /*
     * NOP commands have user_data as 1. Check that we get the
     * at least 'nr' NOPs first, then the successfully removed timeout.
     */
    if (user_data === 0n) expect(i).toBeGreaterThanOrEqual(nr);
    expect(res).toBe(0);
  }
});

/*
 * Test multi timeout req with different count
 */
it('test_multi_timeout_nr', () => {
  const ring = openRing(8);
  const ts = msec_to_ts(TIMEOUT_MSEC);
  submit(
    ring,
    /* req_1: timeout req, count = 2 */
    (sqe) => io_uring_prep_timeout(sqe, ts, 2, 0),
    /* req_2: timeout req, count = 1 */
    (sqe) => io_uring_prep_timeout(sqe, ts, 1, 0),
    /* req_3: nop req */
    (sqe) => io_uring_prep_nop(sqe),
  );
  /*
   * req_2 (count=1) should return without error and req_1 (count=2)
   * should timeout.
   */
  expect(next(ring)).toMatchObject({ user_data: 3n, res: 0 });
  expect(next(ring)).toMatchObject({ user_data: 2n, res: 0 });
  expect(next(ring)).toMatchObject({ user_data: 1n, res: -ETIME });
});

/** Three timeouts, with the flags of the first two. */
function test_timeout_flags(first: number, second: number): number[] {
  const ring = openRing(8);
  const ts = msec_to_ts(TIMEOUT_MSEC);
  const timeout = (flags: number) => (sqe: io_uring_sqe) => {
    io_uring_prep_timeout(sqe, ts, 0, 0);
    sqe.flags |= flags;
  };
  submit(ring, timeout(first), timeout(second), timeout(0));
  const res = results(ring, 3);
  if (res.includes(-EINVAL)) skipCase('no links or drains of timeouts');
  return res;
}

/*
 * Test timeout <link> timeout <drain> timeout
 */
it('test_timeout_flags1', () => {
  expect(test_timeout_flags(IOSQE_IO_LINK, IOSQE_IO_DRAIN)).toEqual([-ETIME, -ECANCELED, -ETIME]);
});

/*
 * Test timeout <link> timeout <link> timeout
 */
it('test_timeout_flags2', () => {
  expect(test_timeout_flags(IOSQE_IO_LINK, IOSQE_IO_LINK)).toEqual([-ETIME, -ECANCELED, -ECANCELED]);
});

/*
 * Test timeout <drain> timeout <link> timeout
 */
it('test_timeout_flags3', () => {
  expect(test_timeout_flags(IOSQE_IO_DRAIN, IOSQE_IO_LINK)).toEqual([-ETIME, -ETIME, -ECANCELED]);
});

function multishot_result(ring: io_uring): Completion {
  const cqe = next(ring);
  if (cqe.res === -EINVAL) skipSilently('no IORING_TIMEOUT_MULTISHOT');
  expect(cqe).toMatchObject({ user_data: 1n, res: -ETIME });
  return cqe;
}

it('test_timeout_multishot', () => {
  const ring = openRing(8);
  submit(ring, (sqe) => io_uring_prep_timeout(sqe, msec_to_ts(TIMEOUT_MSEC), 0, IORING_TIMEOUT_MULTISHOT));

  for (let i = 0; i < 2; i++) expect(multishot_result(ring).flags & IORING_CQE_F_MORE).toBe(IORING_CQE_F_MORE);

  const sqe = get_sqe(ring);
  io_uring_prep_timeout_remove(sqe, 1, 0);
  io_uring_sqe_set_data(sqe, 2);
  expect(io_uring_submit(ring)).toBe(1);

  // C expects the removal's first, which it is unless the timeout comes once more
  let cqe = next(ring);
  if (cqe.res === -ETIME) cqe = next(ring);
  expect(cqe).toMatchObject({ user_data: 2n, res: 0 });
  expect(next(ring)).toMatchObject({ user_data: 1n, res: -ECANCELED });
});

it('test_timeout_multishot_nr', () => {
  const ring = openRing(8);
  submit(ring, (sqe) => io_uring_prep_timeout(sqe, msec_to_ts(TIMEOUT_MSEC), 3, IORING_TIMEOUT_MULTISHOT));

  for (let i = 0; i < 3; i++) {
    const more = multishot_result(ring).flags & IORING_CQE_F_MORE;
    // C means to look at the last one as well
    expect(more).toBe(i < 2 ? IORING_CQE_F_MORE : 0);
  }

  expect(io_uring_wait_cqe_timeout(ring, newCqe(), msec_to_ts(2 * TIMEOUT_MSEC))).toBe(-ETIME);
});

it('test_timeout_multishot_overflow', () => {
  const ring = openRing(8);
  submit(ring, (sqe) => io_uring_prep_timeout(sqe, msec_to_ts(10), 0, IORING_TIMEOUT_MULTISHOT));
  multishot_result(ring);

  // C sleeps for a second
  const start = now();
  while (!(memory.view.getUint32(ring.sq.kflags, true) & IORING_SQ_CQ_OVERFLOW) && mtime_since_now(start) < 30_000) {
    usleep(100_000);
  }
  expect(memory.view.getUint32(ring.sq.kflags, true) & IORING_SQ_CQ_OVERFLOW).toBe(IORING_SQ_CQ_OVERFLOW);

  /* multishot timer should be gone */
  const sqe = get_sqe(ring);
  io_uring_prep_timeout_remove(sqe, 1, 0);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(1);
  expect(next(ring).res).toBe(-ETIME);

  // C looks at the first of them, a timeout's
  let last = next(ring);
  while (last.user_data !== 2n) last = next(ring);
  expect(last.res).toBe(-ENOENT);
});

it('test_single_timeout_wait', () => {
  const ring = openRing(8);
  const cqe = newCqe();
  for (let i = 0; i < 2; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data(sqe, 1);
  }

  /* no implied submit for newer kernels */
  if (ring.features & IORING_FEAT_EXT_ARG) expect(io_uring_submit(ring)).toBe(2);

  const ts = msec_to_ts(1000);
  let i = 0;
  for (;;) {
    const ret = io_uring_wait_cqes(ring, cqe, 2, ts, null);
    if (ret === -ETIME) break;
    expect(ret).toBe(0);
    expect(cqe.value.res).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
    i++;
  }
  expect(i).toBe(2);
});

const update_nonexistent = (ring: io_uring): number =>
  complete(ring, (sqe) => io_uring_prep_timeout_update(sqe, msec_to_ts(0), 42, 0)).res;

it('test_update_nonexistent_timeout', () => {
  const res = update_nonexistent(openRing(8));
  if (res === -EINVAL) skipSilently('no updates of timeouts');
  expect(res).toBe(-ENOENT);
});

it('test_update_invalid_flags', () => {
  const ring = openRing(8);
  if (update_nonexistent(ring) === -EINVAL) skipSilently('no updates of timeouts');

  expect(complete(ring, (sqe) => io_uring_prep_timeout_remove(sqe, 0, IORING_TIMEOUT_ABS)).res).toBe(-EINVAL);
  expect(complete(ring, (sqe) => io_uring_prep_timeout_update(sqe, msec_to_ts(0), 0, 0xffffffff)).res).toBe(-EINVAL);
});

function test_update_timeout(ring: io_uring, ms: number, abs: boolean, async: boolean, linked: boolean): void {
  if (update_nonexistent(ring) === -EINVAL) skipSilently('no updates of timeouts');
  // C's are ten seconds
  const base_ms = 35_000;
  const mode = abs ? IORING_TIMEOUT_ABS : 0;
  const ts_upd = msec_to_ts(ms);
  const tv = now();

  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, msec_to_ts(base_ms), 0, 0);
  sqe.user_data = 1;

  if (linked) {
    sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = 3;
    sqe.flags = IOSQE_IO_LINK;
    if (async) sqe.flags |= IOSQE_ASYNC;
  }

  sqe = get_sqe(ring);
  io_uring_prep_timeout_update(sqe, ts_upd, 1, mode);
  sqe.user_data = 2;
  if (async) sqe.flags |= IOSQE_ASYNC;

  const nr = linked ? 3 : 2;
  expect(io_uring_submit(ring)).toBe(nr);

  const res = results(ring, nr);
  expect(res[0]).toBe(-ETIME);
  /*
   * for a kernel with PREEMPT_RT, even an instant attempt
   * to remove a timer will return that the timer is
   * already running... Deal with it.
   */
  if (res[1] !== -EALREADY) expect(res[1]).toBe(0);
  if (linked) expect(res[2]).toBe(0);

  const exp_ms = mtime_since_now(tv);
  if (res[1] !== -EALREADY) expect(exp_ms).toBeLessThan(base_ms / 2);
  if (ms >= 1000 && !abs) expect(exp_ms).toBeGreaterThanOrEqual(ms / 2);
}

it.each([
  { ms: 0, abs: false, async: false, linked: false },
  { ms: 1, abs: false, async: false, linked: false },
  { ms: 1000, abs: false, async: false, linked: false },
  { ms: 0, abs: true, async: true, linked: false },
  { ms: 0, abs: false, async: true, linked: false },
  { ms: 0, abs: false, async: false, linked: true },
])('test_update_timeout($ms, $abs, $async, $linked)', ({ ms, abs, async, linked }) =>
  test_update_timeout(openRing(8), ms, abs, async, linked),
);

it('test_update_multishot_timeouts(200)', () => {
  const ring = openRing(8);
  if (update_nonexistent(ring) === -EINVAL) skipSilently('no updates of timeouts');
  const ts = msec_to_ts(35_000);
  const ts_upd = msec_to_ts(200);
  const tv = now();

  submit(
    ring,
    (sqe) => io_uring_prep_timeout(sqe, ts, 0, IORING_TIMEOUT_MULTISHOT),
    (sqe) => io_uring_prep_timeout(sqe, ts, 0, IORING_TIMEOUT_MULTISHOT),
    (sqe) => io_uring_prep_timeout_update(sqe, ts_upd, 1, 0),
    (sqe) => io_uring_prep_timeout_update(sqe, ts_upd, 2, 0),
  );

  for (let i = 0; i < 6; i++) {
    const { user_data, res } = next(ring);
    if (res === -EINVAL) skipSilently('no IORING_TIMEOUT_MULTISHOT');
    expect(res, `${user_data}`).toBe(user_data <= 2n ? -ETIME : 0);
  }
  // C has each come within 210 ms
  expect(mtime_since_now(tv)).toBeLessThan(30_000);
});

it('test_update_timeout, SQPOLL', () => {
  const ring = newRing();
  const ret = io_uring_queue_init(8, ring, IORING_SETUP_SQPOLL);
  if (ret) skipSilently('no SQPOLL');
  atEnd(() => io_uring_queue_exit(ring));
  test_update_timeout(ring, 0, false, false, false);
});

it('test_eventfd', () => {
  const ring = newRing();
  const ret = io_uring_queue_init(2, ring, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
  if (ret === -EINVAL) skipSilently('no such ring');
  expect(ret).toBe(0);

  const ev = closing(eventfd(0, 0));
  expect(ev).toBeGreaterThanOrEqual(0);
  expect(io_uring_register_eventfd(ring, ev)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(5), 100, 0);
  sqe.user_data = 0x1234;
  sqe.flags |= IOSQE_ASYNC;
  expect(io_uring_submit(ring)).toBe(1);
  io_uring_queue_exit(ring);
});

/*
 * Test that timeout is canceled on exit
 */
it('test_single_timeout_exit', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  submit(ring, (sqe) => io_uring_prep_timeout(sqe, msec_to_ts(30000), 0, 0));
  const start = now();
  io_uring_queue_exit(ring);
  // C does not check the time
  expect(mtime_since_now(start)).toBeLessThan(20_000);
});

it('test_not_failing_links', () => {
  const ring = openRing(8);
  const ts = msec_to_ts(1);
  submit(
    ring,
    (sqe) => {
      io_uring_prep_timeout(sqe, ts, 0, IORING_TIMEOUT_ETIME_SUCCESS);
      sqe.flags |= IOSQE_IO_LINK;
    },
    (sqe) => io_uring_prep_nop(sqe),
  );
  const first = next(ring);
  if (first.res === -EINVAL) skipCase('ETIME_SUCCESS is not supported, skip');
  expect(first).toMatchObject({ user_data: 1n, res: -ETIME });
  expect(next(ring)).toMatchObject({ user_data: 2n, res: 0 });
});
