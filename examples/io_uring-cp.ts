/**
 * Copies a file with 64 requests of 32 KiB in flight. The port of liburing's examples/io_uring-cp.c.
 *
 * node build/examples/io_uring-cp.js infile outfile
 */
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_prep_readv,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_wait_cqe,
  iovec,
} from 'liburing-wasm/c';
import { EAGAIN, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from 'liburing-wasm/linux';
import { close, get_file_size, open, perror, strerror } from './libc.js';

const QD = 64;
const BS = 32 * 1024;

let infd: number;
let outfd: number;

/** C allocates one for each block; here they are reused. The index is the request's user data. */
class io_data {
  read = false;
  first_offset = 0;
  offset = 0;
  first_len = 0;
  /** What is left to read or write. iov_base and iov_len are kept here, too, as they are quicker to read. */
  base = 0;
  len = 0;
  readonly iov = alloc(iovec);
  readonly buf = allocArray(BS);
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }

  set_iov(base: number, len: number): void {
    this.iov.iov_base = this.base = base;
    this.iov.iov_len = this.len = len;
  }
}

const all = Array.from({ length: QD }, (_, index) => new io_data(index));
const unused = [...all];

function setup_context(entries: number, ring: io_uring): number {
  const ret = io_uring_queue_init(entries, ring, 0);
  if (ret < 0) {
    console.error(`queue_init: ${strerror(-ret)}`);
    return -1;
  }

  return 0;
}

function queue_prepped(ring: io_uring, data: io_data): void {
  const sqe = io_uring_get_sqe(ring);
  if (!sqe) throw new Error('assert(sqe)');

  if (data.read) io_uring_prep_readv(sqe, infd, data.iov, 1, data.offset);
  else io_uring_prep_writev(sqe, outfd, data.iov, 1, data.offset);

  io_uring_sqe_set_data(sqe, data.index);
}

function queue_read(ring: io_uring, size: number, offset: number): boolean {
  const data = unused.pop();
  if (!data) return false;

  const sqe = io_uring_get_sqe(ring);
  if (!sqe) {
    unused.push(data);
    return false;
  }

  data.read = true;
  data.offset = data.first_offset = offset;

  data.set_iov(data.buf.byteOffset, size);
  data.first_len = size;

  io_uring_prep_readv(sqe, infd, data.iov, 1, offset);
  io_uring_sqe_set_data(sqe, data.index);
  return true;
}

function queue_write(ring: io_uring, data: io_data): void {
  data.read = false;
  data.offset = data.first_offset;

  data.set_iov(data.buf.byteOffset, data.first_len);

  queue_prepped(ring, data);
  io_uring_submit(ring);
}

function copy_file(ring: io_uring, insize: number): number {
  const cqe_ptr = allocPointers(io_uring_cqe);
  let ret: number;

  let write_left = insize;
  let writes = 0;
  let reads = 0;
  let offset = 0;

  while (insize || write_left) {
    /*
     * Queue up as many reads as we can
     */
    const had_reads = reads;
    while (insize) {
      let this_size = insize;

      if (reads + writes >= QD) break;
      if (this_size > BS) this_size = BS;

      if (!queue_read(ring, this_size, offset)) break;

      insize -= this_size;
      offset += this_size;
      reads++;
    }

    if (had_reads !== reads) {
      ret = io_uring_submit(ring);
      if (ret < 0) {
        console.error(`io_uring_submit: ${strerror(-ret)}`);
        break;
      }
    }

    /*
     * Queue is full at this point. Find at least one completion.
     */
    let got_comp = false;
    while (write_left) {
      if (!got_comp) {
        ret = io_uring_wait_cqe(ring, cqe_ptr);
        got_comp = true;
      } else {
        ret = io_uring_peek_cqe(ring, cqe_ptr);
        if (ret === -EAGAIN) break;
      }
      if (ret < 0) {
        console.error(`io_uring_peek_cqe: ${strerror(-ret)}`);
        return 1;
      }

      const cqe = cqe_ptr.value;
      const { res } = cqe;
      const data = all[io_uring_cqe_get_data(cqe)] as io_data;
      if (res < 0) {
        if (res === -EAGAIN) {
          queue_prepped(ring, data);
          io_uring_submit(ring);
          io_uring_cqe_seen(ring, cqe);
          continue;
        }
        console.error(`cqe failed: ${strerror(-res)}`);
        return 1;
      } else if (res !== data.len) {
        /* Short read/write, adjust and requeue */
        data.set_iov(data.base + res, data.len - res);
        data.offset += res;
        queue_prepped(ring, data);
        io_uring_submit(ring);
        io_uring_cqe_seen(ring, cqe);
        continue;
      }

      /*
       * All done. if write, nothing else to do. if read,
       * queue up corresponding write.
       */
      if (data.read) {
        queue_write(ring, data);
        write_left -= data.first_len;
        reads--;
        writes++;
      } else {
        unused.push(data);
        writes--;
      }
      io_uring_cqe_seen(ring, cqe);
    }
  }

  /* wait out pending writes */
  while (writes) {
    ret = io_uring_wait_cqe(ring, cqe_ptr);
    if (ret) {
      console.error(`wait_cqe=${ret}`);
      return 1;
    }
    const cqe = cqe_ptr.value;
    if (cqe.res < 0) {
      console.error(`write res=${cqe.res}`);
      return 1;
    }
    unused.push(all[io_uring_cqe_get_data(cqe)] as io_data);
    writes--;
    io_uring_cqe_seen(ring, cqe);
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
