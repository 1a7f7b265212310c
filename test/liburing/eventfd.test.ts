/** The port of liburing's test/eventfd.c: run various eventfd tests. */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_FEAT_CUR_PERSONALITY,
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_poll_add,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_eventfd,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EFD_CLOEXEC, POLLIN } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { eventfd } from './support/events.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

it('main', () => {
  const p = newParams();
  const ring = newRing();
  const cqe = newCqe();
  const ptr = allocArray(8);
  const vec = iovecOf(ptr);

  expect(io_uring_queue_init_params(8, ring, p)).toBe(0);
  if (!(p.features & IORING_FEAT_CUR_PERSONALITY)) skip('No IORING_FEAT_CUR_PERSONALITY');

  const evfd = eventfd(0, EFD_CLOEXEC);
  expect(evfd).toBeGreaterThanOrEqual(0);

  expect(io_uring_register_eventfd(ring, evfd)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, evfd, POLLIN);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, evfd, vec, 1, 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 3;

  expect(io_uring_submit(ring)).toBe(1);

  const seen = new Set<bigint>();
  for (let i = 0; i < 3; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { user_data, res } = cqe.value;
    seen.add(user_data);
    if (user_data === 1n) expect(res).toBe(POLLIN);
    else if (user_data === 2n) expect(res).toBe(ptr.length);
    else expect(res).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect([...seen].sort()).toEqual([1n, 2n, 3n]);
  io_uring_queue_exit(ring);
  close(evfd);
});
