/** Rings, as test/helpers.c sets them up, and the calls whose results C does not check. */
import { expect } from 'vitest';
import {
  alloc,
  allocPointers,
  free,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_params,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_queue_init_params,
  io_uring_queue_mmap,
  io_uring_setup,
  io_uring_smp_load_acquire,
  io_uring_smp_store_release,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_wait_cqe,
  io_uring_wait_cqe_timeout,
  memory,
  type Pointers,
} from '../../../src/c.js';
import { EINTR, EINVAL, EPERM } from '../../../src/linux.js';
import { patiently } from '../../support/ring.js';
import { atEnd } from './clean.js';
import { syscall } from './syscall.js';
import { timespec } from './time.js';

export const T_SETUP_OK = 0;
export const T_SETUP_SKIP = 1;

/** `struct io_uring ring;` */
export const newRing = (): io_uring => alloc(io_uring);

/** `struct io_uring_cqe *cqe;` */
export const newCqe = (): Pointers<io_uring_cqe> => allocPointers(io_uring_cqe);

/** `struct io_uring_params p = { .field = value };` */
export function newParams(fields: Partial<Record<ParamName, number>> = {}): io_uring_params {
  const p = alloc(io_uring_params);
  for (const [name, value] of Object.entries(fields)) p[name as ParamName] = value;
  return p;
}

type ParamName = 'flags' | 'sq_entries' | 'cq_entries' | 'sq_thread_cpu' | 'sq_thread_idle' | 'wq_fd';

export function t_create_ring_params(depth: number, ring: io_uring, p: io_uring_params): number {
  const ret = patiently(() => io_uring_queue_init_params(depth, ring, p));
  if (!ret) return T_SETUP_OK;
  if (p.flags & IORING_SETUP_SQPOLL && ret === -EPERM && process.geteuid?.()) return T_SETUP_SKIP;
  if (ret === -EINVAL) return T_SETUP_SKIP;
  return ret;
}

export const t_create_ring = (depth: number, ring: io_uring, flags: number): number =>
  t_create_ring_params(depth, ring, newParams({ flags }));

export function t_probe_defer_taskrun(): boolean {
  const ring = newRing();
  const ret = io_uring_queue_init(1, ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  if (ret < 0) return false;
  io_uring_queue_exit(ring);
  return true;
}

/** io_uring_get_sqe(3), of a ring that has one. */
export function get_sqe(ring: io_uring): io_uring_sqe {
  const sqe = io_uring_get_sqe(ring);
  if (!sqe) throw new Error('get sqe failed');
  return sqe;
}

/** The completion that a wait or a peek has found. */
export function waited(ring: io_uring, cqe: Pointers<io_uring_cqe>): io_uring_cqe {
  expect(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe').toBe(0);
  return cqe.value;
}

export function t_submit_and_wait_single(ring: io_uring, cqe: Pointers<io_uring_cqe>): number {
  const ret = io_uring_submit(ring);
  if (ret <= 0) return -1;
  return Math.min(io_uring_wait_cqe(ring, cqe), 0);
}

/** __io_uring_flush_sq: shows the kernel the SQEs that are prepared, and says how many it has not taken. */
export function __io_uring_flush_sq(ring: io_uring): number {
  const { sq } = ring;
  const tail = sq.sqe_tail;
  if (sq.sqe_head !== tail) {
    sq.sqe_head = tail;
    io_uring_smp_store_release(sq.ktail, tail);
  }
  return tail - io_uring_smp_load_acquire(sq.khead);
}

/**
 * t_io_uring_init_sqarray: a ring whose SQ has an array of indices, which io_uring_queue_init(3) does
 * without. C calls an internal function of the library; the public ones that it is made of do as well.
 */
export function t_io_uring_init_sqarray(entries: number, ring: io_uring, p: io_uring_params): number {
  const fd = patiently(() => io_uring_setup(entries, p));
  if (fd < 0) return fd;
  const ret = io_uring_queue_mmap(fd, p, ring);
  if (ret < 0) syscall('close', fd);
  else for (let i = 0; i < p.sq_entries; i++) memory.view.setUint32(ring.sq.array + 4 * i, i, true);
  return ret;
}

/** The completion of a request. */
export interface Completion {
  res: number;
  flags: number;
  user_data: bigint;
}

/** The next completion, given back to the ring. C waits without a limit; the test that it does not come in fails. */
export function next(ring: io_uring): Completion {
  const cqe = newCqe();
  // on a ring of IOPOLL the kernel waits for no time, and comes back with nothing: a limit would be over at once
  const ts = ring.flags & IORING_SETUP_IOPOLL ? null : timespec(40);
  let ret: number;
  // Node catches SIGCHLD, and a child's can come before what the child's end completes
  do ret = ts ? io_uring_wait_cqe_timeout(ring, cqe, ts) : io_uring_wait_cqe(ring, cqe);
  while (ret === -EINTR);
  expect(ret, 'waiting for a completion').toBe(0);
  if (ts) free(ts);
  const { res, flags, user_data } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);
  free(cqe);
  return { res, flags, user_data };
}

/** Prepares one request, submits it and waits for its completion. */
export function complete(ring: io_uring, prep: (sqe: io_uring_sqe) => void): Completion {
  prep(get_sqe(ring));
  expect(io_uring_submit(ring), 'io_uring_submit').toBe(1);
  return next(ring);
}

/** A ring that is gone when the test is over. */
export function openRing(entries = 8, flags = 0): io_uring {
  const ring = newRing();
  expect(t_create_ring(entries, ring, flags)).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));
  return ring;
}
