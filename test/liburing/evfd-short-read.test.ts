/**
 * The port of liburing's test/evfd-short-read.c: check that trying to read two eventfd events will still
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
import { EFD_CLOEXEC, EFD_NONBLOCK } from '../../src/linux.js';
import { eventfd } from './support/events.js';
import { close, write } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { timespec } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const ptr = allocArray(2, BigUint64Array);

  expect(io_uring_queue_init_params(8, ring, newParams())).toBe(0);

  const evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  expect(evfd).toBeGreaterThanOrEqual(0);

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, evfd, ptr, ptr.byteLength, 0);
  sqe.user_data = 1;

  io_uring_submit(ring);

  const tmp = BigUint64Array.of(1n);
  expect(write(evfd, tmp, 8)).toBe(8);

  expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(20))).toBe(0);
  // C does not check it
  expect(cqe.value.res).toBe(8);
  expect(cqe.value.user_data).toBe(1n);
  expect([...ptr]).toEqual([1n, 0n]);

  io_uring_cqe_seen(ring, cqe.value);
  close(evfd);
  io_uring_queue_exit(ring);
});
