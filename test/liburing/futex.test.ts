/**
 * The port of liburing's test/futex.c: exercise futex wait/wake/waitv. 5 rounds instead of C's 500, whose
 * threads are workers here.
 */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  futex_waitv,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_cancel64,
  io_uring_prep_futex_wait,
  io_uring_prep_futex_waitv,
  io_uring_prep_futex_wake,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_sync_cancel,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_sync_cancel_reg,
  io_uring_wait_cqe,
  type StructArray,
} from '../../src/c.js';
import { EAGAIN, EINVAL, EOPNOTSUPP, FUTEX_BITSET_MATCH_ANY } from '../../src/linux.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { pthread_create, pthread_join, type Thread } from './support/thread.js';

const LOOPS = 5;
const NFUTEX = 8;

const FUTEX2_SIZE_U32 = 0x02;

function wait_any(sqe: io_uring_sqe, futex: Uint32Array): void {
  io_uring_prep_futex_wait(sqe, futex, 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32, 0);
}

const fwake = (address: number): Thread =>
  pthread_create(
    async ({ liburing }, { futex, MATCH_ANY, SIZE_U32 }) => {
      const u = await liburing();
      const ring = u.alloc(u.io_uring);
      const cqe = u.allocPointers(u.io_uring_cqe);

      let ret = u.io_uring_queue_init(1, ring, 0);
      if (ret) return -ret;

      // C's thread sets the futex as well, which here is in another thread's window
      const sqe = u.io_uring_get_sqe(ring);
      if (!sqe) return 1;
      u.io_uring_prep_futex_wake(sqe, futex, 1, MATCH_ANY, SIZE_U32, 0);
      sqe.user_data = 3;

      u.io_uring_submit(ring);

      ret = u.io_uring_wait_cqe(ring, cqe);
      if (ret) return -ret;
      u.io_uring_cqe_seen(ring, cqe.value);
      u.io_uring_queue_exit(ring);
      return 0;
    },
    { futex: address, MATCH_ANY: FUTEX_BITSET_MATCH_ANY, SIZE_U32: FUTEX2_SIZE_U32 },
  );

function __test(ring: io_uring, vectored: boolean, async: boolean, async_cancel: boolean): void {
  const cqe = newCqe();
  const nfutex = vectored ? NFUTEX : 1;
  const futex = allocArray(nfutex, Uint32Array);
  const fw = waiters(futex);

  let sqe = get_sqe(ring);
  if (vectored) io_uring_prep_futex_waitv(sqe, fw, nfutex, 0);
  else wait_any(sqe, futex);
  if (async) sqe.flags |= IOSQE_ASYNC;
  sqe.user_data = 1;

  io_uring_submit(ring);

  futex.fill(1);
  const threads = Array.from(futex, (_, i) => fwake(futex.byteOffset + 4 * i));

  sqe = get_sqe(ring);
  io_uring_prep_cancel64(sqe, 1, 0);
  if (async_cancel) sqe.flags |= IOSQE_ASYNC;
  sqe.user_data = 2;

  io_uring_submit(ring);

  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    if (cqe.value.res === -EINVAL || cqe.value.res === -EOPNOTSUPP) skip('no futex operations');
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(io_uring_peek_cqe(ring, cqe), 'peek found cqe').not.toBe(0);

  for (const thread of threads) expect(pthread_join(thread)).toBe(0);
}

function waiters(futex: Uint32Array): StructArray<futex_waitv> {
  const fw = alloc(futex_waitv, futex.length);
  for (let i = 0; i < futex.length; i++) {
    fw.at(i).val = 0;
    fw.at(i).uaddr = futex.byteOffset + 4 * i;
    fw.at(i).flags = FUTEX2_SIZE_U32;
  }
  return fw;
}

function test(flags: number, vectored: boolean): void {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, flags)).toBe(0);

  for (let i = 0; i < LOOPS; i++) {
    const async_cancel = !(i % 2);
    const async_wait = !(i % 3);
    __test(ring, vectored, async_wait, async_cancel);
  }

  io_uring_queue_exit(ring);
}

function test_order(vectored: boolean, async: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const reg = alloc(io_uring_sync_cancel_reg);
  const futex = allocArray(1, Uint32Array);
  const fw = waiters(futex);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  /*
   * Submit two futex waits
   */
  for (const user_data of [1, 2]) {
    const sqe = get_sqe(ring);
    if (!vectored) wait_any(sqe, futex);
    else io_uring_prep_futex_waitv(sqe, fw, 1, 0);
    sqe.user_data = user_data;
  }

  io_uring_submit(ring);

  /*
   * Now submit wake for just one futex
   */
  futex[0] = 1;
  const sqe = get_sqe(ring);
  io_uring_prep_futex_wake(sqe, futex, 1, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32, 0);
  sqe.user_data = 100;
  if (async) sqe.flags |= IOSQE_ASYNC;

  io_uring_submit(ring);

  /*
   * We expect to find completions for the first futex wait, and
   * the futex wake. We should not see the last futex wait.
   */
  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect([1n, 100n]).toContain(cqe.value.user_data);
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(io_uring_peek_cqe(ring, cqe)).toBe(-EAGAIN);

  reg.addr = 2;
  expect(io_uring_register_sync_cancel(ring, reg)).toBe(1);

  io_uring_queue_exit(ring);
}

function test_multi_wake(vectored: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const futex = allocArray(1, Uint32Array);
  const fw = waiters(futex);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  /*
   * Submit two futex waits
   */
  for (const user_data of [1, 2]) {
    const sqe = get_sqe(ring);
    if (!vectored) wait_any(sqe, futex);
    else io_uring_prep_futex_waitv(sqe, fw, 1, 0);
    sqe.user_data = user_data;
  }

  io_uring_submit(ring);

  /*
   * Now submit wake for both futexes
   */
  futex[0] = 1;
  const sqe = get_sqe(ring);
  io_uring_prep_futex_wake(sqe, futex, 2, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32, 0);
  sqe.user_data = 100;

  io_uring_submit(ring);

  /*
   * We expect to find completions for the both futex waits, and
   * the futex wake.
   */
  for (let i = 0; i < 3; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(cqe.value.user_data === 100n ? 2 : 0);
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(io_uring_peek_cqe(ring, cqe), 'peek found cqe').not.toBe(0);
  io_uring_queue_exit(ring);
}

it.each([false, true])('test(0, %s)', (vectored) => test(0, vectored));

/*
 * Test that waking 0 futexes returns 0
 */
it('test_wake_zero', () => {
  const ring = newRing();
  const cqe = newCqe();
  const futex = allocArray(1, Uint32Array);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  let sqe = get_sqe(ring);
  wait_any(sqe, futex);
  sqe.user_data = 1;

  io_uring_submit(ring);

  sqe = get_sqe(ring);
  io_uring_prep_futex_wake(sqe, futex, 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32, 0);
  sqe.user_data = 2;

  io_uring_submit(ring);

  /*
   * Should get zero res and it should be the wake
   */
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value).toMatchObject({ res: 0, user_data: 2n });
  io_uring_cqe_seen(ring, cqe.value);

  /*
   * Should not have the wait complete
   */
  expect(io_uring_peek_cqe(ring, cqe)).not.toBe(0);
  io_uring_queue_exit(ring);
});

/*
 * Test invalid wait/wake/waitv flags
 */
it('test_invalid', () => {
  const ring = newRing();
  const cqe = newCqe();
  const futex = allocArray(1, Uint32Array);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const result = (): number => {
    io_uring_submit(ring);
    const { res } = waited(ring, cqe);
    io_uring_cqe_seen(ring, cqe.value);
    return res;
  };

  io_uring_prep_futex_wait(get_sqe(ring), futex, 0, FUTEX_BITSET_MATCH_ANY, 0x1000, 0);
  expect(result()).toBe(-EINVAL);

  io_uring_prep_futex_wake(get_sqe(ring), futex, 0, FUTEX_BITSET_MATCH_ANY, 0x1000, 0);
  expect(result()).toBe(-EINVAL);

  const fw = waiters(futex);
  fw.at(0).flags = FUTEX2_SIZE_U32 | 0x1000;
  io_uring_prep_futex_waitv(get_sqe(ring), fw, 1, 0);
  expect(result()).toBe(-EINVAL);

  io_uring_queue_exit(ring);
});

describe.each([
  { name: 'SQPOLL', flags: IORING_SETUP_SQPOLL },
  { name: 'SINGLE_ISSUER | DEFER_TASKRUN', flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
  { name: 'COOP_TASKRUN', flags: IORING_SETUP_COOP_TASKRUN },
])('$name', ({ flags }) => {
  it.each([false, true])('test(…, %s)', (vectored) => test(flags, vectored));
});

it.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])('test_order(%s, %s)', (vectored, async) => test_order(vectored, async));

it.each([false, true])('test_multi_wake(%s)', (vectored) => test_multi_wake(vectored));
