/**
 * Counts how many polls of a pipe a ring completes in a second. The port of liburing's examples/poll-bench.c.
 *
 * node build/examples/poll-bench.js [milliseconds]
 */
import { readSync, writeSync } from 'node:fs';
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_FIXED_FILE,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_prep_poll_add,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_register_ring_fd,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_wait_cqe,
} from 'liburing-wasm/c';
import { EINVAL, POLLIN } from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { atoi, perror, pipe } from './libc.js';

const buf = Buffer.alloc(4096);
const gettimeofday_ms = Date.now;

/** C takes no arguments. The time is for tests, which run for less. */
function main([, runtime]: readonly string[]): number {
  const runtime_ms = atoi(runtime) || 10000;
  let nr_reqs = 0;
  const cqe = allocPointers(io_uring_cqe);
  const ring = alloc(io_uring);
  const pipe1 = allocArray(2, Int32Array);
  const qd = 32;

  let ret = pipe(pipe1);
  if (ret !== 0) {
    perror('pipe', ret);
    return 1;
  }
  const [readEnd = -1, writeEnd = -1] = pipe1;

  ret = io_uring_queue_init(1024, ring, IORING_SETUP_SINGLE_ISSUER);
  if (ret === -EINVAL) {
    console.error("can't single");
    ret = io_uring_queue_init(1024, ring, 0);
  }
  if (ret) {
    console.error(`child: ring setup failed: ${ret}`);
    return 1;
  }

  ret = io_uring_register_files(ring, pipe1, 2);
  if (ret < 0) {
    console.error('io_uring_register_files failed');
    return 1;
  }

  ret = io_uring_register_ring_fd(ring);
  if (ret < 0) {
    console.error('io_uring_register_ring_fd failed');
    return 1;
  }

  const tstop = gettimeofday_ms() + runtime_ms;
  do {
    for (let i = 0; i < qd; i++) {
      const sqe = must_get_sqe(ring);
      io_uring_prep_poll_add(sqe, 0, POLLIN);
      sqe.flags |= IOSQE_FIXED_FILE;
      io_uring_sqe_set_data(sqe, 1);
    }

    ret = io_uring_submit(ring);
    if (ret !== qd) {
      console.error(`child: sqe submit failed: ${ret}`);
      return 1;
    }

    ret = writeSync(writeEnd, buf, 0, 1);
    if (ret !== 1) {
      console.error(`write failed ${ret}`);
      return 1;
    }
    ret = readSync(readEnd, buf, 0, 1, null);
    if (ret !== 1) {
      console.error(`read failed ${ret}`);
      return 1;
    }

    for (let i = 0; i < qd; i++) {
      ret = io_uring_wait_cqe(ring, cqe);
      if (ret < 0) {
        console.error(`child: wait completion ${ret}`);
        break;
      }
      io_uring_cqe_seen(ring, cqe.value);
      nr_reqs++;
    }
  } while (gettimeofday_ms() < tstop);

  console.error(`requests/s: ${Math.floor((nr_reqs * 1000) / runtime_ms)}`);
  return 0;
}

exit(main(argv.slice(1)));
