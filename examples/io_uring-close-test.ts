/**
 * Reads the first pages of a file through a registered ring fd, without leaving the original fd open.
 * The port of liburing's examples/io_uring-close-test.c.
 *
 * node build/examples/io_uring-close-test.js file
 */
import { fstatSync } from 'node:fs';
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  io_uring,
  io_uring_close_ring_fd,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_ring_fd,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
} from 'liburing-wasm/c';
import { O_RDONLY } from 'liburing-wasm/linux';
import { close, open, perror, strerror } from './libc.js';

const QD = 4;

function main([program, file]: readonly string[]): number {
  const ring = alloc(io_uring);
  const cqe = allocPointers(io_uring_cqe);

  if (file === undefined) {
    console.log(`${program}: file`);
    return 1;
  }

  let ret = io_uring_queue_init(QD, ring, 0);
  if (ret < 0) {
    console.error(`queue_init: ${strerror(-ret)}`);
    return 1;
  }

  ret = io_uring_register_ring_fd(ring);
  if (ret < 0) {
    console.error(`register_ring_fd: ${strerror(-ret)}`);
    return 1;
  }
  ret = io_uring_close_ring_fd(ring);
  if (ret < 0) {
    console.error(`close_ring_fd: ${strerror(-ret)}`);
    return 1;
  }

  const fd = open(file, O_RDONLY);
  if (fd < 0) {
    perror('open', fd);
    return 1;
  }

  const sb = fstatSync(fd);

  const iovecs = alloc(iovec, QD);
  for (const iov of iovecs) {
    iov.iov_base = allocArray(4096);
    iov.iov_len = 4096;
  }

  let offset = 0;
  let i = 0;
  do {
    const sqe = io_uring_get_sqe(ring);
    if (!sqe) break;
    io_uring_prep_readv(sqe, fd, iovecs.at(i), 1, offset);
    offset += iovecs.at(i).iov_len;
    i++;
  } while (offset <= sb.size);

  ret = io_uring_submit(ring);
  if (ret < 0) {
    console.error(`io_uring_submit: ${strerror(-ret)}`);
    return 1;
  } else if (ret !== i) {
    console.error(`io_uring_submit submitted less ${ret}`);
    return 1;
  }

  let done = 0;
  const pending = ret;
  let fsize = 0;
  for (i = 0; i < pending; i++) {
    ret = io_uring_wait_cqe(ring, cqe);
    if (ret < 0) {
      console.error(`io_uring_wait_cqe: ${strerror(-ret)}`);
      return 1;
    }

    done++;
    const { res } = cqe.value;
    ret = 0;
    if (res !== 4096 && res + fsize !== sb.size) {
      console.error(`ret=${res}, wanted 4096`);
      ret = 1;
    }
    fsize += res;
    io_uring_cqe_seen(ring, cqe.value);
    if (ret) break;
  }

  console.log(`Submitted=${pending}, completed=${done}, bytes=${fsize}`);
  close(fd);
  io_uring_queue_exit(ring);
  return 0;
}

exit(main(argv.slice(1)));
