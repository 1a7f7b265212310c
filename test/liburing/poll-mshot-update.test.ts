/**
 * The port of liburing's test/poll-mshot-update.c: test many files being polled for and updated. 10 rounds instead of C's 1,000.
 */
import { beforeEach, expect, it } from 'vitest';
import {
  allocArray,
  free,
  IORING_CQE_F_MORE,
  IORING_POLL_UPDATE_EVENTS,
  IORING_SETUP_CQSIZE,
  IORING_TIMEOUT_UPDATE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_poll_multishot,
  io_uring_prep_poll_update,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { EAGAIN, EINVAL, ENOENT, O_NONBLOCK, POLLIN } from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { atEnd, closing } from './support/clean.js';
import { openFilesLimit, pipe, read } from './support/files.js';
import { complete, get_sqe, newCqe, newParams, newRing, openRing } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { pthread_create, pthread_join, type Thread } from './support/thread.js';
import { timespec } from './support/time.js';

const NFILES = 5000;
const BATCH = 500;
const NLOOPS = 10;

const RING_SIZE = 512;

const nfiles = Math.min(NFILES, Math.floor(openFilesLimit() / 2) - 100);

/** Both ends of each pipe. */
const p: [number, number][] = [];
const c = allocArray(1).fill(89);

function has_poll_update(): boolean {
  const ring = openRing(8);
  const { res } = complete(ring, (sqe) => io_uring_prep_poll_update(sqe, 0, 0, POLLIN, IORING_TIMEOUT_UPDATE));
  expect([-ENOENT, -EINVAL]).toContain(res);
  return res === -ENOENT;
}

beforeEach(() => {
  if (!has_poll_update()) skipCase('no poll update, skip');
  if (nfiles <= BATCH) skip('not enough files available');
  const fd = fdPair();
  for (let i = 0; i < nfiles; i++) {
    expect(pipe(fd, O_NONBLOCK)).toBe(0);
    p[i] = [closing(fd[0]), closing(fd[1])];
  }
});

function arm_poll(ring: io_uring, off: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_poll_multishot(sqe, p[off]?.[0] as number, POLLIN);
  sqe.user_data = off;
}

function submit_arm_poll(ring: io_uring, off: number): void {
  arm_poll(ring, off);
  expect(io_uring_submit(ring)).toBe(1);
}

const UPDATE = 0x12345678;

function reap_polls(ring: io_uring): void {
  const cqe = newCqe();
  for (let i = 0; i < BATCH; i++) {
    const sqe = get_sqe(ring);
    /* update event */
    io_uring_prep_poll_update(sqe, i, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
    sqe.user_data = UPDATE;
  }

  expect(io_uring_submit(ring)).toBe(BATCH);

  for (let i = 0; i < 2 * BATCH; i++) {
    // C waits without a limit
    if (io_uring_wait_cqe_timeout(ring, cqe, timespec(30)) !== 0) expect.fail(`gave up at ${i}`);
    const { res, flags } = cqe.value;
    const off = Number(cqe.value.user_data);
    if (off !== UPDATE) {
      let gone = false;
      if (!(flags & IORING_CQE_F_MORE)) {
        /* need to re-arm poll */
        submit_arm_poll(ring, off);
        /* retry this one */
        gone = res <= 0;
      }
      if (gone) i--;
      else {
        const ret = read(p[off]?.[0] as number, c, 1);
        if (ret !== 1 && ret !== -EAGAIN) expect.fail(`read got ${ret}`);
      }
    }
    io_uring_cqe_seen(ring, cqe.value);
  }
  free(cqe);
}

/** Writes to 500 of the pipes, in a thread. */
const trigger_polls_fn = (fds: readonly number[]): Thread =>
  pthread_create(
    ({ syscall }, { fds, c }) => {
      for (const fd of fds) if (syscall('write', fd, c, 1) !== 1) return 1;
      return 0;
    },
    { fds, c: c.byteOffset },
  );

function trigger_polls(): Thread {
  const chosen = new Set<number>();
  while (chosen.size < BATCH) chosen.add(Math.floor(Math.random() * nfiles));
  return trigger_polls_fn([...chosen].map((off) => p[off]?.[1] as number));
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

it.each([1024, 8192])('run(%i)', (cqe) => {
  const ring = newRing();
  const params = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: cqe });
  expect(patiently(() => io_uring_queue_init_params(RING_SIZE, ring, params))).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  arm_polls(ring);

  for (let i = 0; i < NLOOPS; i++) {
    const thread = trigger_polls();
    reap_polls(ring);
    expect(pthread_join(thread)).toBe(0);
  }
});
