/**
 * Simple app that demonstrates how to set up an io_uring interface, submit and complete IO against
 * it, and then tear it down. The port of liburing's examples/io_uring-test.c, line by line.
 *
 * node build/examples/io_uring-test.js FILE
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  alloc,
  allocArray,
  allocPointers,
  check,
  free,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
} from 'liburing-wasm/c';

const QD = 4;

/** Reads the first QD pages of a file, and returns their content. */
export function ioUringTest(path: string): Buffer {
  const ring = alloc(io_uring);
  const cqe = allocPointers(io_uring_cqe);

  check(io_uring_queue_init(QD, ring, 0), 'io_uring_queue_init');

  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
  const sb = fstatSync(fd);

  const iovecs = alloc(iovec, QD);
  const bufs = Array.from(iovecs, (iov) => {
    const buf = allocArray(4096);
    iov.iov_base = buf;
    iov.iov_len = 4096;
    return buf;
  });

  let offset = 0;
  let i = 0;
  do {
    const sqe = io_uring_get_sqe(ring);
    if (!sqe) break;
    io_uring_prep_readv(sqe, fd, iovecs.at(i), 1, offset);
    offset += iovecs.at(i).iov_len;
    i++;
  } while (offset < sb.size);

  const pending = check(io_uring_submit(ring), 'io_uring_submit');
  if (pending !== i) throw new Error(`io_uring_submit submitted less: ${pending}`);

  let done = 0;
  let fsize = 0;
  for (i = 0; i < pending; i++) {
    check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
    done++;
    fsize += check(cqe.value.res, 'read');
    io_uring_cqe_seen(ring, cqe.value);
  }
  // not in the loop, unlike in C: completions may come in another order than the requests
  if (fsize !== Math.min(sb.size, offset)) throw new Error(`read ${fsize} bytes of ${sb.size}`);

  console.log(`Submitted=${pending}, completed=${done}, bytes=${fsize}`);
  closeSync(fd);
  io_uring_queue_exit(ring);

  const contents = Buffer.concat(bufs).subarray(0, fsize);
  for (const block of [...bufs, iovecs, cqe, ring]) free(block);
  return contents;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, program, file] = argv;
  if (file === undefined) {
    console.log(`${program}: file`);
    exit(1);
  }
  ioUringTest(file);
}
