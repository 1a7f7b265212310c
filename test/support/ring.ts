/** Rings for tests, and what every test of one needs. */
import { onTestFinished } from 'vitest';
import {
  alloc,
  allocPointers,
  check,
  free,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_params,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_sqring_wait,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
  type io_uring as Ring,
} from '../../src/c.js';

/** Sets a ring up, with parameters like C's `p.field = value`. Returns C's result. */
export function initRing(ring: Ring, entries: number, settings: Partial<Record<ParamName, number>> = {}): number {
  const params = alloc(io_uring_params);
  for (const [name, value] of Object.entries(settings)) params[name as ParamName] = value;
  const result = io_uring_queue_init_params(entries, ring, params);
  free(params);
  return result;
}

type ParamName = 'flags' | 'cq_entries' | 'sq_thread_cpu' | 'sq_thread_idle' | 'wq_fd';

const ENOMEM = 12;

/**
 * Sets a ring up, and retries for a while if memory is short. An ordinary user's limit of locked memory counts a ring
 * until the kernel has freed it, some time after its close.
 */
export function patiently(setUp: () => number): number {
  const deadline = Date.now() + 10_000;
  let result = setUp();
  while (result === -ENOMEM && Date.now() < deadline) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    result = setUp();
  }
  return result;
}

/** A ring that is closed when the test is over. */
export function openRing(entries: number, settings: Partial<Record<ParamName, number>> = {}): Ring {
  const ring = alloc(io_uring);
  check(
    patiently(() => initRing(ring, entries, settings)),
    'io_uring_queue_init',
  );
  onTestFinished(() => closeRing(ring));
  return ring;
}

export function closeRing(ring: Ring): void {
  io_uring_queue_exit(ring);
  free(ring);
}

/** Fills the SQ with NOPs, submits them, and returns the user_data of the completions in order. */
export function runNops(ring: Ring, count: number): number[] {
  const cqe = allocPointers(io_uring_cqe);
  for (let i = 0; i < count; i++) {
    let sqe = io_uring_get_sqe(ring);
    if (!sqe) {
      // an SQPOLL thread completes requests before it frees their SQEs
      check(io_uring_sqring_wait(ring), 'io_uring_sqring_wait');
      sqe = io_uring_get_sqe(ring);
    }
    if (!sqe) throw new Error(`no SQE for request ${i} of ${count}`);
    io_uring_prep_nop(sqe);
    sqe.user_data = i;
  }
  const submitted = check(io_uring_submit_and_wait(ring, count), 'io_uring_submit_and_wait');
  if (submitted !== count) throw new Error(`${submitted} of ${count} submitted`);
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
    check(cqe.value.res, 'nop');
    seen.push(Number(cqe.value.user_data));
    io_uring_cqe_seen(ring, cqe.value);
  }
  free(cqe);
  return seen;
}

/** 0, 1, …, n - 1 */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
