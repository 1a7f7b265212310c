/** The port of liburing's test/reg-fd-only.c: test io_uring_setup with IORING_SETUP_REGISTERED_FD_ONLY. */

import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_close_ring_fd,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_iowq_max_workers,
  io_uring_register_ring_fd,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADF, EEXIST, EINVAL, ENOENT, ENOMEM } from '../../src/linux.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const NORMAL_PAGE_ENTRIES = 8;
const HUGE_PAGE_ENTRIES = 512;

function test_nops(ring: io_uring, sq_size: number, nr_nops: number): void {
  const cqe = newCqe();
  for (let left = nr_nops; left > 0; ) {
    const todo = Math.min(left, sq_size);

    for (let i = 0; i < todo; i++) io_uring_prep_nop(get_sqe(ring));

    expect(io_uring_submit(ring)).toBe(todo);

    for (let i = 0; i < todo; i++) {
      if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait err');
      if (cqe.value.res) expect.fail(`res ${cqe.value.res}`);
      io_uring_cqe_seen(ring, cqe.value);
    }
    left -= todo;
  }
}

function test(nentries: number, ring_flags: number): void {
  const ring = newRing();

  const ret = io_uring_queue_init(nentries, ring, IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_NO_MMAP | ring_flags);
  if (ret === -EINVAL || ret === -ENOENT) skip('no IORING_SETUP_NO_MMAP');
  if (ret === -ENOMEM) skip('Enable huge pages to test big rings');
  expect(ret).toBe(0);

  /* registering already-registered ring fd should fail */
  expect(io_uring_register_ring_fd(ring)).toBe(-EEXIST);

  /* closing already-closed ring fd should fail */
  expect(io_uring_close_ring_fd(ring)).toBe(-EBADF);

  /* Test a simple io_uring_register operation expected to work.
   * io_uring_register_iowq_max_workers is arbitrary.
   */
  const values = allocArray(2, Uint32Array);
  expect(io_uring_register_iowq_max_workers(ring, values)).toBe(0);
  expect(Math.max(...values)).toBeGreaterThan(0);

  test_nops(ring, nentries, nentries * 4);

  io_uring_queue_exit(ring);
}

/* test single normal page */
it('test 8', () => test(NORMAL_PAGE_ENTRIES, 0));
it('test 8, SQPOLL', () => test(NORMAL_PAGE_ENTRIES, IORING_SETUP_SQPOLL));

/* test with entries requiring a huge page */
it('test 512', () => test(HUGE_PAGE_ENTRIES, 0));
