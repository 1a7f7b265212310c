/**
 * Copies a file with linked SQEs, a write behind each read. The port of liburing's examples/link-cp.c,
 * "very basic proof-of-concept": it needs "a bit of error handling and short read love".
 *
 * node build/examples/link-cp.js infile outfile
 */
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  IOSQE_IO_LINK,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_prep_readv,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
} from 'liburing-wasm/c';
import { ECANCELED, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { close, get_file_size, open, perror, strerror } from './libc.js';

const QD = 64;
const BS = 32 * 1024;

/** C allocates one for each pair; here they are reused. The number is the requests' user data. */
class io_data {
  offset = 0;
  index = 0;
  len = 0;
  readonly iov = alloc(iovec);
  readonly buf = allocArray(BS);
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

const all: io_data[] = [];
const unused: io_data[] = [];

let infd: number;
let outfd: number;
let inflight = 0;

/** C's malloc. */
function new_data(): io_data {
  const data = unused.pop() ?? new io_data(all.length);
  all[data.number] = data;
  return data;
}

function setup_context(entries: number, ring: io_uring): number {
  const ret = io_uring_queue_init(entries, ring, 0);
  if (ret < 0) {
    console.error(`queue_init: ${strerror(-ret)}`);
    return -1;
  }

  return 0;
}

function queue_rw_pair(ring: io_uring, size: number, offset: number): void {
  const data = new_data();
  data.index = 0;
  data.offset = offset;
  data.len = size;
  data.iov.iov_base = data.buf;
  data.iov.iov_len = size;

  const read = must_get_sqe(ring);
  const write = must_get_sqe(ring);
  io_uring_prep_readv(read, infd, data.iov, 1, offset);
  read.flags |= IOSQE_IO_LINK;
  io_uring_sqe_set_data(read, data.number);

  io_uring_prep_writev(write, outfd, data.iov, 1, offset);
  io_uring_sqe_set_data(write, data.number);
}

function handle_cqe(ring: io_uring, cqe: io_uring_cqe): boolean {
  const data = all[io_uring_cqe_get_data(cqe)] as io_data;
  let failed = false;

  data.index++;

  const { res } = cqe;
  if (res < 0) {
    if (res === -ECANCELED) {
      queue_rw_pair(ring, data.len, data.offset);
      inflight += 2;
    } else {
      console.log(`cqe error: ${strerror(-res)}`);
      failed = true;
    }
  }

  if (data.index === 2) unused.push(data);
  io_uring_cqe_seen(ring, cqe);
  return failed;
}

function copy_file(ring: io_uring, insize: number): number {
  const cqe = allocPointers(io_uring_cqe);
  let offset = 0;

  while (insize) {
    const has_inflight = inflight;

    while (insize && inflight < QD) {
      let this_size = BS;
      if (this_size > insize) this_size = insize;
      queue_rw_pair(ring, this_size, offset);
      offset += this_size;
      insize -= this_size;
      inflight += 2;
    }

    if (has_inflight !== inflight) io_uring_submit(ring);

    const depth = insize ? QD : 1;
    while (inflight >= depth) {
      const ret = io_uring_wait_cqe(ring, cqe);
      if (ret < 0) {
        console.log(`wait cqe: ${strerror(-ret)}`);
        return 1;
      }
      if (handle_cqe(ring, cqe.value)) return 1;
      inflight--;
    }
  }

  return 0;
}

function main([program, infile, outfile]: readonly string[]): number {
  const ring = alloc(io_uring);

  if (infile === undefined || outfile === undefined) {
    console.log(`${program}: infile outfile`);
    return 1;
  }

  infd = open(infile, O_RDONLY);
  if (infd < 0) {
    perror('open infile', infd);
    return 1;
  }
  outfd = open(outfile, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
  if (outfd < 0) {
    perror('open outfile', outfd);
    return 1;
  }

  if (setup_context(QD, ring)) return 1;
  const insize = get_file_size(infd);
  if (insize < 0) return 1;

  const ret = copy_file(ring, insize);

  close(infd);
  close(outfd);
  io_uring_queue_exit(ring);
  return ret;
}

exit(main(argv.slice(1)));
