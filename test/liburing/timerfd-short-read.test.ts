/**
 * The port of liburing's test/timerfd-short-read.c: check that trying to read two timerfd events will still
 * return one when generated. There was a kernel commit that all of a sudden pretended that anonymous inodes
 * were regular files, which broke the io_uring short read/write handling logic. C has an alarm of a second.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  io_uring_cqe_seen,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { CLOCK_MONOTONIC, O_CLOEXEC } from '../../src/linux.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { syscall } from './support/syscall.js';
import { timespec } from './support/time.js';

const TFD_CLOEXEC = O_CLOEXEC;

it('main', () => {
  const ring = newRing();
  const tmp = allocArray(2, BigUint64Array);

  expect(io_uring_queue_init_params(8, ring, newParams())).toBe(0);

  const fd = syscall('timerfd_create', CLOCK_MONOTONIC, TFD_CLOEXEC);
  expect(fd).toBeGreaterThanOrEqual(0);

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fd, tmp, tmp.byteLength, 0);
  sqe.user_data = 1;

  io_uring_submit(ring);

  /* struct itimerspec: it_interval, it_value */
  const is = BigInt64Array.of(0n, 0n, 0n, 10000000n);
  expect(syscall('timerfd_settime', fd, 0, is, null)).toBe(0);

  const cqe = newCqe();
  expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(20))).toBe(0);
  // C does not check it
  expect(cqe.value.res).toBe(8);
  expect(cqe.value.user_data).toBe(1n);
  expect([...tmp]).toEqual([1n, 0n]);

  close(fd);
  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
});
