/**
 * Digests a file with the kernel's AF_ALG sockets. The port of liburing's examples/kdigest.c.
 *
 * node build/examples/kdigest.js algorithm infile
 */
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_BUFFER_SELECT,
  IOSQE_IO_LINK,
  io_uring,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_free_buf_ring,
  io_uring_params,
  io_uring_peek_cqe,
  io_uring_prep_read,
  io_uring_prep_recv,
  io_uring_prep_send,
  io_uring_prep_send_bundle,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_setup_buf_ring,
  type io_uring_sqe,
  io_uring_sqe_set_data,
  io_uring_submit_and_wait,
  sockaddr_alg,
} from 'liburing-wasm/c';
import { AF_ALG, EAFNOSUPPORT, ENOENT, MSG_MORE, O_RDONLY, SOCK_SEQPACKET } from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { accept, bind, close, get_file_size, open, perror, socket, strerror } from './libc.js';

const QD = 64;
const WAIT_BATCH = QD / 8;
const BS = 64 * 1024;

const BGID = 1;
const BID_MASK = QD - 1;

const IO_INIT = 0;
const IO_READ = 1;
const IO_READ_COMPLETE = 2;
const IO_WRITE = 3;
const IO_WRITE_COMPLETE = 4;

interface req {
  /** Its index in `reqs`, which is its user data. */
  readonly index: number;
  offset: number;
  state: number;
  /** C's iov; no system call gets it. */
  iov_base: number;
  iov_len: number;
}

class kdigest {
  readonly ring = alloc(io_uring);
  br: io_uring_buf_ring | null = null;
  readonly reqs = Array.from(
    { length: QD },
    (_, index): req => ({
      index,
      offset: 0,
      state: IO_INIT,
      iov_base: 0,
      iov_len: 0,
    }),
  );
  /* aligned QD*BS buffer */
  readonly bufs = allocArray(QD * BS);
  /* values that C passes by address */
  write_idx = 0;
  inflight = 0;
  outsize = 0;

  req(index: number): req {
    return this.reqs[index] as req;
  }
}

let infd: number;
let outfd: number;

function reap_completions(kdigest: kdigest): number {
  let ret = 0;
  let nr = 0;

  for (const cqe of io_uring_for_each_cqe(kdigest.ring)) {
    const req = kdigest.req(io_uring_cqe_get_data(cqe));
    if (req.state !== IO_READ && req.state !== IO_WRITE) throw new Error(`req->state is ${req.state}`);
    const { res } = cqe;
    if (res < 0) {
      console.error(`${req.state === IO_WRITE ? 'send' : 'read'}: cqe error ${res}`);
      kdigest.outsize = 0;
      ret = 1;
      break;
    }

    kdigest.inflight--;
    req.state++;
    if (req.state === IO_WRITE_COMPLETE) kdigest.outsize -= res;
    nr++;
  }

  io_uring_cq_advance(kdigest.ring, nr);
  return ret;
}

/*
 * Add buffers to the outgoing ring, and submit a single bundle send that
 * will finish when all of them have completed.
 */
function submit_sends_br(kdigest: kdigest, br: io_uring_buf_ring): void {
  let first_req: req | null = null;
  let nr = 0;

  /*
   * Find any completed reads, and add the buffers to the outgoing
   * send ring. That will serialize the data sent.
   */
  while (kdigest.req(kdigest.write_idx).state === IO_READ_COMPLETE) {
    const req = kdigest.req(kdigest.write_idx);
    io_uring_buf_ring_add(br, req.iov_base, req.iov_len, kdigest.write_idx, BID_MASK, nr++);
    /*
     * Mark as a write/send if it's the first one, that serve
     * as the "barrier" in the array. The rest can be marked
     * complete upfront, if there's more in this bundle, as
     * the first will serve a the stopping point.
     */
    if (!first_req) {
      req.state = IO_WRITE;
      first_req = req;
    } else {
      req.state = IO_WRITE_COMPLETE;
    }
    kdigest.write_idx = (kdigest.write_idx + 1) % QD;
  }

  /*
   * If any completed reads were found and we added buffers, advance
   * the buffer ring and prepare a single bundle send for all of them.
   */
  if (first_req) {
    io_uring_buf_ring_advance(br, nr);

    const sqe = must_get_sqe(kdigest.ring);
    io_uring_prep_send_bundle(sqe, outfd, 0, MSG_MORE);
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.buf_group = BGID;
    io_uring_sqe_set_data(sqe, first_req.index);
    kdigest.inflight++;
  }
}

/*
 * Serialize multiple writes with IOSQE_IO_LINK. Not the most efficient
 * way, as it's both more expensive on the kernel side to handle link, and
 * if there's bundle support, all of the below can be done with a single
 * send rather than multiple ones.
 */
function submit_sends_linked(kdigest: kdigest): void {
  /* Queue up any possible writes. Link flag ensures ordering. */
  let sqe: io_uring_sqe | null = null;
  while (kdigest.req(kdigest.write_idx).state === IO_READ_COMPLETE) {
    if (sqe) sqe.flags |= IOSQE_IO_LINK;

    const req = kdigest.req(kdigest.write_idx);
    req.state = IO_WRITE;
    sqe = must_get_sqe(kdigest.ring);
    io_uring_prep_send(sqe, outfd, req.iov_base, req.iov_len, MSG_MORE);
    io_uring_sqe_set_data(sqe, req.index);
    kdigest.inflight++;

    kdigest.write_idx = (kdigest.write_idx + 1) % QD;
  }
}

function submit_sends(kdigest: kdigest): void {
  if (kdigest.br) submit_sends_br(kdigest, kdigest.br);
  else submit_sends_linked(kdigest);
}

function digest_file(kdigest: kdigest, insize: number): number {
  const { ring, bufs } = kdigest;
  let read_off = 0;
  let read_idx = 0;
  kdigest.outsize = insize;

  while (kdigest.outsize) {
    submit_sends(kdigest);

    /* Queue up any reads. Completions may arrive out of order. */
    while (insize) {
      const req = kdigest.req(read_idx);
      if (req.state !== IO_INIT && req.state !== IO_WRITE_COMPLETE) break;
      const this_size = Math.min(insize, BS);

      req.state = IO_READ;
      req.offset = read_off;
      req.iov_base = bufs.byteOffset + read_idx * BS;
      req.iov_len = this_size;

      const sqe = must_get_sqe(ring);
      io_uring_prep_read(sqe, infd, req.iov_base, req.iov_len, read_off);
      io_uring_sqe_set_data(sqe, req.index);

      read_off += this_size;
      insize -= this_size;
      kdigest.inflight++;

      read_idx = (read_idx + 1) % QD;
    }

    /* wait for about half queue completion before resubmit */
    for (let to_wait = (kdigest.inflight >> 1) | 1; to_wait; to_wait--) {
      let wait_nr = kdigest.inflight;
      if (wait_nr > WAIT_BATCH) wait_nr = WAIT_BATCH;

      const ret = io_uring_submit_and_wait(ring, wait_nr);
      if (ret < 0) {
        console.error(`wait cqe: ${strerror(-ret)}`);
        return 1;
      }

      if (reap_completions(kdigest)) return 1;
    }
  }
  if (kdigest.inflight) throw new Error(`${kdigest.inflight} requests in flight`);

  return 0;
}

function get_result({ ring, bufs, br }: kdigest, alg: string, file: string): number {
  const cqe_ptr = allocPointers(io_uring_cqe);
  /* reuse I/O buf block to stash hash result */

  const sqe = must_get_sqe(ring);
  io_uring_prep_recv(sqe, outfd, bufs, BS, 0);

  if (io_uring_submit_and_wait(ring, 1) < 0) return 1;

  let ret = io_uring_peek_cqe(ring, cqe_ptr);
  if (ret < 0) {
    console.error(`peek cqe: ${strerror(-ret)}`);
    return 1;
  }
  const cqe = cqe_ptr.value;
  const { res } = cqe;

  if (res < 0) {
    console.error(`cqe error: ${strerror(-res)}`);
    ret = res; // C returns 0 here, so it has failed with success
  } else {
    const hex = Buffer.from(bufs.subarray(0, res)).toString('hex');
    console.log(`uring ${br ? 'bundled ' : ''}${alg}(${file}) returned(len=${res}): ${hex}`);
  }
  io_uring_cqe_seen(ring, cqe);
  return ret;
}

function main([program, alg, infile]: readonly string[]): number {
  const sa = alloc(sockaddr_alg);
  sa.salg_family = AF_ALG;
  sa.salg_type.set(Buffer.from('hash'));

  if (alg === undefined || infile === undefined) {
    console.error(`${program}: algorithm infile`);
    return 1;
  }

  if (alg.length >= sa.salg_name.length) {
    console.error('algorithm name too long');
    return 1;
  }
  sa.salg_name.set(Buffer.from(alg));

  infd = open(infile, O_RDONLY);
  if (infd < 0) {
    perror('open infile', infd);
    return 1;
  }

  const sfd = socket(AF_ALG, SOCK_SEQPACKET, 0);
  if (sfd < 0) {
    if (sfd === -EAFNOSUPPORT) {
      console.error('kernel AF_ALG support not available. CONFIG_CRYPTO_USER_API_HASH required.');
    } else {
      perror('AF_ALG socket', sfd);
    }
    return 1;
  }

  let ret = bind(sfd, sa);
  if (ret < 0) {
    if (ret === -ENOENT) {
      console.error(`AF_ALG bind(${alg}): hash not available. See /proc/crypto hash algorithm list.`);
    } else {
      console.error(`AF_ALG bind(${alg}): ${strerror(-ret)}`);
    }
    return 1;
  }

  outfd = accept(sfd);
  if (outfd < 0) {
    perror('AF_ALG accept', outfd);
    return 1;
  }

  const digest = new kdigest();
  const p = alloc(io_uring_params);
  p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  for (;;) {
    ret = io_uring_queue_init_params(QD, digest.ring, p);
    if (!ret) break;
    if (!p.flags) {
      console.error(`queue_init: ${strerror(-ret)}`);
      return 1;
    }
    p.flags = 0;
  }

  /* use send bundles, if available */
  if (p.features & IORING_FEAT_RECVSEND_BUNDLE) {
    const err = allocArray(1, Int32Array);
    digest.br = io_uring_setup_buf_ring(digest.ring, QD, BGID, 0, err);
    if (!digest.br) {
      console.error(`Failed setting up bundle buffer ring: ${err[0]}`);
      return 1;
    }
  }

  const insize = get_file_size(infd);
  if (insize < 0) return 1;

  ret = digest_file(digest, insize);
  if (ret) {
    console.error(`${alg} digest failed`);
    return 1;
  }

  ret = get_result(digest, alg, infile);
  if (ret) {
    console.error(`failed to retrieve ${alg} digest result`);
    return 1;
  }

  if (digest.br) io_uring_free_buf_ring(digest.ring, digest.br, QD, BGID);
  io_uring_queue_exit(digest.ring);
  for (const fd of [infd, sfd, outfd]) close(fd);
  return ret;
}

exit(main(argv.slice(1)));
