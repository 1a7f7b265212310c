/** The port of liburing's test/poll-cancel-ton.c: test massive amounts of poll with cancel. */
import { expect, it } from 'vitest';
import {
  free,
  IORING_SETUP_CQSIZE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_poll_add,
  io_uring_prep_poll_remove,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EAGAIN, ECANCELED, POLLIN } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';

const POLL_COUNT = 30000;

function reap_events(ring: io_uring, nr_events: number, nowait: boolean): Map<bigint, number> {
  const cqe = newCqe();
  const results = new Map<bigint, number>();
  for (let i = 0; i < nr_events; i++) {
    const ret = !i && !nowait ? io_uring_wait_cqe(ring, cqe) : io_uring_peek_cqe(ring, cqe);
    if (ret) {
      expect(ret).toBe(-EAGAIN);
      break;
    }
    results.set(cqe.value.user_data, cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  free(cqe);
  return results;
}

function del_polls(ring: io_uring, nr: number): Map<bigint, number> {
  const reaped = new Map<bigint, number>();
  let left = nr;
  while (left) {
    const batch = Math.min(1024, left);
    for (let i = 0; i < batch; i++) {
      const sqe = get_sqe(ring);
      const data = sqe_index[Math.floor(Math.random() * left)] as number;
      io_uring_prep_poll_remove(sqe, data);
      sqe.user_data = 0;
    }

    expect(io_uring_submit(ring)).toBe(batch);
    left -= batch;
    for (const [data, res] of reap_events(ring, 2 * batch, false)) reaped.set(data, res);
  }
  return reaped;
}

const sqe_index: number[] = [];

function add_polls(ring: io_uring, fd: number, nr: number): void {
  let left = nr;
  while (left) {
    const batch = Math.min(1024, left);
    for (let i = 0; i < batch; i++) {
      const sqe = get_sqe(ring);
      io_uring_prep_poll_add(sqe, fd, POLLIN);
      // C uses the SQE's address; there are 1024
      sqe.user_data = sqe_index.push(sqe_index.length + 1);
    }
    expect(io_uring_submit(ring)).toBe(batch);
    left -= batch;
    expect(reap_events(ring, batch, true).size).toBe(0);
  }
}

it('main', () => {
  const ring = newRing();
  const pipe1 = fdPair();
  expect(pipe(pipe1)).toBe(0);

  const p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 16384 });
  expect(io_uring_queue_init_params(1024, ring, p)).toBe(0);

  add_polls(ring, pipe1[0], POLL_COUNT);
  const reaped = del_polls(ring, POLL_COUNT);
  // C ignores the result; polls that were removed are cancelled
  const cancelled = [...reaped].filter(([data]) => data !== 0n).map(([, res]) => res);
  expect(cancelled.length).toBeGreaterThan(POLL_COUNT / 10);
  expect(new Set(cancelled)).toEqual(new Set([-ECANCELED]));

  io_uring_queue_exit(ring);
  for (const fd of pipe1) close(fd);
});
