/** The port of liburing's test/poll-many.c: test many files being polled for. 50 rounds instead of C's 1,000. */
import { beforeEach, expect, it } from 'vitest';
import {
  allocArray,
  free,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  type io_uring,
  io_uring_cq_ready,
  io_uring_cqe_seen,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { POLLIN } from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { atEnd, closing } from './support/clean.js';
import { openFilesLimit, pipe, read, write } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, t_probe_defer_taskrun } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const NFILES = 5000;
const BATCH = 500;
const NLOOPS = 50;

const RING_SIZE = 512;

const nfiles = Math.min(NFILES, Math.floor(openFilesLimit() / 2) - 100);

interface Polled {
  readonly fd: readonly [number, number];
  triggered: boolean;
}
const p: Polled[] = [];
const c = allocArray(1).fill(89);

beforeEach(() => {
  if (nfiles <= BATCH) skip('not enough files available');
  const fd = fdPair();
  for (let i = 0; i < nfiles; i++) {
    expect(pipe(fd)).toBe(0);
    p[i] = { fd: [closing(fd[0]), closing(fd[1])], triggered: false };
  }
});

const at = (off: number): Polled => p[off] as Polled;

function arm_poll(ring: io_uring, off: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, at(off).fd[0], POLLIN);
  sqe.user_data = off;
}

function reap_polls(ring: io_uring): void {
  const cqe = newCqe();
  for (let i = 0; i < BATCH; i++) {
    if (io_uring_wait_cqe(ring, cqe) !== 0) expect.fail('wait cqe');
    const off = Number(cqe.value.user_data);
    // C does not check these two
    if (cqe.value.res !== POLLIN || !at(off).triggered) expect.fail(`${off}: ${cqe.value.res}`);
    at(off).triggered = false;
    if (read(at(off).fd[0], c, 1) !== 1) expect.fail('read');
    arm_poll(ring, off);
    io_uring_cqe_seen(ring, cqe.value);
  }
  free(cqe);

  expect(io_uring_submit(ring)).toBe(BATCH);
}

function trigger_polls(): void {
  for (let i = 0; i < BATCH; i++) {
    let off: number;
    do off = Math.floor(Math.random() * nfiles);
    while (at(off).triggered);

    at(off).triggered = true;
    if (write(at(off).fd[1], c, 1) !== 1) expect.fail('write');
  }
}

function arm_polls(ring: io_uring): void {
  let off = 0;
  for (let to_arm = nfiles; to_arm > 0; ) {
    const this_arm = Math.min(to_arm, RING_SIZE);
    for (let i = 0; i < this_arm; i++) arm_poll(ring, off++);
    expect(io_uring_submit(ring)).toBe(this_arm);
    to_arm -= this_arm;
  }
}

function do_test(ring: io_uring): void {
  arm_polls(ring);
  for (let i = 0; i < NLOOPS; i++) {
    trigger_polls();
    reap_polls(ring);
  }
}

function test(flags: number): void {
  const ring = newRing();
  // without IORING_SETUP_CQSIZE, which came with 5.5, C tries without
  const params = newParams({ flags: IORING_SETUP_CQSIZE | flags, cq_entries: 4096 });
  expect(patiently(() => io_uring_queue_init_params(RING_SIZE, ring, params))).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  do_test(ring);
  expect(io_uring_cq_ready(ring)).toBe(0);
}

it('test (normal)', () => test(0));

it('test (DEFER)', () => {
  if (!t_probe_defer_taskrun()) skipSilently('no IORING_SETUP_DEFER_TASKRUN');
  test(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
});
