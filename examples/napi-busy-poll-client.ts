/**
 * Ping/pong client which can use io_uring's NAPI support. The port of liburing's
 * examples/napi-busy-poll-client.c.
 *
 * node build/examples/napi-busy-poll-client.js -a 127.0.0.1 -n100000 -p4444 -b -t10 -u
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
  io_uring_prep_recv,
  io_uring_prep_send,
  io_uring_queue_exit,
  io_uring_sqe_set_data,
  io_uring_submit_and_wait_timeout,
  io_uring_unregister_napi,
  memory,
} from 'liburing-wasm/c';
import { AF_INET, AF_INET6, ETIME, SOCK_DGRAM } from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { close, connect, socket, strerror } from './libc.js';
import {
  decodeUserData,
  encodeUserData,
  IOURING_RECV,
  IOURING_SEND,
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
  sockfd: number;
  num_pings: number;
  napi_check: boolean;
  /** C's union of `buffer` and `ts`. */
  readonly buffer: Uint8Array;
  readonly ts: __kernel_timespec;
  rtt_index: number;
  rtt: Float64Array;
}

function printUsage(name: string | undefined): void {
  console.error(
    `Usage: ${name} [-l|--listen] [-a|--address ip_address] [-p|--port port-no] [-s|--sqpoll]` +
      ' [-b|--busy] [-n|--num pings] [-t|--timeout busy-poll-timeout] [-u||--prefer] [-6] [-h|--help]\n' +
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

/** clock_gettime(CLOCK_REALTIME), which is exact to a quarter of a microsecond here. */
function clock_gettime(ts: __kernel_timespec): void {
  const now = performance.timeOrigin + performance.now();
  const seconds = Math.floor(now / 1000);
  ts.tv_sec = seconds;
  ts.tv_nsec = Math.floor((now - seconds * 1000) * 1e6);
}

const seconds = ({ tv_sec, tv_nsec }: { tv_sec: bigint; tv_nsec: bigint }): [number, number] => [
  Number(tv_sec),
  Number(tv_nsec),
];

function diffTimespec(time1: [number, number], time0: [number, number]): number {
  return time1[0] - time0[0] + (time1[1] - time0[1]) / 1000000000.0;
}

function sendPing(ctx: ctx): void {
  const sqe = must_get_sqe(ctx.ring);

  clock_gettime(ctx.ts);
  io_uring_prep_send(sqe, ctx.sockfd, ctx.buffer, __kernel_timespec.size, 0);
  io_uring_sqe_set_data(sqe, encodeUserData(IOURING_SEND, ctx.sockfd));
}

function receivePing(ctx: ctx): void {
  const sqe = must_get_sqe(ctx.ring);

  io_uring_prep_recv(sqe, ctx.sockfd, ctx.buffer, MAXBUFLEN, 0);
  io_uring_sqe_set_data(sqe, encodeUserData(IOURING_RECV, ctx.sockfd));
}

function recordRTT(ctx: ctx): void {
  const startTs = seconds(ctx.ts);

  // Send next ping.
  sendPing(ctx);

  // Store round-trip time.
  ctx.rtt[ctx.rtt_index] = diffTimespec(seconds(ctx.ts), startTs);
  ctx.rtt_index++;
}

function printStats(ctx: ctx): void {
  let minRTT = Number.MAX_VALUE;
  let maxRTT = 0.0;
  let avgRTT = 0.0;
  let stddevRTT = 0.0;

  // Calculate min, max, avg.
  for (const rtt of ctx.rtt.subarray(0, ctx.rtt_index)) {
    if (rtt < minRTT) minRTT = rtt;
    if (rtt > maxRTT) maxRTT = rtt;

    avgRTT += rtt;
  }
  avgRTT /= ctx.rtt_index;

  // Calculate stddev.
  for (const rtt of ctx.rtt.subarray(0, ctx.rtt_index)) stddevRTT += Math.abs(rtt - avgRTT);
  stddevRTT /= ctx.rtt_index;

  const us = [minRTT, avgRTT, maxRTT, stddevRTT].map((rtt) => (rtt * 1000000).toFixed(3));
  console.log(` rtt(us) min/avg/max/mdev = ${us.join('/')}`);
}

function completion(ctx: ctx, cqe: io_uring_cqe): number {
  const { res } = cqe;

  const type = decodeUserData(io_uring_cqe_get_data(cqe));
  if (res < 0) {
    console.error(`unexpected ${opTypeToStr(type)} failure: (${-res}) ${strerror(-res)}`);
    return -1;
  }

  switch (type) {
    case IOURING_SEND:
      receivePing(ctx);
      break;
    case IOURING_RECV:
      if (res !== __kernel_timespec.size) {
        console.error(`unexpected ping reply len: ${res}`);
        process.abort();
      }

      if (!ctx.napi_check) {
        reportNapi(ctx);
        sendPing(ctx);
      } else {
        recordRTT(ctx);
      }

      --ctx.num_pings;
      break;

    default:
      console.error(`unexpected ${opTypeToStr(type)} completion`);
      return -1;
  }

  return 0;
}

function main(argv: readonly string[]): number {
  const opt = parseOptions(argv, 'hs:bua:n:p:t:6d:', printUsage);
  const saddr = setup_sockaddr(opt, () => printUsage(argv[0]));
  const napi = alloc(io_uring_napi);
  const buffer = allocArray(MAXBUFLEN);
  const ctx: ctx = {
    ring: alloc(io_uring),
    sockfd: -1,
    num_pings: opt.num_pings,
    napi_check: false,
    buffer,
    ts: memory.struct(__kernel_timespec, buffer),
    rtt_index: 0,
    rtt: new Float64Array(opt.num_pings),
  };

  // Connect to server.
  console.log(`Connecting to ${opt.addr}... (port=${opt.port}) to send ${opt.num_pings - 1} pings`);

  ctx.sockfd = socket(opt.ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  if (ctx.sockfd < 0) {
    console.error(`socket() failed: (${-ctx.sockfd}) ${strerror(-ctx.sockfd)}`);
    exit(1);
  }

  let ret = connect(ctx.sockfd, saddr);
  if (ret < 0) {
    console.error(`connect() failed: (${-ret}) ${strerror(-ret)}`);
    exit(1);
  }

  // Setup ring.
  setup_ring(ctx.ring, napi, opt);

  const ts = opt.busy_loop ? alloc(__kernel_timespec) : null;
  const cqe_ptr = allocPointers(io_uring_cqe);

  // Use realtime scheduler.
  setProcessScheduler();

  // Send initial message to get napi id.
  sendPing(ctx);

  out: while (ctx.num_pings !== 0) {
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
      if (completion(ctx, cqe)) break out;
    }

    if (num_completed) io_uring_cq_advance(ctx.ring, num_completed);
  }

  // C does not print after a failure
  if (ctx.num_pings === 0) printStats(ctx);

  // Clean up.
  if (opt.timeout || opt.prefer_busy_poll) {
    ret = io_uring_unregister_napi(ctx.ring, napi);
    if (ret) console.error(`io_uring_unregister_napi: ${ret}`);
    if (opt.timeout !== napi.busy_poll_to || opt.prefer_busy_poll !== (napi.prefer_busy_poll !== 0)) {
      console.error(`Expected busy poll to = ${opt.timeout}, got ${napi.busy_poll_to}`);
      console.error(`Expected prefer busy poll = ${Number(opt.prefer_busy_poll)}, got ${napi.prefer_busy_poll}`);
    }
  } else {
    ret = io_uring_unregister_napi(ctx.ring, null);
    if (ret) console.error(`io_uring_unregister_napi: ${ret}`);
  }

  io_uring_queue_exit(ctx.ring);
  close(ctx.sockfd);
  return 0;
}

exit(main(argv.slice(1)));
