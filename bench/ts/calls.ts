/**
 * Single calls, without the kernel.
 * Arguments: milliseconds, which.
 */
import { Buffer } from 'node:buffer';
import {
  alloc,
  allocArray,
  allocPointers,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_prep_shutdown,
  io_uring_prep_splice,
  io_uring_sqe,
  io_uring_sqe_set_data64,
  io_uring_submit_and_wait,
} from 'liburing-wasm/c';
import { openRing } from './batches.js';
import { argument, type Loop, measure, READ_SIZE, variant } from './harness.js';

const ENTRIES = 4096;
const ring = openRing(ENTRIES);
const { sq } = ring;
const sqe = alloc(io_uring_sqe);
const pointer = allocPointers(io_uring_cqe);

// one completion, to peek at
const nop = io_uring_get_sqe(ring);
if (nop !== null) io_uring_prep_nop(nop);
if (io_uring_submit_and_wait(ring, 1) !== 1 || io_uring_peek_cqe(ring, pointer) !== 0) {
  throw new Error('io_uring_submit_and_wait');
}
const cqe = pointer.value;

function prepRead(buffer: Uint8Array | number): Loop {
  return (operations) => {
    for (let i = 0; i < operations; i++) io_uring_prep_read(sqe, 3, buffer, READ_SIZE, i);
  };
}

const calls: Record<string, () => Loop> = {
  'prep-1': () => (operations) => {
    for (let i = 0; i < operations; i++) io_uring_prep_nop(sqe);
  },
  'prep-3': () => (operations) => {
    for (let i = 0; i < operations; i++) io_uring_prep_shutdown(sqe, 3, i);
  },
  'prep-5-window': () => prepRead(allocArray(READ_SIZE)),
  'prep-5-address': () => prepRead(allocArray(READ_SIZE).byteOffset),
  'prep-5-buffer': () => prepRead(Buffer.alloc(READ_SIZE)),
  'prep-7': () => (operations) => {
    for (let i = 0; i < operations; i++) io_uring_prep_splice(sqe, 3, i, 4, i, READ_SIZE, 0);
  },
  'set_data-number': () => (operations) => {
    for (let i = 0; i < operations; i++) io_uring_sqe_set_data64(sqe, i);
  },
  'set_data-bigint': () => {
    const bigs = Array.from({ length: 64 }, (_, i) => BigInt(i) << 32n);
    return (operations) => {
      for (let i = 0; i < operations; i++) io_uring_sqe_set_data64(sqe, bigs[i % 64] ?? 0n);
    };
  },
  // endless SQEs: the kernel never sees them
  get_sqe: () => (operations) => {
    for (let i = 0; i < operations; i++) {
      if (i % ENTRIES === 0) sq.sqe_tail = sq.sqe_head;
      io_uring_get_sqe(ring);
    }
  },
  peek: () => (operations) => {
    for (let i = 0; i < operations; i++) io_uring_peek_cqe(ring, pointer);
  },
  seen: () => (operations) => {
    for (let i = 0; i < operations; i++) io_uring_cqe_seen(ring, cqe);
  },
};

await measure(variant(calls, argument(2))());
