/**
 * How many updates of registered files a ring does in a second. The port of liburing's
 * examples/rsrc-update-bench.c.
 *
 * node build/examples/rsrc-update-bench.js [milliseconds]
 */
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_prep_files_update,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files_sparse,
  io_uring_register_files_update,
  io_uring_register_ring_fd,
  io_uring_submit,
  io_uring_wait_cqe,
} from 'liburing-wasm/c';
import { must_get_sqe } from './helpers.js';
import { atoi, close, perror, pipe } from './libc.js';

const gettimeofday_ms = Date.now;

/** C has no arguments: the time is for tests, which have less of it. */
function main([, runtime]: readonly string[]): number {
  const runtime_ms = atoi(runtime) || 10000;
  let nr_reqs = 0;
  const cqe = allocPointers(io_uring_cqe);
  const ring = alloc(io_uring);
  const pipe1 = allocArray(2, Int32Array);
  const qd = 32;
  const table_size = 128;

  let ret = pipe(pipe1);
  if (ret !== 0) {
    perror('pipe', ret);
    return 1;
  }

  ret = io_uring_queue_init(1024, ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  if (ret) {
    console.error(`io_uring_queue_init failed: ${ret}`);
    return 1;
  }
  ret = io_uring_register_ring_fd(ring);
  if (ret < 0) {
    console.error('io_uring_register_ring_fd failed');
    return 1;
  }
  ret = io_uring_register_files_sparse(ring, table_size);
  if (ret < 0) {
    console.error('io_uring_register_files_sparse failed');
    return 1;
  }

  for (let i = 0; i < table_size; i++) {
    ret = io_uring_register_files_update(ring, i, pipe1, 1);
    if (ret < 0) {
      console.error('io_uring_register_files_update failed');
      return 1;
    }
  }

  const tstop = gettimeofday_ms() + runtime_ms;
  do {
    const off = Math.floor(Math.random() * 0x7fffffff);

    for (let i = 0; i < qd; i++) {
      const sqe = must_get_sqe(ring);
      const roff = (off + i) % table_size;
      io_uring_prep_files_update(sqe, pipe1, 1, roff);
    }

    ret = io_uring_submit(ring);
    if (ret !== qd) {
      console.error(`child: sqe submit failed: ${ret}`);
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

  console.error(`max updates/s: ${Math.floor((nr_reqs * 1000) / runtime_ms)}`);

  io_uring_queue_exit(ring);
  for (const fd of pipe1) close(fd);
  return 0;
}

exit(main(argv.slice(1)));
