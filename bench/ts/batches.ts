/**
 * Rings, and requests in batches: all are prepared, submitted with one call that waits for all, and checked.
 * bench/c/batches.h does the same.
 */
import { Ring } from 'liburing-wasm';
import {
  alloc,
  allocPointers,
  check,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  io_uring,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_queue_init,
  type io_uring_sqe,
  io_uring_submit_and_wait,
} from 'liburing-wasm/c';
import { variant } from './harness.js';

/** The setup of a ring, for the C interface and for {@link Ring}. */
const setups = {
  default: { flags: 0, options: { submitAll: false, coopTaskrun: false } },
  // the defaults of Ring
  coop: { flags: IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, options: {} },
  defer: {
    flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    options: { singleIssuer: true, deferTaskrun: true },
  },
  sqpoll: { flags: IORING_SETUP_SQPOLL, options: { sqpoll: true } },
};

/** A ring of the C interface. */
export function openRing(entries: number, setup = 'coop'): io_uring {
  const ring = alloc(io_uring);
  check(io_uring_queue_init(entries, ring, variant(setups, setup).flags), 'io_uring_queue_init');
  return ring;
}

/** A ring whose requests are awaited. */
export function openAwaited(entries: number, setup = 'coop'): Ring {
  return new Ring({ entries, ...variant(setups, setup).options });
}

export interface Batch {
  /** The number of SQEs. */
  readonly size: number;
  prepare(sqe: io_uring_sqe, index: number): void;
  /** Checks a completion. */
  check(cqe: io_uring_cqe): void;
}

function submit(ring: io_uring, { size, prepare }: Batch): void {
  for (let i = 0; i < size; i++) {
    const sqe = io_uring_get_sqe(ring);
    if (sqe === null) throw new Error('the SQ ring is full');
    prepare(sqe, i);
  }
  // where a thread takes SQEs, the number of new ones is unknown
  if (io_uring_submit_and_wait(ring, size) < 0) throw new Error('io_uring_submit_and_wait');
}

/** Runs a batch, and takes its completions one by one. */
export function peeking(ring: io_uring, batch: Batch): () => void {
  const pointer = allocPointers(io_uring_cqe);
  return () => {
    submit(ring, batch);
    for (let i = 0; i < batch.size; i++) {
      if (io_uring_peek_cqe(ring, pointer) !== 0) throw new Error('io_uring_peek_cqe');
      const cqe = pointer.value;
      batch.check(cqe);
      io_uring_cqe_seen(ring, cqe);
    }
  };
}

/** Runs a batch, and takes its completions all at once. */
export function forEach(ring: io_uring, batch: Batch): () => void {
  return () => {
    submit(ring, batch);
    let seen = 0;
    for (const cqe of io_uring_for_each_cqe(ring)) {
      batch.check(cqe);
      seen++;
    }
    if (seen !== batch.size) throw new Error('io_uring_for_each_cqe');
    io_uring_cq_advance(ring, seen);
  };
}
