/**
 * Ping/pong server which can use io_uring's NAPI support. The port of liburing's
 * examples/napi-busy-poll-server.c.
 *
 * node build/examples/napi-busy-poll-server.js -l -a 127.0.0.1 -n100000 -p4444 -t10 -b -u
 */
import { argv, exit } from 'node:process';
import {
  __kernel_timespec,
  alloc,
  allocArray,
  allocPointers,
  io_uring,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_for_each_cqe,
  io_uring_napi,
  io_uring_prep_recvmsg,
  io_uring_prep_sendmsg,
  io_uring_queue_exit,
  io_uring_sqe_set_data,
  io_uring_submit_and_wait_timeout,
  io_uring_unregister_napi,
  iovec,
  msghdr,
  sockaddr_in,
  sockaddr_in6,
} from 'liburing-wasm/c';
import { AF_INET, AF_INET6, ETIME, SOCK_DGRAM } from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { bind, close, socket, strerror } from './libc.js';
import {
  decodeUserData,
  encodeUserData,
  IOURING_RECVMSG,
  IOURING_SENDMSG,
  MAXBUFLEN,
  opTypeToStr,
  parseOptions,
  reportNapi,
  setProcessScheduler,
  setup_ring,
  setup_sockaddr,
} from './napi-busy-poll.js';

interface ctx {
  readonly ring: io_uring;
  readonly saddr: sockaddr_in | sockaddr_in6;
  readonly iov: iovec;
  readonly msg: msghdr;
  sockfd: number;
  num_pings: number;
  napi_check: boolean;
  readonly buffer: Uint8Array;
}

function printUsage(name: string | undefined): void {
  console.error(
    `Usage: ${name} [-l|--listen] [-a|--address ip_address] [-p|--port port-no] [-s|--sqpoll]` +
      ' [-b|--busy] [-n|--num pings] [-t|--timeout busy-poll-timeout] [-u|--prefer] [-6] [-h|--help]\n' +
      ' --listen\n' +
      '-l        : Server mode\n' +
      '--address\n' +
      '-a        : remote or local ipv6 address\n' +
      '--busy\n' +
      '-b        : busy poll io_uring instead of blocking.\n' +
      '--num_pings\n' +
      '-n        : number of pings\n' +
      '--port\n' +
      '-p        : port\n' +
      '--sqpoll\n' +
      '-s        : Configure io_uring to use SQPOLL thread\n' +
      '--timeout\n' +
      '-t        : Configure NAPI busy poll timeout' +
      '--prefer\n' +
      '-u        : prefer NAPI busy poll\n' +
      '-6        : use IPV6\n' +
      '--help\n' +
      '-h        : Display this usage message\n',
  );
}

function sendPing(ctx: ctx): void {
  const sqe = must_get_sqe(ctx.ring);

  io_uring_prep_sendmsg(sqe, ctx.sockfd, ctx.msg, 0);
  io_uring_sqe_set_data(sqe, encodeUserData(IOURING_SENDMSG, ctx.sockfd));
}

function receivePing(ctx: ctx): void {
  ctx.msg.msg_name = ctx.saddr;
  ctx.msg.msg_namelen = ctx.saddr instanceof sockaddr_in6 ? sockaddr_in6.size : sockaddr_in.size;
  ctx.iov.iov_base = ctx.buffer;
  ctx.iov.iov_len = MAXBUFLEN;
  ctx.msg.msg_iov = ctx.iov;
  ctx.msg.msg_iovlen = 1;
  ctx.msg.msg_flags = 0;

  const sqe = must_get_sqe(ctx.ring);
  io_uring_prep_recvmsg(sqe, ctx.sockfd, ctx.msg, 0);
  io_uring_sqe_set_data(sqe, encodeUserData(IOURING_RECVMSG, ctx.sockfd));
}

function completion(ctx: ctx, cqe: io_uring_cqe): void {
  const { res } = cqe;

  const type = decodeUserData(io_uring_cqe_get_data(cqe));
  if (res < 0) {
    console.error(`unexpected ${opTypeToStr(type)} failure: (${-res}) ${strerror(-res)}`);
    process.abort();
  }

  switch (type) {
    case IOURING_SENDMSG:
      receivePing(ctx);
      --ctx.num_pings;
      break;
    case IOURING_RECVMSG:
      ctx.iov.iov_len = res;
      sendPing(ctx);
      if (!ctx.napi_check) reportNapi(ctx);
      break;
    default:
      console.error(`unexpected ${opTypeToStr(type)} completion`);
      process.abort();
  }
}

function main(argv: readonly string[]): number {
  const opt = parseOptions(argv, 'lhs:bua:n:p:t:6d:', printUsage);
  const napi = alloc(io_uring_napi);
  const ctx: ctx = {
    ring: alloc(io_uring),
    saddr: setup_sockaddr(opt, () => printUsage(argv[0])),
    iov: alloc(iovec),
    msg: alloc(msghdr),
    sockfd: -1,
    num_pings: opt.num_pings,
    napi_check: false,
    buffer: allocArray(MAXBUFLEN),
  };

  // Connect to server.
  console.log(`Listening ${opt.addr} : ${opt.port}...`);

  ctx.sockfd = socket(opt.ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  if (ctx.sockfd < 0) {
    console.error(`socket() failed: (${-ctx.sockfd}) ${strerror(-ctx.sockfd)}`);
    exit(1);
  }

  let ret = bind(ctx.sockfd, ctx.saddr);
  if (ret < 0) {
    console.error(`bind() failed: (${-ret}) ${strerror(-ret)}`);
    exit(1);
  }

  // Setup ring.
  setup_ring(ctx.ring, napi, opt);

  const ts = opt.busy_loop ? alloc(__kernel_timespec) : null;
  const cqe_ptr = allocPointers(io_uring_cqe);

  // Use realtime scheduler.
  setProcessScheduler();

  // Receive initial message to get napi id.
  receivePing(ctx);

  while (ctx.num_pings !== 0) {
    let num_completed = 0;

    for (;;) {
      const res = io_uring_submit_and_wait_timeout(ctx.ring, cqe_ptr, 1, ts, null);
      if (res >= 0) break;
      else if (res === -ETIME) continue;
      console.error(`submit_and_wait: ${res}`);
      exit(1);
    }

    for (const cqe of io_uring_for_each_cqe(ctx.ring)) {
      ++num_completed;
      completion(ctx, cqe);
    }

    if (num_completed) io_uring_cq_advance(ctx.ring, num_completed);
  }

  // Clean up.
  if (opt.timeout || opt.prefer_busy_poll) {
    ret = io_uring_unregister_napi(ctx.ring, napi);
    if (ret) console.error(`io_uring_unregister_napi: ${ret}`);
  }

  io_uring_queue_exit(ctx.ring);
  close(ctx.sockfd);
  return 0;
}

exit(main(argv.slice(1)));
