/**
 * One call of io_uring_prep_read(), without a ring.
 * Arguments: milliseconds, window, address or buffer, for what stands for C's pointer.
 */
import { Buffer } from 'node:buffer';
import { alloc, allocArray, io_uring_prep_read, io_uring_sqe } from 'liburing-wasm';
import { argument, measure, READ_SIZE, variant } from './harness.js';

const sqe = alloc(io_uring_sqe);
const inWindow = allocArray(READ_SIZE);
const buffer = variant(
  { window: inWindow, address: inWindow.byteOffset, buffer: Buffer.alloc(READ_SIZE) },
  argument(2),
);

await measure((operations) => {
  for (let i = 0; i < operations; i++) io_uring_prep_read(sqe, 3, buffer, READ_SIZE, i);
});
