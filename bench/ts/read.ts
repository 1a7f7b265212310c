/**
 * Random 4 KiB reads of a cached file through a ring.
 * Arguments: milliseconds, the file, reads in a batch.
 */
import { openSync } from 'node:fs';
import {
  alloc,
  allocArray,
  allocPointers,
  check,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_get_data64,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data64,
  io_uring_submit_and_wait,
} from 'liburing-wasm';
import { argument, measure, nextBlock, READ_SIZE, READ_WORDS } from './harness.js';

const fd = openSync(argument(2), 'r');
const depth = Number(argument(3));
const ring = alloc(io_uring);
const pointer = allocPointers(io_uring_cqe);
const words = allocArray(depth * READ_WORDS, Uint32Array);
const buffers = Array.from({ length: depth }, (_, slot) => words.subarray(slot * READ_WORDS, (slot + 1) * READ_WORDS));
const blocks = new Uint32Array(depth);

function submit(): void {
  for (let slot = 0; slot < depth; slot++) {
    const sqe = io_uring_get_sqe(ring);
    if (sqe === null) throw new Error('the SQ ring is full');
    const block = nextBlock();
    blocks[slot] = block;
    io_uring_prep_read(sqe, fd, buffers[slot] ?? null, READ_SIZE, block * READ_SIZE);
    io_uring_sqe_set_data64(sqe, slot);
  }
  if (io_uring_submit_and_wait(ring, depth) !== depth) throw new Error('io_uring_submit_and_wait');
}

function readBlocks(operations: number): void {
  for (let done = 0; done < operations; done += depth) {
    submit();
    for (let i = 0; i < depth; i++) {
      if (io_uring_peek_cqe(ring, pointer) !== 0) throw new Error('io_uring_peek_cqe');
      const cqe = pointer.value;
      const slot = Number(io_uring_cqe_get_data64(cqe));
      if (cqe.res !== READ_SIZE || words[slot * READ_WORDS] !== blocks[slot]) {
        throw new Error('a wrong block was read');
      }
      io_uring_cqe_seen(ring, cqe);
    }
  }
}

check(io_uring_queue_init(128, ring, 0), 'io_uring_queue_init');
await measure(readBlocks);
io_uring_queue_exit(ring);
