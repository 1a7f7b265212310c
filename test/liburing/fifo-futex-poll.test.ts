/**
 * The port of liburing's test/fifo-futex-poll.c: run a failing futex wait command followed up a POLL_ADD
 * on a fifo.
 */
import { expect, it } from 'vitest';
import {
  allocString,
  IOSQE_FIXED_FILE,
  io_uring_cqe_seen,
  io_uring_prep_futex_wait,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EFAULT, EINVAL, FUTEX_BITSET_MATCH_ANY, O_RDWR, POLLIN } from '../../src/linux.js';
import { close, mkfifo, newPath, open, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const FUTEX2_SIZE_U32 = 0x02;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const path = newPath('fifo');

  /*
   * Setup a FIFO for polling. FIFOs are interesting because they end
   * up using two wait queue entries for poll, hitting double poll
   * in io_uring.
   */
  expect(mkfifo(path, 0o644)).toBe(0);
  const fd = open(path, O_RDWR);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(io_uring_queue_init(64, ring, 0)).toBe(0);

  /*
   * Submit invalid futex wait, will error inline.
   */
  let sqe = get_sqe(ring);
  io_uring_prep_futex_wait(sqe, null, 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32, 0);
  sqe.user_data = 1;
  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  if (cqe.value.res === -EINVAL) skip('no futex operations');
  expect(cqe.value.res).toBe(-EFAULT);
  io_uring_cqe_seen(ring, cqe.value);

  expect(io_uring_register_files(ring, Int32Array.of(fd), 1)).toBe(0);

  /*
   * Submit poll request for POLLIN on the fifo
   */
  sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, 0, POLLIN);
  sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 2;
  io_uring_submit(ring);

  /*
   * Trigger the poll request
   */
  expect(write(fd, allocString('FIFO test\n'), 10)).toBe(10);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.user_data).toBe(2n);
  expect(cqe.value.res & POLLIN).toBe(POLLIN);
  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
  close(fd);
});
