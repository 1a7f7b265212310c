/** The structs and statistics of liburing's examples/proxy.c, for its port in proxy.ts. */
import { alloc, type io_uring, type io_uring_buf_ring, iovec, memory, msghdr } from 'liburing-wasm/c';
import { print } from './libc.js';
import { numbersIn, threadData } from './threads.js';

export const MAX_CONNS = 1024;

/** C's option variables, the same for all threads. */
export class Config {
  recv_mshot = true;
  sqpoll = false;
  defer_tw = true;
  is_sink = false;
  fixed_files = true;
  host = '192.168.3.2';
  send_port = 4445;
  receive_port = 4444;
  buf_size = 32;
  buf_ring_inc = false;
  bidi = false;
  ipv6 = false;
  napi = 0;
  napi_timeout = 0;
  wait_batch = 1;
  wait_usec = 1000000;
  rcv_msg = false;
  snd_msg = false;
  snd_zc = false;
  /** 1, 0, or -1: whether the kernel can do it. */
  send_ring = -1;
  snd_bundle = false;
  rcv_bundle = false;
  ext_stat = false;
  verbose = 0;
  nr_bufs = 256;
  ring_size = 128;
}

/** For sendmsg/recvmsg: iovecs. The last may be in use while the next is prepared. */
export class msg_vec {
  iov = alloc(iovec, 1);
  /* length currently being used */
  iov_len = 0;
  /* only for send, current index we're processing */
  cur_iov = 0;

  append(data: number, len: number): void {
    if (this.iov_len === this.iov.length) {
      const longer = alloc(iovec, this.iov.length * 2);
      for (let i = 0; i < this.iov.length; i++) longer.at(i).bytes.set(this.iov.at(i).bytes);
      memory.free(this.iov);
      this.iov = longer;
    }
    const iov = this.iov.at(this.iov_len++);
    iov.iov_base = data;
    iov.iov_len = len;
  }
}

export class io_msg {
  readonly msg = alloc(msghdr);
  readonly vecs: readonly [msg_vec, msg_vec] = [new msg_vec(), new msg_vec()];
  /* current msg_vec being prepared */
  vec_index: 0 | 1 = 0;

  free(): void {
    for (const { iov } of this.vecs) memory.free(iov);
    memory.free(this.msg);
  }
}

export const CONN_F_STARTED = 1;
export const CONN_F_DISCONNECTING = 2;
export const CONN_F_DISCONNECTED = 4;
export const CONN_F_PENDING_SHUTDOWN = 8;
export const CONN_F_STATS_SHOWN = 16;
export const CONN_F_END_TIME = 32;
export const CONN_F_REAPED = 64;

/*
 * Per socket stats per connection. For bi-directional, we'll have both
 * sends and receives on each socket, this helps track them separately.
 * For sink or one directional, each of the two stats will be only sends
 * or receives, not both.
 *
 * The parent reads these while the connection's thread writes them.
 */
const conn_dir_stats = numbersIn(
  'pending_shutdown',
  'rcv',
  'rcv_shrt',
  'rcv_enobufs',
  'rcv_mshot',
  'snd',
  'snd_shrt',
  'snd_enobufs',
  'snd_busy',
  'snd_mshot',
  'in_bytes',
  'out_bytes',
);

export class conn_dir extends conn_dir_stats {
  readonly index: 0 | 1;
  pending_send = false;
  pending_recv = false;
  snd_notif = 0;
  out_buffers = 0;
  snd_next_bid = -1;
  rcv_next_bid = -1;
  rcv_bucket: Int32Array | null = null;
  snd_bucket: Int32Array | null = null;
  /* only ever have a single recv pending */
  io_rcv_msg!: io_msg;
  /* one send that is inflight, and one being prepared for the next one */
  io_snd_msg!: io_msg;

  constructor(index: 0 | 1, words: Float64Array) {
    super(words);
    this.index = index;
  }
}

/** A buffer ring belonging to a connection. */
export class conn_buf_ring {
  br: io_uring_buf_ring | null = null;
  /** The buffers of a receive ring, and the address of the first. */
  bytes: Uint8Array | null = null;
  buf = 0;
  bgid = 0;
}

const conn_state = numbersIn('flags', 'in_fd', 'out_fd', 'ring_fd', 'start_time', 'end_time');

const CONN_WORDS = conn_state.size + 2 * conn_dir_stats.size;

/** A connection. Its thread has all of it, the parent what is printed. */
export class conn extends conn_state {
  readonly tid: number;
  readonly cd: readonly [conn_dir, conn_dir];
  /** The thread's id. */
  ring!: io_uring;
  /* receive side buffer ring, new data arrives here */
  readonly in_br = new conn_buf_ring();
  /* if send_ring is used, outgoing data to send */
  readonly out_br = new conn_buf_ring();
  pending_cancels = 0;

  constructor(tid: number, words: Float64Array) {
    super(words.subarray(0, conn_state.size));
    this.tid = tid;
    const cd = (index: 0 | 1): conn_dir => {
      const start = conn_state.size + index * conn_dir_stats.size;
      return new conn_dir(index, words.subarray(start, start + conn_dir_stats.size));
    };
    this.cd = [cd(0), cd(1)];
  }
}

/** Memory that all threads share. */
export interface Shared {
  readonly conns: Float64Array<SharedArrayBuffer>;
  /** C's open_conns. */
  readonly open_conns: Int32Array<SharedArrayBuffer>;
  /** C's event_loops and events, which all threads count without a lock, as in C. */
  readonly loops: Float64Array<SharedArrayBuffer>;
}

/** The data that a connection's thread starts with. */
export interface Thread {
  readonly tid: number;
  readonly cfg: Config;
  readonly shared: Shared;
  readonly startup_barrier: Int32Array<SharedArrayBuffer>;
  /** With -x, for both directions: rcv_bucket and snd_bucket. */
  readonly buckets: readonly Int32Array<SharedArrayBuffer>[];
}

const thread = threadData<Thread>();

export const cfg = thread?.cfg ?? new Config();

export const shared: Shared = thread?.shared ?? {
  conns: new Float64Array(new SharedArrayBuffer(8 * CONN_WORDS * MAX_CONNS)),
  open_conns: new Int32Array(new SharedArrayBuffer(4)),
  loops: new Float64Array(new SharedArrayBuffer(16)),
};

export const conns: conn[] = Array.from(
  { length: MAX_CONNS },
  (_, tid) => new conn(tid, shared.conns.subarray(tid * CONN_WORDS, (tid + 1) * CONN_WORDS)),
);

export const vlog = (text: () => string): void => {
  if (cfg.verbose) print(text());
};

/** printf("%'lu") */
const grouped = (value: number): string => Math.floor(value).toLocaleString('en-US');

const kb = (bytes: number): number => Math.floor(bytes / 1024);

interface bucket_stat {
  nr_packets: number;
  count: number;
}

function show_buckets({ rcv_bucket, snd_bucket }: conn_dir): void {
  if (!rcv_bucket || !snd_bucket) return;

  const sorted = (bucket: Int32Array): bucket_stat[] =>
    Array.from(bucket, (count, nr_packets) => ({ nr_packets, count })).sort((b1, b2) => b2.count - b1.count);
  const total = (bucket: Int32Array): number => bucket.reduce((sum, count) => sum + count, 0);
  const [rstat, sstat] = [sorted(rcv_bucket), sorted(snd_bucket)];
  const percent = (count: number, bucket: Int32Array): string => (count ? (100 * count) / total(bucket) : 0).toFixed(2);

  print('\t Packets per recv/send:\n');
  rstat.forEach((r, i) => {
    const s = sstat[i] as bucket_stat;
    if (!r.count && !s.count) return;
    const nr = (packets: number): string => String(packets).padStart(3);
    print(
      `\t bucket(${nr(r.nr_packets)}/${nr(s.nr_packets)}): ` +
        `rcv=${r.count} (${percent(r.count, rcv_bucket)}%) snd=${s.count} (${percent(s.count, snd_bucket)}%)\n`,
    );
  });
}

export function __show_stats(c: conn): void {
  if (c.flags & (CONN_F_STATS_SHOWN | CONN_F_REAPED)) return;
  if (!(c.flags & CONN_F_STARTED)) return;
  // not reset at the end, as in C: another thread may come here meanwhile
  c.flags |= CONN_F_STATS_SHOWN;

  if (!(c.flags & CONN_F_END_TIME)) c.end_time = Date.now();

  const msec = c.end_time - c.start_time;

  let qps = 0;
  for (const cd of c.cd) qps += cd.rcv + cd.snd;

  if (!qps) return;

  if (msec) qps = Math.floor((qps * 1000) / msec);

  print(`Conn ${c.tid}/(in_fd=${c.in_fd}, out_fd=${c.out_fd}): qps=${qps}, msec=${msec}\n`);

  let bytes = 0;
  c.cd.forEach((cd, i) => {
    if (!cd.in_bytes && !cd.out_bytes && !cd.snd && !cd.rcv) return;

    bytes += cd.in_bytes;
    bytes += cd.out_bytes;

    print(
      `\t${String(i).padStart(3)}: rcv=${cd.rcv} (short=${cd.rcv_shrt}, enobufs=${cd.rcv_enobufs}), ` +
        `snd=${cd.snd} (short=${cd.snd_shrt}, busy=${cd.snd_busy}, enobufs=${cd.snd_enobufs})\n`,
    );
    print(
      `\t   : in_bytes=${cd.in_bytes} (Kb ${kb(cd.in_bytes)}), out_bytes=${cd.out_bytes} (Kb ${kb(cd.out_bytes)})\n`,
    );
    print(`\t   : mshot_rcv=${cd.rcv_mshot}, mshot_snd=${cd.snd_mshot}\n`);
    show_buckets(cd);
  });
  if (msec) print(`\tBW=${grouped((bytes * 8) / 1000 / msec)}Mbit\n`);
}

let stats_shown = false;

export function show_stats(): void {
  if (stats_shown) return;

  const [event_loops = 0, events = 0] = shared.loops;
  const events_per_loop = events ? events / event_loops : 0;

  print(`Event loops: ${event_loops}, events ${events}, events per loop ${events_per_loop.toFixed(2)}\n`);

  for (const c of conns) __show_stats(c);
  stats_shown = true;
}

let last_bytes = 0;
let last_housekeeping = Date.now();

/** The part of house_keeping() that prints the speed. */
export function show_bandwidth(bytes: number): void {
  const elapsed = Date.now() - last_housekeeping;
  if (!bytes || elapsed < 900) return;
  const bw = Math.floor((8 * (bytes - last_bytes)) / 1000 / elapsed);
  if (!bw) return;
  const open_conns = Atomics.load(shared.open_conns, 0);
  if (open_conns) print(`Bandwidth (threads=${open_conns}): ${grouped(bw)}Mbit\n`);
  last_housekeeping = Date.now();
  last_bytes = bytes;
}
