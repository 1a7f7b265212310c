/** The port of liburing's test/eventfd-disable.c: test disable/enable notifications through eventfd. */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  io_uring_cq_eventfd_enabled,
  io_uring_cq_eventfd_toggle,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_eventfd,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
} from '../../src/c.js';
import { EFD_CLOEXEC } from '../../src/linux.js';
import { eventfd } from './support/events.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, t_probe_defer_taskrun } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';

function test(defer: boolean): void {
  const p = newParams();
  const ring = newRing();
  const cqe = newCqe();
  const ptr = allocArray(1, BigUint64Array);
  const vec = alloc(iovec);
  vec.iov_base = ptr;
  vec.iov_len = ptr.byteLength;

  if (defer) p.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

  expect(io_uring_queue_init_params(64, ring, p)).toBe(0);

  const evfd = eventfd(0, EFD_CLOEXEC);
  expect(evfd).toBeGreaterThanOrEqual(0);

  expect(io_uring_register_eventfd(ring, evfd)).toBe(0);

  expect(io_uring_cq_eventfd_enabled(ring)).toBe(true);

  if (io_uring_cq_eventfd_toggle(ring, false)) skip('Skipping, CQ flags not available!');
  expect(io_uring_cq_eventfd_enabled(ring)).toBe(false);

  let sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, evfd, vec, 1, 0);
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < 63; i++) {
    sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = 2;
  }

  expect(io_uring_submit(ring)).toBe(63);

  for (let i = 0; i < 63; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    /* not the eventfd */
    expect(cqe.value.user_data).toBe(2n);
    expect(cqe.value.res).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(io_uring_cq_eventfd_toggle(ring, true)).toBe(0);

  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(1);

  const seen = new Set<bigint>();
  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { user_data, res } = cqe.value;
    seen.add(user_data);
    if (user_data === 1n) {
      /* eventfd */
      expect(res).toBe(ptr.byteLength);
      expect(ptr[0]).toBe(1n);
    } else {
      expect(res).toBe(0);
    }
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect([...seen].sort()).toEqual([1n, 2n]);

  io_uring_queue_exit(ring);
  close(evfd);
}

it('test(false)', () => test(false));

it('test(true)', () => {
  if (!t_probe_defer_taskrun()) skipCase('no DEFER_TASKRUN');
  test(true);
});
