/**
 * NOPs, which cost what a request costs when it does nothing.
 * Arguments: milliseconds, peek or for_each, NOPs in a batch.
 */
import {
  alloc,
  allocPointers,
  check,
  io_uring,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
} from 'liburing-wasm';
import { argument, measure, variant } from './harness.js';

const batch = Number(argument(3));
const ring = alloc(io_uring);
const pointer = allocPointers(io_uring_cqe);

function submit(): void {
  for (let i = 0; i < batch; i++) {
    const sqe = io_uring_get_sqe(ring);
    if (sqe === null) throw new Error('the SQ ring is full');
    io_uring_prep_nop(sqe);
  }
  if (io_uring_submit_and_wait(ring, batch) !== batch) throw new Error('io_uring_submit_and_wait');
}

function peek(operations: number): void {
  for (let done = 0; done < operations; done += batch) {
    submit();
    for (let i = 0; i < batch; i++) {
      if (io_uring_peek_cqe(ring, pointer) !== 0) throw new Error('io_uring_peek_cqe');
      const cqe = pointer.value;
      if (cqe.res !== 0) throw new Error('NOP');
      io_uring_cqe_seen(ring, cqe);
    }
  }
}

function forEach(operations: number): void {
  for (let done = 0; done < operations; done += batch) {
    submit();
    let seen = 0;
    for (const cqe of io_uring_for_each_cqe(ring)) {
      if (cqe.res !== 0) throw new Error('NOP');
      seen++;
    }
    if (seen !== batch) throw new Error('io_uring_for_each_cqe');
    io_uring_cq_advance(ring, seen);
  }
}

check(io_uring_queue_init(64, ring, 0), 'io_uring_queue_init');
await measure(variant({ peek, for_each: forEach }, argument(2)));
io_uring_queue_exit(ring);
