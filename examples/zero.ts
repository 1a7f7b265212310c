/**
 * IORING_OP_ZERO from TypeScript: zeroes the first five bytes of a file, if the kernel knows how.
 *
 * node build/examples/zero.js FILE
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  alloc,
  allocPointers,
  check,
  free,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_zero,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from 'liburing-wasm/c';

/** Zeroes `len` bytes at `offset` and returns the CQE's result: 0, or a negative error number. */
export function zero(path: string, offset: number, len: number): number {
  const ring = alloc(io_uring);
  const cqe = allocPointers(io_uring_cqe);
  check(io_uring_queue_init(1, ring, 0), 'io_uring_queue_init');
  const fd = openSync(path, 'r+');
  try {
    const sqe = io_uring_get_sqe(ring);
    if (!sqe) throw new Error('the SQ ring is full');
    io_uring_prep_zero(sqe, fd, offset, len);
    check(io_uring_submit(ring), 'io_uring_submit');
    check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
    const { res } = cqe.value;
    io_uring_cqe_seen(ring, cqe.value);
    return res;
  } finally {
    closeSync(fd);
    io_uring_queue_exit(ring);
    free(cqe);
    free(ring);
  }
}

/** Runs the story of `file_with_stuff`, and says what came of it. */
export function zeroTheStart(path: string): number {
  const show = (): string => readFileSync(path).toString('hex').replace(/../g, '$& ');
  console.log(`before: ${show()}`);
  const res = zero(path, 0, 5);
  if (res === -22) {
    console.log('EINVAL: this kernel does not know IORING_OP_ZERO, and the file is as it was.');
  } else if (res < 0) {
    console.log(`error ${res}: the file system cannot zero a range.`);
  }
  console.log(`after:  ${show()}`);
  return res;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, program, file] = argv;
  if (file === undefined) {
    console.log(`${program}: file`);
    exit(1);
  }
  exit(zeroTheStart(file) < 0 ? 1 : 0);
}
