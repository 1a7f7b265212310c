/** The port of liburing's test/wait-timeout.c: run various timeout tests. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type __kernel_timespec,
  alloc,
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_REGISTER_CLOCK,
  type io_uring,
  io_uring_clock_register,
  io_uring_enter2,
  io_uring_getevents_arg,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register,
  io_uring_register_clock,
} from '../../src/c.js';
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, EINVAL, ETIME } from '../../src/linux.js';
import { newRing } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';
import { timespec } from './support/time.js';

const IO_NSEC_PER_SEC = 1_000_000_000n;
const _NSIG = 65;

/** clock_gettime(CLOCK_MONOTONIC) */
const clock_gettime = (): bigint => process.hrtime.bigint();

const ns_to_timespec = (t: bigint): __kernel_timespec =>
  timespec(Number(t / IO_NSEC_PER_SEC), Number(t % IO_NSEC_PER_SEC));

const ns_since = (ts: bigint): bigint => clock_gettime() - ts;

function t_io_uring_wait(ring: io_uring, nr: number, enter_flags: number, kts: __kernel_timespec): number {
  const arg = alloc(io_uring_getevents_arg);
  arg.sigmask = 0;
  arg.sigmask_sz = Math.floor(_NSIG / 8);
  arg.ts = kts.address;
  const flags = enter_flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
  return io_uring_enter2(ring.ring_fd, 0, nr, flags, arg, io_uring_getevents_arg.size);
}

let support_abs = false;
let support_clock = false;

beforeAll(() => {
  const ring = newRing();
  const cr = alloc(io_uring_clock_register);
  cr.clockid = CLOCK_MONOTONIC;
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let ret = t_io_uring_wait(ring, 0, IORING_ENTER_ABS_TIMER, ns_to_timespec(clock_gettime()));
  expect([0, -EINVAL]).toContain(ret);
  support_abs = ret === 0;

  ret = io_uring_register_clock(ring, cr);
  expect([0, -EINVAL]).toContain(ret);
  support_clock = ret === 0;

  io_uring_queue_exit(ring);
});

function test_timeout(abs: boolean, set_clock: boolean): void {
  if (!support_abs && !support_clock) skip('neither absolute timeouts nor clocks');
  if ((abs && !support_abs) || (set_clock && !support_clock)) skipCase('not supported');

  const enter_flags = abs ? IORING_ENTER_ABS_TIMER : 0;
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  if (set_clock) {
    const cr = alloc(io_uring_clock_register);
    cr.clockid = CLOCK_BOOTTIME;
    expect(io_uring_register_clock(ring, cr)).toBe(0);
  }

  /* pass current time */
  let start = clock_gettime();
  let ts = ns_to_timespec(abs ? start : 0n);
  expect(t_io_uring_wait(ring, 1, enter_flags, ts)).toBe(-ETIME);
  expect(ns_since(start)).toBeLessThan(IO_NSEC_PER_SEC);

  if (abs) {
    /* expired time */
    start = clock_gettime();
    ts = ns_to_timespec(start - IO_NSEC_PER_SEC);
    expect(t_io_uring_wait(ring, 1, enter_flags, ts)).toBe(-ETIME);
    expect(ns_since(start)).toBeLessThan(IO_NSEC_PER_SEC);
  }

  /* C waits two seconds, and has one of tolerance on both sides */
  start = clock_gettime();
  ts = ns_to_timespec(2n * IO_NSEC_PER_SEC + (abs ? start : 0n));
  expect(t_io_uring_wait(ring, 1, enter_flags, ts)).toBe(-ETIME);

  const dt = ns_since(start);
  expect(dt).toBeGreaterThanOrEqual(IO_NSEC_PER_SEC);
  expect(dt).toBeLessThanOrEqual(3n * IO_NSEC_PER_SEC);
  io_uring_queue_exit(ring);
}

it('test_clock_setup', () => {
  if (!support_clock) skipCase('no clocks');
  const ring = newRing();
  const cr = alloc(io_uring_clock_register);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  const register_clock = (arg: io_uring_clock_register | null): number =>
    io_uring_register(ring.ring_fd, IORING_REGISTER_CLOCK, arg, 0);

  expect(register_clock(null)).toBeLessThan(0);

  cr.clockid = 0xffffffff; // -1
  expect(register_clock(cr)).toBe(-EINVAL);

  for (const clockid of [CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC]) {
    cr.clockid = clockid;
    expect(register_clock(cr)).toBe(0);
  }

  io_uring_queue_exit(ring);
});

describe('test_timeout', () => {
  it('relative', () => test_timeout(false, false));
  it('absolute', () => test_timeout(true, false));
  it('relative, with a clock', () => test_timeout(false, true));
  it('absolute, with a clock', () => test_timeout(true, true));
});
