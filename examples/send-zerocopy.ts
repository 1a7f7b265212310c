/**
 * Sends with and without zero copy for some seconds, or receives, and counts. The port of liburing's
 * examples/send-zerocopy.c; what C's threads share by being threads, workers share in a buffer.
 *
 * node build/examples/send-zerocopy.js -4 -D 127.0.0.1 -t 1 -n 1 tcp
 */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_RECVSEND_FIXED_BUF,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_FIXED_FILE,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_poll_add,
  io_uring_prep_send,
  io_uring_prep_send_zc,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_register_files,
  io_uring_register_iowq_aff,
  io_uring_register_ring_fd,
  io_uring_submit,
  io_uring_submit_and_get_events,
  io_uring_wait_cqe,
  iovec,
  sockaddr_in,
  sockaddr_in6,
} from 'liburing-wasm/c';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  EPIPE,
  MSG_DONTWAIT,
  MSG_TRUNC,
  MSG_WAITALL,
  POLLIN,
  SHUT_RDWR,
  SO_BINDTODEVICE,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from 'liburing-wasm/linux';
import { must_get_sqe, t_error } from './helpers.js';
import {
  accept,
  bind,
  close,
  connect,
  getopt,
  htons,
  inet_pton,
  listen,
  poll,
  print,
  recv,
  setsockopt,
  shutdown,
  socket,
} from './libc.js';
import { Barrier, start, threadData } from './threads.js';

const PATTERN_SIZE = 26;

const MAX_SUBMIT_NR = 512;
const MAX_THREADS = 100;
const PAGE_SIZE = 4096;

/** C's cfg_ variables. */
class Config {
  reg_ringfd = true;
  fixed_files = true;
  zc = true;
  nr_reqs = 8;
  fixed_buf = true;
  defer_taskrun = false;
  cpu = -1;
  rx = false;
  nr_threads = 1;
  ifname = '';

  family: number = AF_UNSPEC;
  type = 0;
  payload_len = 0;
  port = 8000;
  runtime_ms = 4200;
  rx_poll = false;
  verify = false;
  str_addr = '';
}

/** A thread's counts, in shared memory: C's packets, bytes and dt_ms. */
const PACKETS = 0;
const BYTES = 1;
const DT_MS = 2;

interface thread_data {
  idx: number;
  fd: number;
  counts: Float64Array<SharedArrayBuffer>;
  cfg: Config;
  barrier: Int32Array<SharedArrayBuffer>;
  should_stop: Int32Array<SharedArrayBuffer>;
}

let cfg = new Config();
let payload: Uint8Array;

/** sched_setaffinity(2) by taskset(1), for this thread. */
function set_cpu_affinity(): void {
  if (cfg.cpu === -1) return;

  const tid = readlinkSync('/proc/thread-self').replace(/.*\//, '');
  const { status } = spawnSync('taskset', ['--pid', '--cpu-list', `${cfg.cpu}`, tid]);
  if (status !== 0) t_error(1, 0, 'unable to pin cpu\n');
}

function set_iowq_affinity(ring: io_uring): void {
  if (cfg.cpu === -1) return;

  const mask = allocArray(128); // a cpu_set_t
  mask[cfg.cpu >> 3] = 1 << (cfg.cpu & 7);
  const ret = io_uring_register_iowq_aff(ring, 1, mask);
  if (ret) t_error(1, ret, 'unabled to set io-wq affinity\n');
}

const gettimeofday_ms = Date.now;

function do_setsockopt(fd: number, level: number, optname: number, val: number): void {
  const ret = setsockopt(fd, level, optname, val);
  if (ret < 0) t_error(1, ret, `setsockopt ${level}.${optname}: ${val}`);
}

function setup_sockaddr(domain: number, str_addr: string): sockaddr_in | sockaddr_in6 {
  const bytes = str_addr ? inet_pton(domain, str_addr) : undefined;

  if (domain === AF_INET) {
    const addr4 = alloc(sockaddr_in);
    addr4.sin_family = AF_INET;
    addr4.sin_port = htons(cfg.port);
    if (bytes === null) t_error(1, 0, `ipv4 parse error: ${str_addr}`);
    if (bytes) addr4.sin_addr.bytes.set(bytes);
    return addr4;
  }
  if (domain === AF_INET6) {
    const addr6 = alloc(sockaddr_in6);
    addr6.sin6_family = AF_INET6;
    addr6.sin6_port = htons(cfg.port);
    if (bytes === null) t_error(1, 0, `ipv6 parse error: ${str_addr}`);
    if (bytes) addr6.sin6_addr.bytes.set(bytes);
    return addr6;
  }
  return t_error(1, 0, 'illegal domain');
}

function do_poll(fd: number, events: number): void {
  const ret = poll(fd, events);
  if (ret < 0) t_error(1, ret, 'poll');
}

/* Flush all outstanding bytes for the tcp receive queue */
function do_flush_tcp({ counts }: thread_data, fd: number): boolean {
  /* MSG_TRUNC flushes up to len bytes */
  const ret = recv(fd, null, 1 << 21, MSG_TRUNC | MSG_DONTWAIT);
  if (ret === -EAGAIN) return false;
  if (ret < 0) t_error(1, ret, 'flush');
  if (!ret) return true;

  (counts[PACKETS] as number)++;
  (counts[BYTES] as number) += ret;
  return false;
}

const buf = allocArray(64);

/* Flush all outstanding datagrams. Verify first few bytes of each. */
function do_flush_datagram({ counts }: thread_data, fd: number): boolean {
  /* MSG_TRUNC will return full datagram length */
  const ret = recv(fd, buf, buf.length, MSG_DONTWAIT | MSG_TRUNC);
  if (ret === -EAGAIN) return false;

  if (ret < 0) t_error(1, ret, 'recv');
  if (ret !== cfg.payload_len) t_error(1, 0, `recv: ret=${ret} != ${cfg.payload_len}`);
  const length = Math.min(ret, buf.length);
  if (Buffer.compare(buf.subarray(0, length), payload.subarray(0, length))) t_error(1, 0, 'recv: data mismatch');

  (counts[PACKETS] as number)++;
  (counts[BYTES] as number) += cfg.payload_len;
  return false;
}

/** The sockets to receive from, one a thread. */
function do_setup_rx(domain: number, type: number, protocol: number): number[] {
  const listen_fd = socket(domain, type, protocol);
  if (listen_fd < 0) t_error(1, listen_fd, 'socket r');

  do_setsockopt(listen_fd, SOL_SOCKET, SO_REUSEPORT, 1);

  let ret = bind(listen_fd, setup_sockaddr(cfg.family, cfg.str_addr));
  if (ret < 0) t_error(1, ret, 'bind');

  if (type !== SOCK_STREAM) {
    if (cfg.nr_threads !== 1) t_error(1, 0, 'udp rx cant multithread');
    return [listen_fd];
  }

  ret = listen(listen_fd, cfg.nr_threads);
  if (ret < 0) t_error(1, ret, 'listen');

  const fds = Array.from({ length: cfg.nr_threads }, () => {
    const fd = accept(listen_fd);
    if (fd < 0) t_error(1, fd, 'accept');
    return fd;
  });

  close(listen_fd);
  return fds;
}

function do_rx(td: thread_data): void {
  const cfg_receiver_wait_ms = 400;
  const { fd } = td;

  const tstop = gettimeofday_ms() + cfg.runtime_ms + cfg_receiver_wait_ms;
  do {
    const done = cfg.type === SOCK_STREAM ? do_flush_tcp(td, fd) : do_flush_datagram(td, fd);
    if (done) break;

    do_poll(fd, POLLIN);
  } while (gettimeofday_ms() < tstop);

  close(fd);
}

const cqe_ptr = allocPointers(io_uring_cqe);

function wait_cqe_fast(ring: io_uring): io_uring_cqe {
  if (io_uring_peek_cqe(ring, cqe_ptr) === 0) return cqe_ptr.value;

  const ret = io_uring_wait_cqe(ring, cqe_ptr);
  if (ret) t_error(1, ret, 'wait cqe');
  return cqe_ptr.value;
}

function do_tx(td: thread_data, domain: number, type: number, protocol: number): void {
  const notif_slack = 128;
  const ring = alloc(io_uring);
  const { counts, should_stop } = td;
  let compl_cqes = 0;
  let ring_flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER;
  let loop = 0;

  if (cfg.defer_taskrun) ring_flags |= IORING_SETUP_DEFER_TASKRUN;

  const dst_addr = setup_sockaddr(cfg.family, cfg.str_addr);

  const fd = socket(domain, type, protocol);
  if (fd < 0) t_error(1, fd, 'socket t');

  let ret: number;
  if (cfg.ifname) {
    ret = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(cfg.ifname));
    if (ret < 0) t_error(1, ret, 'Binding to device failed\n');
  }

  ret = connect(fd, dst_addr);
  if (ret < 0) t_error(1, ret, `connect, idx ${td.idx}`);

  ret = io_uring_queue_init(512, ring, ring_flags);
  if (ret) t_error(1, ret, 'io_uring: queue init');

  set_cpu_affinity();
  set_iowq_affinity(ring);

  if (cfg.fixed_files) {
    ret = io_uring_register_files(ring, Int32Array.of(fd), 1);
    if (ret < 0) t_error(1, ret, 'io_uring: files registration');
  }
  if (cfg.reg_ringfd) {
    ret = io_uring_register_ring_fd(ring);
    if (ret < 0) t_error(1, ret, 'io_uring: io_uring_register_ring_fd');
  }

  const iov = alloc(iovec);
  iov.iov_base = payload;
  iov.iov_len = cfg.payload_len + PATTERN_SIZE;

  ret = io_uring_register_buffers(ring, iov, 1);
  if (ret) t_error(1, ret, 'io_uring: buffer registration');

  if (cfg.rx_poll) {
    io_uring_prep_poll_add(must_get_sqe(ring), fd, POLLIN);

    ret = io_uring_submit(ring);
    if (ret !== 1) t_error(1, ret, 'submit poll');
  }

  new Barrier(td.barrier).wait();

  const tstart = gettimeofday_ms();
  out_fail: do {
    const buf_idx = 0;
    const msg_flags = MSG_WAITALL;

    for (let i = 0; i < cfg.nr_reqs; i++) {
      let buf = payload.byteOffset;

      if (cfg.verify && cfg.type === SOCK_STREAM) buf += (counts[BYTES] as number) % PATTERN_SIZE;

      const sqe = must_get_sqe(ring);

      if (!cfg.zc) {
        io_uring_prep_send(sqe, fd, buf, cfg.payload_len, 0);
      } else {
        io_uring_prep_send_zc(sqe, fd, buf, cfg.payload_len, msg_flags, 0);
        if (cfg.fixed_buf) {
          sqe.ioprio |= IORING_RECVSEND_FIXED_BUF;
          sqe.buf_index = buf_idx;
        }
      }
      sqe.user_data = 1n;
      if (cfg.fixed_files) {
        sqe.fd = 0;
        sqe.flags |= IOSQE_FIXED_FILE;
      }
    }

    if (cfg.defer_taskrun && compl_cqes >= notif_slack) ret = io_uring_submit_and_get_events(ring);
    else ret = io_uring_submit(ring);

    if (ret !== cfg.nr_reqs) t_error(1, ret, 'submit');

    for (let i = 0; i < cfg.nr_reqs; i++) {
      const cqe = wait_cqe_fast(ring);
      const { flags, res } = cqe;

      if (flags & IORING_CQE_F_NOTIF) {
        if (flags & IORING_CQE_F_MORE) t_error(1, -EINVAL, 'F_MORE notif');
        compl_cqes--;
        i--;
        io_uring_cqe_seen(ring, cqe);
        continue;
      }
      if (flags & IORING_CQE_F_MORE) compl_cqes++;

      if (res >= 0) {
        (counts[PACKETS] as number)++;
        (counts[BYTES] as number) += res;
      } else if (res === -ECONNREFUSED || res === -EPIPE || res === -ECONNRESET) {
        print(`Connection failure ${res}\n`);
        break out_fail;
      } else if (res !== -EAGAIN) {
        t_error(1, res, 'send failed');
      }
      io_uring_cqe_seen(ring, cqe);
    }
    if (Atomics.load(should_stop, 0)) break;
  } while (++loop % 16 !== 0 || gettimeofday_ms() < tstart + cfg.runtime_ms);

  counts[DT_MS] = gettimeofday_ms() - tstart;

  shutdown(fd, SHUT_RDWR);
  close(fd);

  while (compl_cqes) {
    const cqe = wait_cqe_fast(ring);

    io_uring_cqe_seen(ring, cqe);
    compl_cqes--;
  }
  io_uring_queue_exit(ring);
}

function do_test(td: thread_data): void {
  const protocol = 0;

  do_tx(td, cfg.family, cfg.type, protocol);
}

function usage(filepath: string | undefined): void {
  print(`Usage:\t${filepath} <protocol> <ip-version> -D<addr> [options]\n`);
  print(`\t${filepath} <protocol> <ip-version> -R [options]\n\n`);

  print('  -4\t\tUse IPv4\n');
  print('  -6\t\tUse IPv4\n');
  print('  -D <address>\tDestination address\n');
  print('  -p <port>\tServer port to listen on/connect to\n');
  print('  -s <size>\tBytes per request\n');
  print('  -n <nr>\tNumber of parallel requests\n');
  print('  -z <mode>\tZerocopy mode, 0 to disable, enabled otherwise\n');
  print('  -b <mode>\tUse registered buffers\n');
  print('  -l <mode>\tUse huge pages\n');
  print('  -d\t\tUse defer taskrun\n');
  print('  -C <cpu>\tPin to the specified CPU\n');
  print('  -T <nr>\tNumber of threads to use for sending\n');
  print('  -R\t\tPlay the server role\n');
  print('  -t <seconds>\tTime in seconds\n');
}

/** strtoul(optarg, NULL, 0) */
const strtoul = (text: string): number => Number(text) || 0;

function parse_opts(argv: readonly string[]): void {
  // IP_MAXPACKET - sizeof(struct ipv6hdr) - sizeof(struct tcphdr) - max tcp options
  const max_udp_payload_len = 65535 - 40 - 20 - 40;

  if (argv.length <= 1) {
    usage(argv[0]);
    exit(0);
  }

  cfg.payload_len = max_udp_payload_len;

  const { options, rest } = getopt(argv, '46D:p:s:t:n:z:I:b:l:dC:T:Ryv');
  for (const { opt: c, optarg } of options) {
    switch (c) {
      case '4':
        if (cfg.family !== AF_UNSPEC) t_error(1, 0, 'Pass one of -4 or -6');
        cfg.family = AF_INET;
        break;
      case '6':
        if (cfg.family !== AF_UNSPEC) t_error(1, 0, 'Pass one of -4 or -6');
        cfg.family = AF_INET6;
        break;
      case 'I':
        cfg.ifname = optarg;
        break;
      case 'D':
        cfg.str_addr = optarg;
        break;
      case 'p':
        cfg.port = strtoul(optarg);
        break;
      case 's':
        cfg.payload_len = strtoul(optarg);
        break;
      case 't':
        cfg.runtime_ms = 200 + strtoul(optarg) * 1000;
        break;
      case 'n':
        cfg.nr_reqs = strtoul(optarg);
        break;
      case 'z':
        cfg.zc = strtoul(optarg) !== 0;
        break;
      case 'b':
        cfg.fixed_buf = strtoul(optarg) !== 0;
        break;
      case 'l':
        if (strtoul(optarg)) t_error(1, 0, 'huge pages: not here, the memory is the window');
        break;
      case 'd':
        cfg.defer_taskrun = true;
        break;
      case 'C':
        cfg.cpu = strtoul(optarg);
        break;
      case 'T':
        cfg.nr_threads = strtoul(optarg);
        if (cfg.nr_threads > MAX_THREADS) t_error(1, 0, 'too many threads\n');
        break;
      case 'R':
        cfg.rx = true;
        break;
      case 'v':
        cfg.verify = true;
        break;
      case 'y':
        cfg.rx_poll = true;
        break;
    }
  }

  const cfg_test = argv[argv.length - 1];
  if (cfg_test === 'tcp') cfg.type = SOCK_STREAM;
  else if (cfg_test === 'udp') cfg.type = SOCK_DGRAM;
  else t_error(1, 0, `unknown cfg_test ${cfg_test}`);

  if (!cfg.rx) {
    if (cfg.nr_reqs > MAX_SUBMIT_NR) t_error(1, 0, `-n: submit batch nr exceeds max (${MAX_SUBMIT_NR})`);
    if (!cfg.nr_reqs) t_error(1, 0, "-n: submit batch can't be zero");
    if (cfg.nr_reqs > 1 && cfg.type === SOCK_STREAM) {
      print('warning: submit batching >1 with TCP sockets will cause data reordering');
      if (cfg.verify) t_error(1, 0, "can't verify data because of reordering");
    }
  } else {
    if (cfg.ifname) t_error(1, 0, 'Interface can only be specified for tx');
    if (cfg.verify) t_error(1, 0, "Server mode doesn't support data verification");
  }

  if (cfg.type === SOCK_DGRAM && cfg.payload_len > max_udp_payload_len) {
    t_error(1, 0, `-s: UDP payload exceeds max (${max_udp_payload_len})`);
  }

  if (rest.length !== 1) usage(argv[0]);
}

function init_buffers(): void {
  const alloc_size = Math.ceil((cfg.payload_len + PATTERN_SIZE) / PAGE_SIZE) * PAGE_SIZE;

  payload = allocArray(alloc_size);

  for (let i = 0; i < alloc_size; i++) payload[i] = 'a'.charCodeAt(0) + (i % PATTERN_SIZE);
}

async function main(argv: readonly string[]): Promise<number> {
  parse_opts(argv);
  set_cpu_affinity();

  const barrier = new Barrier(cfg.nr_threads).words;
  const should_stop = new Int32Array(new SharedArrayBuffer(4));
  const fds = cfg.rx ? do_setup_rx(cfg.family, cfg.type, 0) : [];

  if (!cfg.rx) {
    process.on('SIGINT', () => {
      /* kill if should_stop can't unblock threads fast enough */
      if (Atomics.exchange(should_stop, 0, 1)) exit(-1);
    });
  }

  const threads = Array.from({ length: cfg.nr_threads }, (_, idx) => {
    const counts = new Float64Array(new SharedArrayBuffer(3 * 8));
    const td: thread_data = { idx, fd: fds[idx] ?? -1, counts, cfg, barrier, should_stop };
    return { counts, ...start(import.meta.url, td) };
  });

  let packets = 0;
  let bytes = 0;
  let tsum = 0;
  for (const { counts, joined } of threads) {
    const status = await joined;
    if (status !== 0) return status;
    packets += counts[PACKETS] as number;
    bytes += counts[BYTES] as number;
    tsum += counts[DT_MS] as number;
  }
  tsum = Math.floor(tsum / cfg.nr_threads);

  if (!tsum) {
    print("The run is too short, can't gather stats\n");
  } else {
    const mb = Math.floor(bytes / (1 << 20));
    print(
      `packets=${packets} (MB=${mb}), rps=${Math.floor((packets * 1000) / tsum)} (MB/s=${Math.floor((mb * 1000) / tsum)})\n`,
    );
  }
  return 0;
}

const td = threadData<thread_data>();
if (td === undefined) {
  exit(await main(argv.slice(1)));
} else {
  ({ cfg } = td);
  init_buffers();
  if (cfg.rx) do_rx(td);
  else do_test(td);
}
