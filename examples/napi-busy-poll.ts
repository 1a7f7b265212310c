/** What liburing's examples/napi-busy-poll-client.c and napi-busy-poll-server.c share, for their ports. */
import { spawnSync } from 'node:child_process';
import { exit, pid } from 'node:process';
import {
  alloc,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  type io_uring,
  type io_uring_napi,
  io_uring_params,
  io_uring_queue_init_params,
  io_uring_register_napi,
  sockaddr_in,
  sockaddr_in6,
} from 'liburing-wasm/c';
import { AF_INET, AF_INET6, SO_INCOMING_NAPI_ID, SOL_SOCKET } from 'liburing-wasm/linux';
import { atoi, getopt, getsockopt, htons, inet_pton, strerror } from './libc.js';

export const MAXBUFLEN = 100;
const RINGSIZE = 1024;

export const IOURING_RECV = 0;
export const IOURING_SEND = 1;
export const IOURING_RECVMSG = 2;
export const IOURING_SENDMSG = 3;

export interface options {
  num_pings: number;
  timeout: number;
  listen: boolean;
  defer_tw: boolean;
  sq_poll: boolean;
  busy_loop: boolean;
  prefer_busy_poll: boolean;
  ipv6: boolean;
  port: string;
  addr: string;
}

const longopts = {
  address: 'a',
  busy: 'b',
  help: 'h',
  listen: 'l',
  num_pings: 'n',
  port: 'p',
  prefer: 'u',
  sqpoll: 's',
  timeout: 't',
};

/** The options: `optstring` without the colon that it begins with in C for getopt(3). */
export function parseOptions(
  argv: readonly string[],
  optstring: string,
  printUsage: (name: string | undefined) => void,
): options {
  const opt: options = {
    num_pings: 0,
    timeout: 0,
    listen: false,
    defer_tw: false,
    sq_poll: false,
    busy_loop: false,
    prefer_busy_poll: false,
    ipv6: false,
    port: '',
    addr: '',
  };

  for (const { opt: flag, optarg } of getopt(argv, optstring, longopts).options) {
    switch (flag) {
      case 'a':
        opt.addr = optarg;
        break;
      case 'b':
        opt.busy_loop = true;
        break;
      case 'h':
        printUsage(argv[0]);
        exit(0);
        break;
      case 'l':
        opt.listen = true;
        break;
      case 'n':
        opt.num_pings = atoi(optarg) + 1;
        break;
      case 'p':
        opt.port = optarg;
        break;
      case 's':
        opt.sq_poll = !!atoi(optarg);
        break;
      case 't':
        opt.timeout = atoi(optarg);
        break;
      case 'u':
        opt.prefer_busy_poll = true;
        break;
      case '6':
        opt.ipv6 = true;
        break;
      case 'd':
        opt.defer_tw = !!atoi(optarg);
        break;
      case ':':
        console.error(`Missing argument (-${optarg})`);
        printUsage(argv[0]);
        exit(-1);
        break;
      default:
        console.error(`Unrecognized option (-${optarg})`);
        printUsage(argv[0]);
        exit(-1);
    }
  }

  if (opt.addr.length === 0) {
    console.error('address option is mandatory');
    printUsage(argv[0]);
    exit(1);
  }
  return opt;
}

/** The address of `-a` and `-p`. */
export function setup_sockaddr(opt: options, printUsage: () => void): sockaddr_in | sockaddr_in6 {
  const af = opt.ipv6 ? AF_INET6 : AF_INET;
  const bytes = inet_pton(af, opt.addr);
  if (!bytes) {
    console.error(`inet_pton error for ${opt.addr}`);
    printUsage();
    exit(1);
  }
  if (opt.ipv6) {
    const saddr6 = alloc(sockaddr_in6);
    saddr6.sin6_port = htons(atoi(opt.port));
    saddr6.sin6_family = AF_INET6;
    saddr6.sin6_addr.bytes.set(bytes);
    return saddr6;
  }
  const saddr = alloc(sockaddr_in);
  saddr.sin_port = htons(atoi(opt.port));
  saddr.sin_family = AF_INET;
  saddr.sin_addr.bytes.set(bytes);
  return saddr;
}

export function setup_ring(ring: io_uring, napi: io_uring_napi, opt: options): void {
  const params = alloc(io_uring_params);

  params.flags = IORING_SETUP_SINGLE_ISSUER;
  if (opt.defer_tw) {
    params.flags |= IORING_SETUP_DEFER_TASKRUN;
  } else if (opt.sq_poll) {
    params.flags = IORING_SETUP_SQPOLL;
    params.sq_thread_idle = 50;
  } else {
    params.flags |= IORING_SETUP_COOP_TASKRUN;
  }

  let ret = io_uring_queue_init_params(RINGSIZE, ring, params);
  if (ret) {
    console.error(`io_uring_queue_init_params() failed: (${ret}) ${strerror(-ret)}`);
    exit(1);
  }

  if (opt.timeout || opt.prefer_busy_poll) {
    napi.prefer_busy_poll = opt.prefer_busy_poll ? 1 : 0;
    napi.busy_poll_to = opt.timeout;

    ret = io_uring_register_napi(ring, napi);
    if (ret) {
      console.error(`io_uring_register_napi: ${ret}`);
      exit(1);
    }
  }
}

/** sched_setscheduler(2) by chrt(1), for the main thread. */
export function setProcessScheduler(): void {
  const { status, stderr } = spawnSync('chrt', ['--fifo', '--pid', '99', `${pid}`], { encoding: 'utf8' });
  if (status !== 0) console.error(`sched_setscheduler() failed: ${stderr?.trim() || 'there is no chrt'}`);
}

/** As in C, but with the type at bit 32: a number is exact up to bit 52. */
export const encodeUserData = (type: number, fd: number): number => type * 0x100000000 + fd;
export const decodeUserData = (data: number): number => Math.floor(data / 0x100000000);

export function opTypeToStr(type: number): string {
  return ['IOURING_RECV', 'IOURING_SEND', 'IOURING_RECVMSG', 'IOURING_SENDMSG'][type] ?? 'Unknown';
}

export function reportNapi(ctx: { readonly sockfd: number; napi_check: boolean }): void {
  const napi_id = getsockopt(ctx.sockfd, SOL_SOCKET, SO_INCOMING_NAPI_ID);
  if (napi_id > 0) console.log(` napi id: ${napi_id}`);
  else console.log(' unassigned napi id');

  ctx.napi_check = true;
}
