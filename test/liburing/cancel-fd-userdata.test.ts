/** The port of liburing's test/cancel-fd-userdata.c: test IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_USERDATA. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_USERDATA,
  IOSQE_FIXED_FILE,
  io_uring_cqe_seen,
  io_uring_prep_cancel,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_submit,
  io_uring_unregister_files,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { ECANCELED, EINVAL, POLLIN } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const ring = newRing();
const cqe = newCqe();
const fd = fdPair();
beforeAll(() => {
  expect(pipe(fd)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
});
afterAll(() => {
  io_uring_queue_exit(ring);
  for (const end of fd) close(end);
});

function cancel_all(target: number, fixed: boolean, nr: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_cancel(sqe, 0, IORING_ASYNC_CANCEL_ALL);
  sqe.cancel_flags |= IORING_ASYNC_CANCEL_FD;
  if (fixed) sqe.cancel_flags |= IORING_ASYNC_CANCEL_FD_FIXED;
  sqe.fd = target;
  sqe.user_data = 200;

  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < nr + 1; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    // C does not check this
    expect(cqe.value.res).toBe(cqe.value.user_data === 200n ? nr : -ECANCELED);
    io_uring_cqe_seen(ring, cqe.value);
  }
}

/*
 * Submit multiple polls on the same fd with different user_data values.
 * Cancel with CANCEL_FD | CANCEL_USERDATA targeting a specific user_data.
 * Only the request matching both fd AND user_data should be canceled.
 */
function test_cancel_fd_userdata(fixed: boolean): void {
  const target_ud = 2;
  let __fd = fd[0];

  if (fixed) {
    expect(io_uring_register_files(ring, fd, 2)).toBe(0);
    __fd = 0;
  }

  /* Submit 4 polls on the same fd, with user_data 1..4 */
  for (let i = 0; i < 4; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_poll_add(sqe, __fd, POLLIN);
    sqe.user_data = i + 1;
    if (fixed) sqe.flags |= IOSQE_FIXED_FILE;
  }

  expect(io_uring_submit(ring)).toBe(4);

  /* Cancel only the request with user_data == target_ud on this fd */
  const sqe = get_sqe(ring);
  io_uring_prep_cancel(sqe, 0, 0);
  sqe.cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_USERDATA;
  if (fixed) sqe.cancel_flags |= IORING_ASYNC_CANCEL_FD_FIXED;
  sqe.fd = __fd;
  sqe.addr = target_ud;
  sqe.user_data = 100;

  expect(io_uring_submit(ring)).toBe(1);

  /*
   * The cancel CQE may arrive before or after the canceled poll CQE.
   */
  const results = new Map<bigint, number>();
  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { user_data, res } = cqe.value;
    results.set(user_data, res);
    io_uring_cqe_seen(ring, cqe.value);
    if (user_data === 100n && res === -EINVAL) {
      cancel_all(__fd, fixed, 4);
      if (fixed) io_uring_unregister_files(ring);
      skip('CANCEL_FD|CANCEL_USERDATA not supported');
    }
  }
  expect([...results.keys()].sort()).toEqual([100n, BigInt(target_ud)]);
  expect(results.get(100n)).toBeGreaterThanOrEqual(0);
  expect(results.get(BigInt(target_ud))).toBe(-ECANCELED);

  /* The other 3 polls should still be pending - cancel them */
  cancel_all(__fd, fixed, 3);

  if (fixed) io_uring_unregister_files(ring);
}

it('test_cancel_fd_userdata', () => test_cancel_fd_userdata(false));

it('test_cancel_fd_userdata, fixed', () => test_cancel_fd_userdata(true));

/*
 * Submit polls on two different fds with the same user_data.
 * Cancel with CANCEL_FD | CANCEL_USERDATA should only match the
 * request on the right fd with the right user_data.
 */
it('test_cancel_fd_userdata_two_fds', () => {
  const [fd1, fd2] = [fd, fdPair()];
  let canceled = 0;
  expect(pipe(fd2)).toBe(0);

  /* Poll on fd1 with user_data=1 */
  let sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, fd1[0], POLLIN);
  sqe.user_data = 1;

  /* Poll on fd2 with user_data=1 (same user_data, different fd) */
  sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, fd2[0], POLLIN);
  sqe.user_data = 1;

  /* Poll on fd1 with user_data=2 (same fd, different user_data) */
  sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, fd1[0], POLLIN);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(3);

  /*
   * Cancel: fd=fd1[0], user_data=1. Should only cancel the first
   * poll (fd1, ud=1), not the second (fd2, ud=1) or third (fd1, ud=2).
   */
  sqe = get_sqe(ring);
  io_uring_prep_cancel(sqe, 0, 0);
  sqe.cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_USERDATA;
  sqe.fd = fd1[0];
  sqe.addr = 1;
  sqe.user_data = 100;

  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    if (cqe.value.user_data === 100n) {
      expect(cqe.value.res).toBeGreaterThanOrEqual(0);
    } else {
      expect(cqe.value).toMatchObject({ user_data: 1n, res: -ECANCELED });
      canceled++;
    }
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(canceled).toBe(1);

  /* Clean up: cancel all remaining */
  sqe = get_sqe(ring);
  io_uring_prep_cancel(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  sqe.user_data = 200;
  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < 3; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(cqe.value.user_data === 200n ? 2 : -ECANCELED);
    io_uring_cqe_seen(ring, cqe.value);
  }
  for (const end of fd2) close(end);
});
