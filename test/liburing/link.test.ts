/** The port of liburing's test/link.c: run various linked sqe tests. */
import { expect, it } from 'vitest';
import {
  alloc,
  IORING_SETUP_IOPOLL,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_readv,
  io_uring_prep_remove_buffers,
  io_uring_prep_timeout,
  io_uring_submit,
  io_uring_submit_and_wait,
  iovec,
} from '../../src/c.js';
import { EAGAIN, EBADF, ECANCELED, EINVAL, ENOENT, ETIME } from '../../src/linux.js';
import { type Completion, get_sqe, newCqe, next, openRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { timespec } from './support/time.js';

/** Submits `count` prepared requests, and returns what they completed with, in order of completion. */
function run(ring: io_uring, count: number): Completion[] {
  expect(io_uring_submit(ring)).toBe(count);
  return Array.from({ length: count }, () => next(ring));
}

const link_nop = (ring: io_uring, flags: number): void => {
  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.flags |= flags;
};

/*
 * Test single dependency
 */
it('test_single_link', () => {
  const ring = openRing(8);
  link_nop(ring, IOSQE_IO_LINK);
  link_nop(ring, 0);
  // C does not check the results of these three
  expect(run(ring, 2)).toMatchObject([{ res: 0 }, { res: 0 }]);
});

/*
 * Test multiple dependents
 */
it('test_double_link', () => {
  const ring = openRing(8);
  link_nop(ring, IOSQE_IO_LINK);
  link_nop(ring, IOSQE_IO_LINK);
  link_nop(ring, 0);
  expect(run(ring, 3)).toMatchObject([{ res: 0 }, { res: 0 }, { res: 0 }]);
});

/*
 * Test two independent chains
 */
it('test_double_chain', () => {
  const ring = openRing(8);
  link_nop(ring, IOSQE_IO_LINK);
  link_nop(ring, 0);
  link_nop(ring, IOSQE_IO_LINK);
  link_nop(ring, 0);
  expect(run(ring, 4)).toMatchObject([{ res: 0 }, { res: 0 }, { res: 0 }, { res: 0 }]);
});

/*
 * Test failing head of chain, and dependent getting -ECANCELED
 */
it('test_single_link_fail', () => {
  const ring = openRing(8, IORING_SETUP_IOPOLL);
  const cqe = newCqe();

  const sqe = get_sqe(ring);
  io_uring_prep_remove_buffers(sqe, 10, 1);
  sqe.flags |= IOSQE_IO_LINK;

  io_uring_prep_nop(get_sqe(ring));

  expect(io_uring_submit(ring)).toBe(2);

  for (const expected of [-ENOENT, -ECANCELED]) {
    expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(expected);
    io_uring_cqe_seen(ring, cqe.value);
  }
});

/*
 * Timer with single nop
 */
it('test_single_hardlink', () => {
  const ring = openRing(8);
  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(0, 10000000), 0, 0);
  sqe.flags |= IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 2;

  const cqes = run(ring, 2);
  if (cqes[0]?.res === -EINVAL) skipCase('Hard links not supported, skipping');
  expect(cqes).toMatchObject([
    { user_data: 1n, res: -ETIME },
    { user_data: 2n, res: 0 },
  ]);
});

/*
 * Timer -> timer -> nop
 */
it('test_double_hardlink', () => {
  const ring = openRing(8);
  let sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(0, 10000000), 0, 0);
  sqe.flags |= IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_timeout(sqe, timespec(0, 15000000), 0, 0);
  sqe.flags |= IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
  sqe.user_data = 2;

  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 3;

  const cqes = run(ring, 3);
  if (cqes[0]?.res === -EINVAL) skipCase('Hard links not supported, skipping');
  expect(cqes).toMatchObject([
    { user_data: 1n, res: -ETIME },
    { user_data: 2n, res: -ETIME },
    { user_data: 3n, res: 0 },
  ]);
});

it('test_early_fail_and_wait', () => {
  const ring = openRing(8);
  // C uses the number 42, which may be any file here
  const invalid_fd = 0x7fffffff;

  const sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, invalid_fd, alloc(iovec), 1, 0);
  sqe.flags |= IOSQE_IO_LINK;

  io_uring_prep_nop(get_sqe(ring));

  const ret = io_uring_submit_and_wait(ring, 2);
  if (ret !== -EAGAIN) expect(ret).toBe(2);
  // C leaves them there
  expect([next(ring), next(ring)]).toMatchObject([{ res: -EBADF }, { res: -ECANCELED }]);
});
