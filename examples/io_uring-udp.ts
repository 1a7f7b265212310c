/**
 * UDP echo server: multishot recvmsg into provided buffers, sendmsg out of them. The port of liburing's
 * examples/io_uring-udp.c.
 *
 * node build/examples/io_uring-udp.js [-p port] [-b log2(BufferSize)] [-6] [-v]
 */
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  free,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  io_uring,
  io_uring_buf,
  io_uring_buf_reg,
  io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_init,
  io_uring_buf_ring_mask,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_get_sqe,
  io_uring_params,
  io_uring_peek_batch_cqe,
  io_uring_prep_recvmsg_multishot,
  io_uring_prep_sendmsg,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_recvmsg_name,
  io_uring_recvmsg_payload,
  io_uring_recvmsg_payload_length,
  io_uring_recvmsg_validate,
  io_uring_register_buf_ring,
  io_uring_register_files,
  type io_uring_sqe,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_submit_and_wait,
  iovec,
  memory,
  msghdr,
  sockaddr_in,
  sockaddr_in6,
  sockaddr_storage,
} from 'liburing-wasm/c';
import { AF_INET, AF_INET6, EFAULT, EINTR, EINVAL, ENOBUFS, MSG_TRUNC, SOCK_DGRAM } from 'liburing-wasm/linux';
import { atoi, bind, close, getopt, htons, inet_ntop, ntohs, portOfUdpSocket, socket, strerror } from './libc.js';

const QD = 64;
const BUF_SHIFT = 12; /* 4k */
const CQES = QD * 16;
const BUFFERS = CQES;
const CONTROLLEN = 0;

class ctx {
  readonly ring = alloc(io_uring);
  buf_ring!: io_uring_buf_ring;
  buffer_base = 0;
  readonly msg = alloc(msghdr);
  buf_shift = BUF_SHIFT;
  af: number = AF_INET;
  verbose = false;
  /** C's struct sendmsg_ctx send[BUFFERS] */
  readonly send = { msg: alloc(msghdr, BUFFERS), iov: alloc(iovec, BUFFERS) };
  mapped!: Uint8Array;
}

const buffer_size = (ctx: ctx): number => 1 << ctx.buf_shift;

const get_buffer = (ctx: ctx, idx: number): number => ctx.buffer_base + (idx << ctx.buf_shift);

function setup_buffer_pool(ctx: ctx): number {
  ctx.mapped = allocArray((io_uring_buf.size + buffer_size(ctx)) * BUFFERS);
  ctx.buf_ring = memory.struct(io_uring_buf_ring, ctx.mapped);

  io_uring_buf_ring_init(ctx.buf_ring);

  const reg = alloc(io_uring_buf_reg);
  reg.ring_addr = ctx.buf_ring.address;
  reg.ring_entries = BUFFERS;
  reg.bgid = 0;
  ctx.buffer_base = ctx.buf_ring.address + io_uring_buf.size * BUFFERS;

  const ret = io_uring_register_buf_ring(ctx.ring, reg, 0);
  free(reg);
  if (ret) {
    console.error(`buf_ring init failed: ${strerror(-ret)}\nNB This requires a kernel version >= 6.0`);
    return ret;
  }

  for (let i = 0; i < BUFFERS; i++) {
    io_uring_buf_ring_add(ctx.buf_ring, get_buffer(ctx, i), buffer_size(ctx), i, io_uring_buf_ring_mask(BUFFERS), i);
  }
  io_uring_buf_ring_advance(ctx.buf_ring, BUFFERS);

  return 0;
}

function setup_context(ctx: ctx): number {
  const params = alloc(io_uring_params);
  params.cq_entries = QD * 8;
  params.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE;

  let ret = io_uring_queue_init_params(QD, ctx.ring, params);
  if (ret < 0) {
    console.error(`queue_init failed: ${strerror(-ret)}\nNB: This requires a kernel version >= 6.0`);
    return ret;
  }

  ret = setup_buffer_pool(ctx);
  if (ret) io_uring_queue_exit(ctx.ring);

  ctx.msg.msg_namelen = sockaddr_storage.size;
  ctx.msg.msg_controllen = CONTROLLEN;
  return ret;
}

function setup_sock(af: number, port: number): number {
  const nport = port <= 0 ? 0 : htons(port);

  const fd = socket(af, SOCK_DGRAM, 0);
  if (fd < 0) {
    console.error(`sock_init: ${strerror(-fd)}`);
    return -1;
  }

  let ret: number;
  if (af === AF_INET6) {
    const addr6 = alloc(sockaddr_in6);
    addr6.sin6_family = af;
    addr6.sin6_port = nport;
    ret = bind(fd, addr6);
  } else {
    const addr = alloc(sockaddr_in);
    addr.sin_family = af;
    addr.sin_port = nport;
    ret = bind(fd, addr);
  }

  if (ret) {
    console.error(`sock_bind: ${strerror(-ret)}`);
    close(fd);
    return -1;
  }

  if (port <= 0) console.error(`port bound to ${portOfUdpSocket(fd)}`);

  return fd;
}

function cleanup_context(ctx: ctx): void {
  io_uring_queue_exit(ctx.ring);
  memory.free(ctx.mapped);
}

function get_sqe(ctx: ctx): io_uring_sqe | null {
  let sqe = io_uring_get_sqe(ctx.ring);

  if (!sqe) {
    io_uring_submit(ctx.ring);
    sqe = io_uring_get_sqe(ctx.ring);
  }
  if (!sqe) console.error('cannot get sqe');
  return sqe;
}

function add_recv(ctx: ctx, idx: number): number {
  const sqe = get_sqe(ctx);
  if (!sqe) return -1;

  io_uring_prep_recvmsg_multishot(sqe, idx, ctx.msg, MSG_TRUNC);
  sqe.flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  sqe.buf_group = 0;
  io_uring_sqe_set_data(sqe, BUFFERS + 1);
  return 0;
}

function recycle_buffer(ctx: ctx, idx: number): void {
  io_uring_buf_ring_add(ctx.buf_ring, get_buffer(ctx, idx), buffer_size(ctx), idx, BUFFERS - 1, 0);
  io_uring_buf_ring_advance(ctx.buf_ring, 1);
}

function process_cqe_send(ctx: ctx, cqe: io_uring_cqe): number {
  const idx = io_uring_cqe_get_data(cqe);

  if (cqe.res < 0) console.error(`bad send ${strerror(-cqe.res)}`);
  recycle_buffer(ctx, idx);
  return 0;
}

function process_cqe_recv(ctx: ctx, cqe: io_uring_cqe, fdidx: number): number {
  const { res, flags } = cqe;

  if (!(flags & IORING_CQE_F_MORE)) {
    const ret = add_recv(ctx, fdidx);
    if (ret) return ret;
  }

  if (res === -ENOBUFS) return 0;

  if (!(flags & IORING_CQE_F_BUFFER) || res < 0) {
    console.error(`recv cqe bad res ${res}`);
    if (res === -EFAULT || res === -EINVAL) console.error('NB: This requires a kernel version >= 6.0');
    return -1;
  }
  const idx = flags >>> 16;

  const o = io_uring_recvmsg_validate(get_buffer(ctx, idx), res, ctx.msg);
  if (!o) {
    console.error('bad recvmsg');
    return -1;
  }
  if (o.namelen > ctx.msg.msg_namelen) {
    console.error('truncated name');
    recycle_buffer(ctx, idx);
    return 0;
  }
  if (o.flags & MSG_TRUNC) {
    const r = io_uring_recvmsg_payload_length(o, res, ctx.msg);
    console.error(`truncated msg need ${o.payloadlen} received ${r}`);
    recycle_buffer(ctx, idx);
    return 0;
  }

  if (ctx.verbose) {
    const addr = memory.struct(sockaddr_in, io_uring_recvmsg_name(o));
    const addr6 = memory.struct(sockaddr_in6, addr.address);
    const paddr = ctx.af === AF_INET6 ? addr6.sin6_addr : addr.sin_addr;
    const name = inet_ntop(ctx.af, paddr.bytes);
    const length = io_uring_recvmsg_payload_length(o, res, ctx.msg);
    console.error(`received ${length} bytes ${o.namelen} from [${name}]:${ntohs(addr.sin_port)}`);
  }

  const sqe = get_sqe(ctx);
  if (!sqe) return -1;

  const iov = ctx.send.iov.at(idx);
  iov.iov_base = io_uring_recvmsg_payload(o, ctx.msg);
  iov.iov_len = io_uring_recvmsg_payload_length(o, res, ctx.msg);
  const msg = ctx.send.msg.at(idx);
  msg.msg_namelen = o.namelen;
  msg.msg_name = io_uring_recvmsg_name(o);
  msg.msg_control = null;
  msg.msg_controllen = 0;
  msg.msg_iov = iov;
  msg.msg_iovlen = 1;

  io_uring_prep_sendmsg(sqe, fdidx, msg, 0);
  io_uring_sqe_set_data(sqe, idx);
  sqe.flags |= IOSQE_FIXED_FILE;

  return 0;
}

function process_cqe(ctx: ctx, cqe: io_uring_cqe, fdidx: number): number {
  if (io_uring_cqe_get_data(cqe) < BUFFERS) return process_cqe_send(ctx, cqe);
  return process_cqe_recv(ctx, cqe, fdidx);
}

function main(argv: readonly string[]): number {
  const context = new ctx();
  let port = -1;
  const cqes = allocPointers(io_uring_cqe, CQES);

  for (const { opt, optarg } of getopt(argv, '6vp:b:').options) {
    switch (opt) {
      case '6':
        context.af = AF_INET6;
        break;
      case 'p':
        port = atoi(optarg);
        break;
      case 'b':
        context.buf_shift = atoi(optarg);
        break;
      case 'v':
        context.verbose = true;
        break;
      default:
        console.error(`Usage: ${argv[0]} [-p port] [-b log2(BufferSize)] [-6] [-v]`);
        exit(-1);
    }
  }

  const sockfd = setup_sock(context.af, port);
  if (sockfd < 0) return 1;

  if (setup_context(context)) {
    close(sockfd);
    return 1;
  }

  let ret = io_uring_register_files(context.ring, Int32Array.of(sockfd), 1);
  if (ret) {
    console.error(`register files: ${strerror(-ret)}`);
    return -1;
  }

  ret = add_recv(context, 0);
  if (ret) return 1;

  cleanup: while (true) {
    ret = io_uring_submit_and_wait(context.ring, 1);
    if (ret === -EINTR) continue;
    if (ret < 0) {
      console.error(`submit and wait failed ${ret}`);
      break;
    }

    const count = io_uring_peek_batch_cqe(context.ring, cqes, CQES);
    for (let i = 0; i < count; i++) {
      ret = process_cqe(context, cqes.at(i) as io_uring_cqe, 0);
      if (ret) break cleanup;
    }
    io_uring_cq_advance(context.ring, count);
  }

  cleanup_context(context);
  close(sockfd);
  return ret;
}

exit(main(argv.slice(1)));
