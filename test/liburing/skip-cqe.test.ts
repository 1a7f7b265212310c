/** The port of liburing's test/skip-cqe.c: IOSQE_CQE_SKIP_SUCCESS in links, with linked timeouts and hard links. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  allocArray,
  IORING_FEAT_CQE_SKIP,
  IOSQE_ASYNC,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  io_uring_peek_cqe,
  io_uring_prep_link_timeout,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  type io_uring_sqe,
  io_uring_submit,
} from '../../src/c.js';
import { EAGAIN, ECANCELED, EFAULT, EINTR } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing, next } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { timespec } from './support/time.js';

const LINK_SIZE = 6;
const TIMEOUT_USER_DATA = -1n;
const mid_idx = LINK_SIZE / 2;
const last_idx = LINK_SIZE - 1;

const fds = fdPair();
const ring = newRing();
const cqe = newCqe();

beforeAll(() => {
  expect(pipe(fds)).toBe(0);
  expect(io_uring_queue_init(16, ring, 0)).toBe(0);
});
afterAll(() => {
  io_uring_queue_exit(ring);
  for (const end of fds) close(end);
});
beforeEach(() => {
  if (!(ring.features & IORING_FEAT_CQE_SKIP)) skip('no IORING_FEAT_CQE_SKIP');
});

/* should be successfully submitted but fails during execution */
const prep_exec_fail_req = (sqe: io_uring_sqe): void => io_uring_prep_write(sqe, fds[1], null, 100, 0);

function expect_none(): void {
  expect(io_uring_peek_cqe(ring, cqe), 'single CQE expected').toBe(-EAGAIN);
}

function test_link_success(nr: number, skip_last: boolean): void {
  for (let i = 0; i < nr; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    if (i !== nr - 1 || skip_last) sqe.flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe.user_data = i;
  }

  expect(io_uring_submit(ring)).toBe(nr);

  if (!skip_last) expect(next(ring)).toMatchObject({ res: 0, user_data: BigInt(nr - 1) });
  expect_none();
}

function test_link_fail(nr: number, fail_idx: number): void {
  for (let i = 0; i < nr; i++) {
    const sqe = get_sqe(ring);
    if (i === fail_idx) prep_exec_fail_req(sqe);
    else io_uring_prep_nop(sqe);

    if (i !== nr - 1) sqe.flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe.user_data = i;
  }

  expect(io_uring_submit(ring)).toBe(nr);
  // C accepts any result but 0
  expect(next(ring)).toMatchObject({ res: -EFAULT, user_data: BigInt(fail_idx) });
  expect_none();
}

function test_ltimeout_cancel(nr: number, tout_idx: number, async: boolean, fail_idx: number): void {
  const ts = timespec(1);
  const e_res = fail_idx >= 0 ? -EFAULT : 0;
  const e_idx = fail_idx >= 0 ? fail_idx : nr - 1;

  for (let i = 0; i < nr; i++) {
    let sqe = get_sqe(ring);
    if (i === fail_idx) prep_exec_fail_req(sqe);
    else io_uring_prep_nop(sqe);
    sqe.user_data = i;
    sqe.flags |= IOSQE_IO_LINK;
    if (async) sqe.flags |= IOSQE_ASYNC;
    if (i !== nr - 1) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;

    if (i === tout_idx) {
      sqe = get_sqe(ring);
      io_uring_prep_link_timeout(sqe, ts, 0);
      sqe.flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
      sqe.user_data = TIMEOUT_USER_DATA;
    }
  }

  expect(io_uring_submit(ring)).toBe(nr + 1);
  expect(next(ring)).toMatchObject({ res: e_res, user_data: BigInt(e_idx) });
  expect_none();
}

function test_ltimeout_fire(async: boolean, skip_main: boolean, skip_tout: boolean): void {
  const buf = allocArray(1);
  const nr = skip_tout ? 1 : 2;

  let sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], buf, buf.length, 0);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.flags |= async ? IOSQE_ASYNC : 0;
  sqe.flags |= skip_main ? IOSQE_CQE_SKIP_SUCCESS : 0;
  sqe.user_data = 0;

  sqe = get_sqe(ring);
  io_uring_prep_link_timeout(sqe, timespec(0, 1000000), 0);
  sqe.flags |= skip_tout ? IOSQE_CQE_SKIP_SUCCESS : 0;
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(2);

  const cqes = Array.from({ length: nr }, () => next(ring));
  expect([-ECANCELED, -EINTR]).toContain(cqes.find(({ user_data }) => user_data === 0n)?.res);
  expect(cqes.some(({ user_data }) => user_data === 1n)).toBe(!skip_tout);
  expect_none();
}

function test_hardlink(nr: number, fail_idx: number, skip_idx: number, hardlink_last: boolean): void {
  for (let i = 0; i < nr; i++) {
    const sqe = get_sqe(ring);
    if (i === fail_idx) prep_exec_fail_req(sqe);
    else io_uring_prep_nop(sqe);
    if (i !== nr - 1 || hardlink_last) sqe.flags |= IOSQE_IO_HARDLINK;
    if (i === skip_idx) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe.user_data = i;
  }

  expect(io_uring_submit(ring)).toBe(nr);

  for (let i = 0; i < nr; i++) {
    if (i === skip_idx && fail_idx !== skip_idx) continue;
    // C accepts any error of the one that fails
    expect(next(ring)).toMatchObject({ user_data: BigInt(i), res: i === fail_idx ? -EFAULT : 0 });
  }
  expect_none();
}

it.each([
  [1, false],
  [1, true],
  [LINK_SIZE, false],
  [LINK_SIZE, true],
])('test_link_success(%i, %s)', (sz, skip_last) => test_link_success(sz, skip_last));

it('test_link_fail mid', () => test_link_fail(LINK_SIZE, mid_idx));
it('test_link_fail last', () => test_link_fail(LINK_SIZE, last_idx));

describe.each([false, true])('async %s', (async) => {
  it('test_ltimeout_cancel 1', () => test_ltimeout_cancel(1, 0, async, -1));
  it('test_ltimeout_cancel mid', () => test_ltimeout_cancel(LINK_SIZE, mid_idx, async, -1));
  it('test_ltimeout_cancel last', () => test_ltimeout_cancel(LINK_SIZE, last_idx, async, -1));
  it('test_ltimeout_cancel fail mid', () => test_ltimeout_cancel(LINK_SIZE, mid_idx, async, mid_idx));
  it('test_ltimeout_cancel fail2 mid', () => test_ltimeout_cancel(LINK_SIZE, mid_idx, async, mid_idx - 1));
  it('test_ltimeout_cancel fail3 mid', () => test_ltimeout_cancel(LINK_SIZE, mid_idx, async, mid_idx + 1));
});

it.each(Array.from({ length: 8 }, (_, i) => [(i & 1) !== 0, (i & 2) !== 0, (i & 4) !== 0] as const))(
  'test_ltimeout_fire(%s, %s, %s)',
  (async, skip1, skip2) => test_ltimeout_fire(async, skip1, skip2),
);

/* test 3 positions, start/middle/end of the link, i.e. indexes 0, 3, 6 */
const positions = [0, 3, 6];
it.each(
  positions.flatMap((fail) =>
    positions.flatMap((skipped) => [false, true].map((last) => [fail, skipped, last] as const)),
  ),
)('test_hardlink(7, %i, %i, %s)', (fail_idx, skip_idx, mark_last) => test_hardlink(7, fail_idx, skip_idx, mark_last));
