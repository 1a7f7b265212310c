/** The port of liburing's test/poll-mshot-overflow.c: multishot polls whose completions the CQ ring has no room for. */
import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_CQE_F_MORE,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  type io_uring,
  io_uring_cq_ready,
  io_uring_cqe_seen,
  io_uring_get_events,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_poll_multishot,
  io_uring_prep_poll_remove,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_sqe_set_data64,
  io_uring_submit,
} from '../../src/c.js';
import { POLLIN } from '../../src/linux.js';
import { atEnd, closing } from './support/clean.js';
import { pipe, read, write } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, t_probe_defer_taskrun } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';

function check_final_cqe(ring: io_uring): void {
  const cqe = newCqe();
  let count = 0;
  let signalled_no_more = false;

  while (!io_uring_peek_cqe(ring, cqe)) {
    const { user_data, flags } = cqe.value;
    if (user_data === 1n) {
      count++;
      expect(signalled_no_more, 'signalled no more!').toBe(false);
      if (!(flags & IORING_CQE_F_MORE)) signalled_no_more = true;
    } else {
      expect(user_data, `${count}: got unexpected`).toBe(3n);
    }
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(count).toBeGreaterThan(0);
}

function test(defer_taskrun: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const pipe1 = fdPair();
  expect(pipe(pipe1)).toBe(0);
  for (const end of pipe1) closing(end);

  /* cheat using SINGLE_ISSUER existence to know if this behaviour
   * is updated
   */
  const params = newParams({ flags: IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER, cq_entries: 2 });
  if (defer_taskrun) params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

  const ret = io_uring_queue_init_params(2, ring, params);
  if (ret) skip('no IORING_SETUP_SINGLE_ISSUER');
  atEnd(() => io_uring_queue_exit(ring));

  let sqe = get_sqe(ring);
  io_uring_prep_poll_multishot(sqe, pipe1[0], POLLIN);
  io_uring_sqe_set_data64(sqe, 1);

  expect(io_uring_cq_ready(ring)).toBe(0);

  for (let i = 0; i < 2; i++) {
    sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, 2);
    expect(io_uring_submit(ring)).toBe(2 - i);
  }

  const foo = allocString('foo');
  expect(write(pipe1[1], foo, 3)).toBe(3);

  /* should have 2 cqe + 1 overflow now, so take out two cqes */
  for (let i = 0; i < 2; i++) {
    expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.user_data).toBe(2n);
    io_uring_cqe_seen(ring, cqe.value);
  }

  /* make sure everything is processed */
  io_uring_get_events(ring);

  /* now remove the poll */
  sqe = get_sqe(ring);
  io_uring_prep_poll_remove(sqe, 1);
  io_uring_sqe_set_data64(sqe, 3);
  expect(io_uring_submit(ring)).toBe(1);

  check_final_cqe(ring);
}

it.each([t_probe_defer_taskrun()])('test_downgrade(%s)', (support_defer) => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  const tmp = allocArray(1, Int32Array);
  expect(pipe(fds)).toBe(0);
  for (const end of fds) closing(end);

  const params = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 2 });
  expect(io_uring_queue_init_params(2, ring, params)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  const sqe = get_sqe(ring);
  io_uring_prep_poll_multishot(sqe, fds[0], POLLIN);
  io_uring_sqe_set_data64(sqe, 1);
  expect(io_uring_submit(ring)).toBe(1);

  for (let i = 0; i < 8; i++) {
    expect(write(fds[1], tmp, tmp.byteLength)).toBe(tmp.byteLength);
    expect(read(fds[0], tmp, tmp.byteLength)).toBe(tmp.byteLength);
  }

  const cqes: { res: number; more: boolean }[] = [];
  while (!io_uring_peek_cqe(ring, cqe)) {
    cqes.push({ res: cqe.value.res, more: (cqe.value.flags & IORING_CQE_F_MORE) !== 0 });
    io_uring_cqe_seen(ring, cqe.value);
  }

  /* Some kernels might allow overflows to poll,
   * but if they didn't it should stop the MORE flag
   */
  expect(cqes.length).toBeGreaterThanOrEqual(3);
  if (cqes.length === 8) {
    /* downgrade only available since support_defer */
    expect(support_defer, 'did not downgrade on overflow').toBe(false);
  } else {
    expect(cqes.pop()?.more).toBe(false);
  }

  for (const { res, more } of cqes) {
    expect(more, 'missing MORE flag').toBe(true);
    expect(res).toBeGreaterThanOrEqual(0);
  }
});

it('test(false)', () => test(false));

it('test(true)', () => {
  if (!t_probe_defer_taskrun()) skipSilently('no IORING_SETUP_DEFER_TASKRUN');
  test(true);
});
