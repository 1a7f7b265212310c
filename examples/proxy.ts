/**
 * Acts either as a packet sink, where it just receives packets and doesn't do anything with them, or as
 * a proxy that sends them to a new destination, in one direction (-B0) or in both (-B1). The port of
 * liburing's examples/proxy.c, whose order this file keeps; its comments say more.
 *
 * node build/examples/proxy.js -m1 -B1 -r8888 -H 127.0.0.1 -p22
 */
import { argv, exit } from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  __kernel_timespec,
  alloc,
  allocArray,
  allocPointers,
  free,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_RECVSEND_BUNDLE,
  IORING_RECVSEND_FIXED_BUF,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  IOU_PBUF_RING_INC,
  io_uring,
  io_uring_buf,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_for_each_cqe,
  io_uring_free_buf_ring,
  io_uring_get_sqe,
  io_uring_napi,
  io_uring_params,
  io_uring_prep_cancel_fd,
  io_uring_prep_close,
  io_uring_prep_close_direct,
  io_uring_prep_connect,
  io_uring_prep_msg_ring,
  io_uring_prep_msg_ring_fd,
  io_uring_prep_multishot_accept,
  io_uring_prep_multishot_accept_direct,
  io_uring_prep_recv,
  io_uring_prep_recv_multishot,
  io_uring_prep_recvmsg,
  io_uring_prep_recvmsg_multishot,
  io_uring_prep_send,
  io_uring_prep_send_zc,
  io_uring_prep_sendmsg,
  io_uring_prep_sendmsg_zc,
  io_uring_prep_shutdown,
  io_uring_prep_socket,
  io_uring_prep_socket_direct_alloc,
  io_uring_queue_init_params,
  io_uring_recvmsg_out,
  io_uring_register_buffers,
  io_uring_register_files_sparse,
  io_uring_register_napi,
  io_uring_register_ring_fd,
  io_uring_setup_buf_ring,
  type io_uring_sqe,
  io_uring_sqring_wait,
  io_uring_submit,
  io_uring_submit_and_wait_timeout,
  iovec,
  memory,
  sockaddr_in,
  sockaddr_in6,
} from 'liburing-wasm/c';
import {
  AF_INET,
  AF_INET6,
  EINVAL,
  ENOBUFS,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_WAITALL,
  SHUT_RDWR,
  SOCK_STREAM,
} from 'liburing-wasm/linux';
import { must_get_sqe, setup_listening_socket } from './helpers.js';
import { atoi, getopt, htons, inet_pton, print, print_error, strerror } from './libc.js';
import {
  __show_stats,
  CONN_F_DISCONNECTED,
  CONN_F_DISCONNECTING,
  CONN_F_END_TIME,
  CONN_F_PENDING_SHUTDOWN,
  CONN_F_REAPED,
  CONN_F_STARTED,
  cfg,
  type conn,
  type conn_buf_ring,
  type conn_dir,
  conns,
  io_msg,
  MAX_CONNS,
  shared,
  show_bandwidth,
  show_stats,
  type Thread,
  vlog,
} from './proxy-conn.js';
import { __encode_userdata, __raw_encode, cqe_to_bid, cqe_to_fd, cqe_to_op, cqe_to_tid } from './proxy-userdata.js';
import { Barrier, start, threadData } from './threads.js';

let nr_conns = 0;
let br_mask = cfg.nr_bufs - 1;

const cqe_to_conn = (cqe: io_uring_cqe): conn => conns[cqe_to_tid(cqe)] as conn;

const cqe_to_conn_dir = (c: conn, cqe: io_uring_cqe): conn_dir => c.cd[cqe_to_fd(cqe) !== c.in_fd ? 1 : 0];

const other_dir = (c: conn, cd: conn_dir): conn_dir => c.cd[cd.index ? 0 : 1];

const other_dir_fd = (c: conn, fd: number): number => (c.in_fd === fd ? c.out_fd : c.in_fd);

/* currently active msg_vec */
const msg_vec = (imsg: io_msg) => imsg.vecs[imsg.vec_index];

/*
 * Goes from accept new connection -> create socket, connect to end
 * point, prepare recv, on receive do send (unless sink). If either ends
 * disconnects, we transition to shutdown and then close.
 */
const __ACCEPT = 1;
const __SOCK = 2;
const __CONNECT = 3;
const __RECV = 4;
const __RECVMSG = 5;
const __SEND = 6;
const __SENDMSG = 7;
const __SHUTDOWN = 8;
const __CANCEL = 9;
const __CLOSE = 10;
const __FD_PASS = 11;
const __NOP = 12;
const __STOP = 13;

interface error_handler {
  readonly name: string;
  readonly error_fn: ((err: error_handler, ring: io_uring, cqe: io_uring_cqe) => boolean) | null;
}

function default_error(err: error_handler, _ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  print_error(`${c.tid}: ${err.name} error ${strerror(-cqe.res)}`);
  print_error(`fd=${cqe_to_fd(cqe)}, bid=${cqe_to_bid(cqe)}`);
  return true;
}

/*
 * Move error handling out of the normal handling path, cleanly separating
 * them. If an opcode doesn't need any error handling, set it to NULL. If
 * it wants to stop the connection at that point and not do anything else,
 * then the default handler can be used. Only receive has proper error
 * handling, as we can get -ENOBUFS which is not a fatal condition. It just
 * means we need to wait on buffer replenishing before re-arming the receive.
 */
const error_handlers: readonly error_handler[] = [
  { name: 'NULL', error_fn: null },
  { name: 'ACCEPT', error_fn: default_error },
  { name: 'SOCK', error_fn: default_error },
  { name: 'CONNECT', error_fn: default_error },
  { name: 'RECV', error_fn: recv_error },
  { name: 'RECVMSG', error_fn: recv_error },
  { name: 'SEND', error_fn: send_error },
  { name: 'SENDMSG', error_fn: send_error },
  { name: 'SHUTDOWN', error_fn: null },
  { name: 'CANCEL', error_fn: null },
  { name: 'CLOSE', error_fn: null },
  { name: 'FD_PASS', error_fn: default_error },
  { name: 'NOP', error_fn: null },
  { name: 'STOP', error_fn: default_error },
];

/** Adds a buffer to a ring that is set up: the `br` of a conn_buf_ring is null before that. */
function buf_ring_add(cbr: conn_buf_ring, addr: number, len: number, bid: number, offset: number): void {
  if (cbr.br) io_uring_buf_ring_add(cbr.br, addr, len, bid, br_mask, offset);
}

function buf_ring_advance(cbr: conn_buf_ring, count: number): void {
  if (cbr.br) io_uring_buf_ring_advance(cbr.br, count);
}

/** C's &cbr->br->bufs[bid]: the address of a struct io_uring_buf. */
const buf_at = (cbr: conn_buf_ring, bid: number): number => (cbr.br?.address ?? 0) + bid * io_uring_buf.size;

/* its members: the lower half of addr, as the window is below 4 GiB, and len */
const buf_addr = (buf: number): number => memory.view.getUint32(buf, true);
const buf_len = (buf: number): number => memory.view.getUint32(buf + 8, true);
const set_buf_len = (buf: number, len: number): void => memory.view.setUint32(buf + 8, len, true);

function free_buffer_ring(ring: io_uring, cbr: conn_buf_ring): void {
  if (!cbr.br) return;

  io_uring_free_buf_ring(ring, cbr.br, cfg.nr_bufs, cbr.bgid);
  cbr.br = null;
  if (cbr.bytes) free(cbr.bytes);
  cbr.bytes = null;
}

function free_buffer_rings(ring: io_uring, c: conn): void {
  free_buffer_ring(ring, c.in_br);
  free_buffer_ring(ring, c.out_br);
}

function register_buffer_ring(ring: io_uring, cbr: conn_buf_ring): boolean {
  const ret = allocArray(1, Int32Array);
  cbr.br = io_uring_setup_buf_ring(ring, cfg.nr_bufs, cbr.bgid, cfg.buf_ring_inc ? IOU_PBUF_RING_INC : 0, ret);
  if (!cbr.br) print_error(`Buffer ring register failed ${ret[0]}`);
  free(ret);
  return cbr.br !== null;
}

/*
 * Setup a ring provided buffer ring for each connection. If we get -ENOBUFS
 * on receive, for multishot receive we'll wait for half the provided buffers
 * to be returned by pending sends, then re-arm the multishot receive. If
 * this happens too frequently (see enobufs= stat), then the ring size is
 * likely too small. Use -nXX to make it bigger. See recv_enobufs().
 */
function setup_recv_ring(ring: io_uring, c: conn): boolean {
  const cbr = c.in_br;

  cbr.bytes = allocArray(cfg.buf_size * cfg.nr_bufs);
  cbr.buf = cbr.bytes.byteOffset;
  if (!register_buffer_ring(ring, cbr)) return false;

  let ptr = cbr.buf;
  for (let i = 0; i < cfg.nr_bufs; i++) {
    vlog(() => `${c.tid}: add bid ${i}, data 0x${ptr.toString(16)}\n`);
    buf_ring_add(cbr, ptr, cfg.buf_size, i, i);
    ptr += cfg.buf_size;
  }
  buf_ring_advance(cbr, cfg.nr_bufs);
  print(`${c.tid}: recv buffer ring bgid ${cbr.bgid}, bufs ${cfg.nr_bufs}\n`);
  return true;
}

/*
 * If 'send_ring' is used and the kernel supports it, we can skip serializing
 * sends as the data will be ordered regardless. This reduces the send handling
 * complexity, as buffers can always be added to the outgoing ring and will be
 * processed in the order in which they were added.
 */
function setup_send_ring(ring: io_uring, c: conn): boolean {
  const cbr = c.out_br;

  if (!register_buffer_ring(ring, cbr)) return false;

  print(`${c.tid}: send buffer ring bgid ${cbr.bgid}, bufs ${cfg.nr_bufs}\n`);
  return true;
}

function setup_send_zc(ring: io_uring, c: conn): boolean {
  if (cfg.snd_msg) return true;

  const iovs = alloc(iovec, cfg.nr_bufs);
  let buf = c.in_br.buf;
  for (const iov of iovs) {
    iov.iov_base = buf;
    iov.iov_len = cfg.buf_size;
    buf += cfg.buf_size;
  }

  const ret = io_uring_register_buffers(ring, iovs, cfg.nr_bufs);
  if (ret) print_error(`failed registering buffers: ${ret}`);
  free(iovs);
  return ret === 0;
}

/*
 * Setup an input and output buffer ring.
 */
function setup_buffer_rings(ring: io_uring, c: conn): boolean {
  // the numbers that C's cur_bgid++ gives
  c.in_br.bgid = 2 * c.tid + 1;
  c.out_br.bgid = 2 * c.tid + 2;
  c.out_br.br = null;

  if (!setup_recv_ring(ring, c)) return false;
  if (cfg.is_sink) return true;
  if (cfg.snd_zc && !setup_send_zc(ring, c)) return false;
  if (cfg.send_ring && !setup_send_ring(ring, c)) {
    free_buffer_ring(ring, c.in_br);
    return false;
  }

  return true;
}

function sig_int(): void {
  print('\n');
  show_stats();
  exit(1);
}

/*
 * Special cased for SQPOLL only, as we don't control when SQEs are consumed if
 * that is used. Hence we may need to wait for the SQPOLL thread to keep up
 * until we can get a new SQE. All other cases will break immediately, with a
 * fresh SQE.
 */
function get_sqe(ring: io_uring): io_uring_sqe {
  for (;;) {
    const sqe = io_uring_get_sqe(ring);
    if (sqe) return sqe;
    if (!cfg.sqpoll) io_uring_submit(ring);
    else io_uring_sqring_wait(ring);
  }
}

/*
 * See __encode_userdata() for how we encode sqe->user_data, which is passed
 * back as cqe->user_data at completion time.
 */
function encode_userdata(sqe: io_uring_sqe, c: conn, op: number, bid: number, fd: number): void {
  __encode_userdata(sqe, c.tid, op, bid, fd);
}

function __submit_receive(ring: io_uring, c: conn, cd: conn_dir, fd: number): void {
  vlog(() => `${c.tid}: submit receive fd=${fd}\n`);

  if (cd.pending_recv) throw new Error('assert(!cd->pending_recv)');
  cd.pending_recv = true;

  /*
   * For both recv and multishot receive, we use the ring provided
   * buffers. These are handed to the application ahead of time, and
   * are consumed when a receive triggers. Note that the address and
   * length of the receive are set to NULL/0, and we assign the
   * sqe->buf_group to tell the kernel which buffer group ID to pick
   * a buffer from. Finally, IOSQE_BUFFER_SELECT is set to tell the
   * kernel that we want a buffer picked for this request, we are not
   * passing one in with the request.
   */
  const sqe = get_sqe(ring);
  if (cfg.recv_mshot) cd.rcv_mshot++;
  if (cfg.rcv_msg) {
    const imsg = cd.io_rcv_msg;
    const { msg } = imsg;

    msg.bytes.fill(0);
    msg.msg_iov = msg_vec(imsg).iov;
    msg.msg_iovlen = msg_vec(imsg).iov_len;

    if (cfg.recv_mshot) io_uring_prep_recvmsg_multishot(sqe, fd, msg, 0);
    else io_uring_prep_recvmsg(sqe, fd, msg, 0);
  } else {
    if (cfg.recv_mshot) io_uring_prep_recv_multishot(sqe, fd, null, 0, 0);
    else io_uring_prep_recv(sqe, fd, null, 0, 0);
  }
  encode_userdata(sqe, c, __RECV, 0, fd);
  sqe.buf_group = c.in_br.bgid;
  sqe.flags |= IOSQE_BUFFER_SELECT;
  if (cfg.fixed_files) sqe.flags |= IOSQE_FIXED_FILE;
  if (cfg.rcv_bundle) sqe.ioprio |= IORING_RECVSEND_BUNDLE;
}

/*
 * One directional just arms receive on our in_fd
 */
function submit_receive(ring: io_uring, c: conn): void {
  __submit_receive(ring, c, c.cd[0], c.in_fd);
}

/*
 * Bi-directional arms receive on both in and out fd
 */
function submit_bidi_receive(ring: io_uring, c: conn): void {
  __submit_receive(ring, c, c.cd[0], c.in_fd);
  __submit_receive(ring, c, c.cd[1], c.out_fd);
}

/*
 * We hit -ENOBUFS, which means that we ran out of buffers in our current
 * provided buffer group. This can happen if there's an imbalance between the
 * receives coming in and the sends being processed, particularly with multishot
 * receive as they can trigger very quickly. If this happens, defer arming a
 * new receive until we've replenished half of the buffer pool by processing
 * pending sends.
 */
function recv_enobufs(ring: io_uring, c: conn, cd: conn_dir, fd: number): void {
  vlog(() => `${c.tid}: enobufs hit\n`);

  cd.rcv_enobufs++;

  /*
   * If we're a sink, mark rcv as rearm. If we're not, then mark us as
   * needing a rearm for receive and send. The completing send will
   * kick the recv rearm.
   */
  if (!cfg.is_sink) {
    let do_recv_arm = true;

    if (!cd.pending_send) do_recv_arm = !prep_next_send(ring, c, cd, fd);
    if (do_recv_arm) __submit_receive(ring, c, c.cd[0], c.in_fd);
  } else {
    __submit_receive(ring, c, c.cd[0], c.in_fd);
  }
}

/*
 * Kill this socket - submit a shutdown and link a close to it. We don't
 * care about shutdown status, so mark it as not needing to post a CQE unless
 * it fails.
 */
function queue_shutdown_close(ring: io_uring, c: conn, fd: number): void {
  /*
   * On the off chance that we run out of SQEs after the first one,
   * grab two upfront. This it to prevent our link not working if
   * get_sqe() ends up doing submissions to free up an SQE, as links
   * are not valid across separate submissions.
   */
  const sqe1 = get_sqe(ring);
  const sqe2 = get_sqe(ring);

  io_uring_prep_shutdown(sqe1, fd, SHUT_RDWR);
  if (cfg.fixed_files) sqe1.flags |= IOSQE_FIXED_FILE;
  sqe1.flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  encode_userdata(sqe1, c, __SHUTDOWN, 0, fd);

  prep_close(sqe2, c, fd);
}

function prep_close(sqe: io_uring_sqe, c: conn, fd: number): void {
  if (cfg.fixed_files) io_uring_prep_close_direct(sqe, fd);
  else io_uring_prep_close(sqe, fd);
  encode_userdata(sqe, c, __CLOSE, 0, fd);
}

/*
 * This connection is going away, queue a cancel for any pending recv, for
 * example, we have pending for this ring. For completeness, we issue a cancel
 * for any request we have pending for both in_fd and out_fd.
 */
function queue_cancel(ring: io_uring, c: conn): void {
  const flags = cfg.fixed_files ? IORING_ASYNC_CANCEL_FD_FIXED : 0;

  for (const fd of [c.in_fd, c.out_fd]) {
    if (fd === -1) continue;
    const sqe = get_sqe(ring);
    io_uring_prep_cancel_fd(sqe, fd, flags);
    encode_userdata(sqe, c, __CANCEL, 0, fd);
    c.pending_cancels++;
  }

  io_uring_submit(ring);
}

const pending_shutdown = (c: conn): boolean => c.cd[0].pending_shutdown !== 0 || c.cd[1].pending_shutdown !== 0;

function should_shutdown(c: conn): boolean {
  const [in_cd, out_cd] = c.cd;

  if (!pending_shutdown(c)) return false;
  if (cfg.is_sink) return true;
  if (!cfg.bidi) return in_cd.in_bytes === out_cd.out_bytes;

  return in_cd.rcv === out_cd.snd && out_cd.rcv === in_cd.snd;
}

/*
 * Close this connection - send a ring message to the connection with intent
 * to stop. When the client gets the message, it will initiate the stop.
 */
function __close_conn(ring: io_uring, c: conn): void {
  print(`Client ${c.tid}: queueing stop\n`);

  const user_data = __raw_encode(c.tid, __STOP, 0, 0);
  const sqe = must_get_sqe(ring);
  io_uring_prep_msg_ring(sqe, c.ring_fd, 0, user_data, 0);
  encode_userdata(sqe, c, __NOP, 0, 0);
  io_uring_submit(ring);
}

function close_cd(c: conn, cd: conn_dir): void {
  cd.pending_shutdown = 1;

  if (cd.pending_send) return;

  if (!(c.flags & CONN_F_PENDING_SHUTDOWN)) {
    c.end_time = Date.now();
    c.flags |= CONN_F_PENDING_SHUTDOWN | CONN_F_END_TIME;
  }
}

/*
 * We're done with this buffer, add it back to our pool so the kernel is
 * free to use it again.
 */
function replenish_buffer(cbr: conn_buf_ring, bid: number, offset: number): number {
  buf_ring_add(cbr, cbr.buf + bid * cfg.buf_size, cfg.buf_size, bid, offset);
  return cfg.buf_size;
}

/** C's `bid`, which its functions get by address and move on: here those return the packets, and this has it. */
let next_bid = 0;

/*
 * Iterate buffers from 'bid' and with a total size of 'bytes' and add them
 * back to our receive ring so they can be reused for new receives.
 */
function replenish_buffers(c: conn, bid: number, bytes: number): number {
  const cbr = c.in_br;
  let nr_packets = 0;

  while (bytes) {
    bytes -= Math.min(replenish_buffer(cbr, bid, nr_packets), bytes);

    bid = (bid + 1) & br_mask;
    nr_packets++;
  }

  buf_ring_advance(cbr, nr_packets);
  next_bid = bid;
  return nr_packets;
}

function init_msgs(cd: conn_dir): void {
  cd.io_snd_msg = new io_msg();
  cd.io_rcv_msg = new io_msg();
}

function free_msgs(cd: conn_dir): void {
  cd.io_snd_msg.free();
  cd.io_rcv_msg.free();
}

/*
 * Multishot accept completion triggered. If we're acting as a sink, we're
 * good to go. Just issue a receive for that case. If we're acting as a proxy,
 * then start opening a socket that we can use to connect to the other end.
 */
function handle_accept(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = conns[nr_conns];

  if (!c) {
    print_error(`max clients reached ${nr_conns}`);
    return true;
  }

  /* main thread handles this, which is obviously serialized */
  nr_conns++;
  c.in_fd = -1;
  c.out_fd = -1;
  c.ring_fd = -1;
  print(`New client: id=${c.tid}, in=${c.in_fd}\n`);
  c.start_time = Date.now();

  // C sets it when the thread has begun, which may be too late
  if (!cfg.fixed_files) c.in_fd = cqe.res;

  const barrier = new Barrier(2);
  const buckets = cfg.ext_stat
    ? Array.from({ length: 4 }, () => new Int32Array(new SharedArrayBuffer(4 * (cfg.nr_bufs + 1))))
    : [];
  set_buckets(c, buckets);
  const thread: Thread = { tid: c.tid, cfg, shared, startup_barrier: barrier.words, buckets };
  start(import.meta.url, thread);

  /*
   * Wait for thread to have its ring setup, then pass the fd if it is a
   * fixed one
   */
  barrier.wait();
  if (c.ring_fd === -1) return true;
  if (cfg.fixed_files) {
    /*
     * Ring has just been setup, we'll use index 0 as the descriptor
     * value.
     */
    const user_data = __raw_encode(c.tid, __FD_PASS, 0, 0);
    const sqe = must_get_sqe(ring);
    io_uring_prep_msg_ring_fd(sqe, c.ring_fd, cqe.res, 0, user_data, 0);
    encode_userdata(sqe, c, __NOP, 0, cqe.res);
  }

  return false;
}

function set_buckets(c: conn, buckets: Thread['buckets']): void {
  for (const cd of c.cd) {
    cd.rcv_bucket = buckets[2 * cd.index] ?? null;
    cd.snd_bucket = buckets[2 * cd.index + 1] ?? null;
  }
}

/*
 * Our socket request completed, issue a connect request to the other end.
 */
function handle_sock(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  vlog(() => `${c.tid}: sock: res=${cqe.res}\n`);

  c.out_fd = cqe.res;

  const bytes = inet_pton(cfg.ipv6 ? AF_INET6 : AF_INET, cfg.host);
  if (!bytes) {
    print_error('host not in right format');
    return true;
  }

  const sqe = get_sqe(ring);
  // in C they are the connection's; here the window's until the thread ends
  if (cfg.ipv6) {
    const addr6 = alloc(sockaddr_in6);
    addr6.sin6_family = AF_INET6;
    addr6.sin6_port = htons(cfg.send_port);
    addr6.sin6_addr.bytes.set(bytes);
    io_uring_prep_connect(sqe, c.out_fd, addr6.address, sockaddr_in6.size);
  } else {
    const addr = alloc(sockaddr_in);
    addr.sin_family = AF_INET;
    addr.sin_port = htons(cfg.send_port);
    addr.sin_addr.bytes.set(bytes);
    io_uring_prep_connect(sqe, c.out_fd, addr.address, sockaddr_in.size);
  }
  encode_userdata(sqe, c, __CONNECT, 0, c.out_fd);
  if (cfg.fixed_files) sqe.flags |= IOSQE_FIXED_FILE;
  return false;
}

/*
 * Connection to the other end is done, submit a receive to start receiving
 * data. If we're a bidirectional proxy, issue a receive on both ends. If not,
 * then just a single recv will do.
 */
function handle_connect(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  Atomics.add(shared.open_conns, 0, 1);

  if (cfg.bidi) submit_bidi_receive(ring, c);
  else submit_receive(ring, c);

  return false;
}

/*
 * Queue a send based on the data received in this cqe, which came from
 * a completed receive operation: append it to our currently active msg_vec,
 * or add it to the outgoing send buffer ring.
 */
function send_append(c: conn, cd: conn_dir, data: number, bid: number, len: number): void {
  vlog(() => `${c.tid}: send ${len} (0x${data.toString(16)}, bid ${bid})\n`);

  if (bid >= cfg.nr_bufs) throw new Error('assert(bid < nr_bufs)');

  /* if using provided buffers for send, add it upfront */
  if (cfg.send_ring) {
    buf_ring_add(c.out_br, data, len, bid, 0);
    buf_ring_advance(c.out_br, 1);
  } else {
    msg_vec(cd.io_snd_msg).append(data, len);
  }
}

/*
 * For non recvmsg && multishot, a zero receive marks the end. For recvmsg
 * with multishot, we always get the header regardless. Hence a "zero receive"
 * is the size of the header.
 */
function recv_done_res(res: number): boolean {
  return res === 0 || (cfg.rcv_msg && cfg.recv_mshot && res === io_uring_recvmsg_out.size);
}

function recv_inc(c: conn, cd: conn_dir, bid: number, cqe: io_uring_cqe): number {
  next_bid = bid;
  if (!cqe.res) return 0;
  if (cqe.flags & IORING_CQE_F_BUF_MORE) return 0;

  const data = c.in_br.buf + bid * cfg.buf_size;
  if (cfg.is_sink) {
    buf_ring_add(c.in_br, data, cfg.buf_size, bid, 0);
    buf_ring_advance(c.in_br, 1);
  } else {
    send_append(c, cd, data, bid, cfg.buf_size);
  }
  next_bid = (bid + 1) & br_mask;
  return 1;
}

/*
 * Any receive that isn't recvmsg with multishot can be handled the same way.
 * Iterate from 'bid' and 'in_bytes' in total, and append the data to the
 * outgoing queue.
 */
function recv_bids(c: conn, cd: conn_dir, bid: number, in_bytes: number): number {
  let nr_packets = 0;

  while (in_bytes) {
    const buf = buf_at(c.in_br, bid);
    const this_bytes = Math.min(buf_len(buf), in_bytes);

    in_bytes -= this_bytes;

    if (cfg.send_ring) buf_ring_add(c.out_br, buf_addr(buf), this_bytes, bid, nr_packets);
    else send_append(c, cd, buf_addr(buf), bid, this_bytes);

    bid = (bid + 1) & br_mask;
    nr_packets++;
  }

  if (cfg.send_ring) buf_ring_advance(c.out_br, nr_packets);

  next_bid = bid;
  return nr_packets;
}

/*
 * Special handling of recvmsg with multishot
 */
function recv_mshot_msg(c: conn, cd: conn_dir, bid: number, in_bytes: number): number {
  const header = io_uring_recvmsg_out.size;
  let nr_packets = 0;

  while (in_bytes) {
    const buf = buf_at(c.in_br, bid);

    /*
     * multishot recvmsg puts a header in front of the data - we
     * have to take that into account for the send setup, and
     * adjust the actual data read to not take this metadata into
     * account. For this use case, namelen and controllen will not
     * be set. If they were, they would need to be factored in too.
     */
    set_buf_len(buf, buf_len(buf) - header);
    in_bytes -= header;

    const pdu = memory.struct(io_uring_recvmsg_out, buf_addr(buf));
    vlog(() => {
      const { namelen, controllen, payloadlen, flags } = pdu;
      return `pdu namelen ${namelen}, controllen ${controllen}, payload ${payloadlen} flags ${flags.toString(16)}\n`;
    });
    const data = pdu.address + header;
    const this_bytes = Math.min(pdu.payloadlen, in_bytes);

    in_bytes -= this_bytes;

    if (cfg.send_ring) buf_ring_add(c.out_br, data, this_bytes, bid, nr_packets);
    else send_append(c, cd, data, bid, this_bytes);

    bid = (bid + 1) & br_mask;
    nr_packets++;
  }

  if (cfg.send_ring) buf_ring_advance(c.out_br, nr_packets);

  next_bid = bid;
  return nr_packets;
}

function __handle_recv(ring: io_uring, c: conn, cd: conn_dir, cqe: io_uring_cqe): boolean {
  const ocd = other_dir(c, cd);
  const { res, flags } = cqe;
  const fd = cqe_to_fd(cqe);
  const start_close = (): boolean => {
    prep_next_send(ring, c, ocd, other_dir_fd(c, fd));
    close_cd(c, cd);
    return false;
  };

  /*
   * Not having a buffer attached should only happen if we get a zero
   * sized receive, because the other end closed the connection. It
   * cannot happen otherwise, as all our receives are using provided
   * buffers and hence it's not possible to return a CQE with a non-zero
   * result and not have a buffer attached.
   */
  if (!(flags & IORING_CQE_F_BUFFER)) {
    cd.pending_recv = false;

    if (!recv_done_res(res)) {
      print_error(`no buffer assigned, res=${res}`);
      return true;
    }
    return start_close();
  }

  if (res && res < cfg.buf_size) cd.rcv_shrt++;

  const bid = flags >>> IORING_CQE_BUFFER_SHIFT;

  /*
   * BIDI will use the same buffer pool and do receive on both CDs,
   * so can't reliably check. TODO.
   */
  if (!cfg.bidi && cd.rcv_next_bid !== -1 && bid !== cd.rcv_next_bid) {
    print_error(`recv bid ${bid}, wanted ${cd.rcv_next_bid}`);
    return start_close();
  }

  vlog(() => `${c.tid}: recv: bid=${bid}, res=${res}, cflags=${flags.toString(16)}\n`);
  /*
   * If we're a sink, we're done here. Just replenish the buffer back
   * to the pool. For proxy mode, we will send the data to the other
   * end and the buffer will be replenished once the send is done with
   * it.
   */
  let nr_packets: number;
  if (cfg.buf_ring_inc) nr_packets = recv_inc(c, ocd, bid, cqe);
  else if (cfg.is_sink) nr_packets = replenish_buffers(c, bid, res);
  else if (cfg.rcv_msg && cfg.recv_mshot) nr_packets = recv_mshot_msg(c, ocd, bid, res);
  else nr_packets = recv_bids(c, ocd, bid, res);

  if (cd.rcv_bucket) (cd.rcv_bucket[nr_packets] as number)++;

  if (!cfg.is_sink) {
    ocd.out_buffers += nr_packets;
    if (ocd.out_buffers > cfg.nr_bufs) throw new Error('assert(ocd->out_buffers <= nr_bufs)');
  }

  cd.rcv++;
  cd.rcv_next_bid = next_bid;

  /*
   * If IORING_CQE_F_MORE isn't set, then this is either a normal recv
   * that needs rearming, or it's a multishot that won't post any further
   * completions. Setup a new one for these cases.
   */
  if (!(flags & IORING_CQE_F_MORE)) {
    cd.pending_recv = false;
    if (recv_done_res(res)) return start_close();
    if (cfg.is_sink || !ocd.pending_send) __submit_receive(ring, c, cd, fd);
  }

  /*
   * Submit a send if we won't get anymore notifications from this
   * recv, or if we have nr_bufs / 2 queued up. If BIDI mode, send
   * every buffer. We assume this is interactive mode, and hence don't
   * delay anything.
   */
  const enough = !ocd.pending_send && (cfg.bidi || ocd.out_buffers >= cfg.nr_bufs / 2);
  if ((enough || !(flags & IORING_CQE_F_MORE)) && !cfg.is_sink) prep_next_send(ring, c, ocd, other_dir_fd(c, fd));

  if (!recv_done_res(res)) cd.in_bytes += res;
  return false;
}

function handle_recv(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  return __handle_recv(ring, c, cqe_to_conn_dir(c, cqe), cqe);
}

function recv_error(err: error_handler, ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);
  const cd = cqe_to_conn_dir(c, cqe);

  cd.pending_recv = false;

  if (cqe.res !== -ENOBUFS) return default_error(err, ring, cqe);

  recv_enobufs(ring, c, cd, other_dir_fd(c, cqe_to_fd(cqe)));
  return false;
}

function submit_send(
  ring: io_uring,
  c: conn,
  cd: conn_dir,
  fd: number,
  data: number,
  len: number,
  bid: number,
  more: number,
): void {
  if (cd.pending_send) return;
  cd.pending_send = true;

  const flags = more | MSG_WAITALL | MSG_NOSIGNAL;

  const sqe = get_sqe(ring);
  if (cfg.snd_msg) {
    const imsg = cd.io_snd_msg;

    if (cfg.snd_zc) {
      io_uring_prep_sendmsg_zc(sqe, fd, imsg.msg, flags);
      cd.snd_notif++;
    } else {
      io_uring_prep_sendmsg(sqe, fd, imsg.msg, flags);
    }
  } else if (cfg.send_ring) {
    io_uring_prep_send(sqe, fd, null, 0, flags);
  } else if (!cfg.snd_zc) {
    io_uring_prep_send(sqe, fd, data, len, flags);
  } else {
    io_uring_prep_send_zc(sqe, fd, data, len, flags, 0);
    sqe.ioprio |= IORING_RECVSEND_FIXED_BUF;
    sqe.buf_index = bid;
    cd.snd_notif++;
  }
  encode_userdata(sqe, c, __SEND, bid, fd);
  if (cfg.fixed_files) sqe.flags |= IOSQE_FIXED_FILE;
  if (cfg.send_ring) {
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.buf_group = c.out_br.bgid;
  }
  if (cfg.snd_bundle) {
    sqe.ioprio |= IORING_RECVSEND_BUNDLE;
    cd.snd_mshot++;
  } else if (cfg.send_ring) {
    cd.snd_mshot++;
  }
}

/*
 * Prepare the next send request, if we need to. If one is already pending,
 * or if we're a sink and we don't need to do sends, then there's nothing
 * to do.
 *
 * Return true if another send completion is expected, false if not.
 */
function prep_next_send(ring: io_uring, c: conn, cd: conn_dir, fd: number): boolean {
  if (cd.pending_send || cfg.is_sink) return false;
  if (!cd.out_buffers) return false;

  let bid = cd.snd_next_bid;
  if (bid === -1) bid = 0;

  if (cfg.send_ring) {
    /*
     * send_ring mode is easy, there's nothing to do but submit
     * our next send request. That will empty the entire outgoing
     * queue.
     */
    submit_send(ring, c, cd, fd, 0, 0, bid, 0);
    return true;
  } else if (cfg.snd_msg) {
    /*
     * For sendmsg mode, submit our currently prepared iovec, if
     * we have one, and swap our iovecs so that any further
     * receives will start preparing that one.
     */
    const imsg = cd.io_snd_msg;
    const mvec = msg_vec(imsg);

    if (!mvec.iov_len) return false;
    imsg.msg.msg_iov = mvec.iov;
    imsg.msg.msg_iovlen = mvec.iov_len;
    mvec.iov_len = 0;
    imsg.vec_index = imsg.vec_index ? 0 : 1;
    submit_send(ring, c, cd, fd, 0, 0, bid, 0);
    return true;
  } else {
    /*
     * send without send_ring - submit the next available vec,
     * if any. If this vec is the last one in the current series,
     * then swap to the next vec. We flag each send with MSG_MORE,
     * unless this is the last part of the current vec.
     */
    const imsg = cd.io_snd_msg;
    const mvec = msg_vec(imsg);
    let flags = !cfg.snd_zc ? MSG_MORE : 0;

    if (mvec.iov_len === mvec.cur_iov) return false;
    imsg.msg.msg_iov = mvec.iov;
    const iov = mvec.iov.at(mvec.cur_iov);
    mvec.cur_iov++;
    if (mvec.cur_iov === mvec.iov_len) {
      mvec.iov_len = 0;
      mvec.cur_iov = 0;
      imsg.vec_index = imsg.vec_index ? 0 : 1;
      flags = 0;
    }
    submit_send(ring, c, cd, fd, iov.iov_base, iov.iov_len, bid, flags);
    return true;
  }
}

function handle_send_inc(c: conn, cd: conn_dir, bid: number, cqe: io_uring_cqe): number {
  const { res } = cqe;
  let ret = 0;

  if (res) {
    if (cqe.flags & IORING_CQE_F_BUF_MORE) return 0;

    if (res > cfg.buf_size) throw new Error('assert(cqe->res <= buf_size)');
    cd.out_bytes += res;

    replenish_buffer(c.in_br, bid, 0);
    buf_ring_advance(c.in_br, 1);
    ret = 1;
  }
  if (pending_shutdown(c)) close_cd(c, cd);

  return ret;
}

/*
 * Handling a send with an outgoing send ring. Get the buffers from the
 * receive side, and add them to the ingoing buffer ring again.
 */
function handle_send_ring(c: conn, cd: conn_dir, bid: number, bytes: number): number {
  let i = 0;

  while (bytes) {
    const this_bytes = Math.min(buf_len(buf_at(c.out_br, bid)), bytes);

    cd.out_bytes += this_bytes;

    vlog(() => `${c.tid}: send: bid=${bid}, len=${this_bytes}\n`);

    /*
     * Find the provided buffer that the receive consumed, and
     * which we then used for the send, and add it back to the
     * pool so it can get picked by another receive. Once the send
     * is done, we're done with it.
     */
    replenish_buffer(c.in_br, bid, i);
    bid = (bid + 1) & br_mask;
    bytes -= this_bytes;
    i++;
  }
  cd.snd_next_bid = bid;
  buf_ring_advance(c.in_br, i);

  if (pending_shutdown(c)) close_cd(c, cd);

  return i;
}

/*
 * sendmsg, or send without a ring. Just add buffers back to the ingoing
 * ring for receives.
 */
function handle_send_buf(c: conn, cd: conn_dir, bid: number, bytes: number): number {
  let i = 0;

  while (bytes) {
    const this_bytes = Math.min(bytes, buf_len(buf_at(c.in_br, bid)));

    vlog(() => `${c.tid}: send: bid=${bid}, len=${this_bytes}\n`);

    cd.out_bytes += this_bytes;
    /* each recvmsg mshot package has this overhead */
    if (cfg.rcv_msg && cfg.recv_mshot) cd.out_bytes += io_uring_recvmsg_out.size;
    replenish_buffer(c.in_br, bid, i);
    bid = (bid + 1) & br_mask;
    bytes -= this_bytes;
    i++;
  }
  buf_ring_advance(c.in_br, i);
  cd.snd_next_bid = bid;
  return i;
}

/** False where C goes to out_close. */
function send_done(c: conn, cd: conn_dir, cqe: io_uring_cqe, bid: number): boolean {
  const { res } = cqe;

  if (res && res < cfg.buf_size) cd.snd_shrt++;

  /*
   * BIDI will use the same buffer pool and do sends on both CDs,
   * so can't reliably check. TODO.
   */
  if (!cfg.bidi && cfg.send_ring && cd.snd_next_bid !== -1 && bid !== cd.snd_next_bid) {
    print_error(`send bid ${bid}, wanted ${cd.snd_next_bid} at ${cd.out_bytes}`);
    return false;
  }

  vlog(() => `send: got ${res}, ${cd.out_bytes}\n`);

  let nr_packets: number;
  if (cfg.buf_ring_inc) nr_packets = handle_send_inc(c, cd, bid, cqe);
  else if (cfg.send_ring) nr_packets = handle_send_ring(c, cd, bid, res);
  else nr_packets = handle_send_buf(c, cd, bid, res);

  if (cd.snd_bucket) (cd.snd_bucket[nr_packets] as number)++;

  cd.out_buffers -= nr_packets;
  if (cd.out_buffers < 0) throw new Error('assert(cd->out_buffers >= 0)');

  cd.snd++;
  return true;
}

function __handle_send(ring: io_uring, c: conn, cd: conn_dir, cqe: io_uring_cqe): boolean {
  const { flags } = cqe;
  let bid: number;

  if (cfg.send_ring) {
    if (!(flags & IORING_CQE_F_BUFFER)) {
      print_error(`no buffer in send?! ${cqe.res}`);
      return true;
    }
    bid = flags >>> IORING_CQE_BUFFER_SHIFT;
  } else {
    bid = cqe_to_bid(cqe);
  }

  /*
   * CQE notifications only happen with send/sendmsg zerocopy. They
   * tell us that the data has been acked, and that hence the buffer
   * is now free to reuse. Waiting on an ACK for each packet will slow
   * us down tremendously, so do all of our sends and then wait for
   * the ACKs to come in. They tend to come in bundles anyway. Once
   * all acks are done (cd->snd_notif == 0), then fire off the next
   * receive.
   */
  let out_close = false;
  if (flags & IORING_CQE_F_NOTIF) cd.snd_notif--;
  else out_close = !send_done(c, cd, cqe, bid);

  if (out_close) {
    if (pending_shutdown(c)) close_cd(c, cd);
  } else if (!(flags & IORING_CQE_F_MORE)) {
    const fd = cqe_to_fd(cqe);

    cd.pending_send = false;

    /*
     * send done - see if the current vec has data to submit, and
     * do so if it does. if it doesn't have data yet, nothing to
     * do.
     */
    const do_recv_arm = !prep_next_send(ring, c, cd, fd);

    const ocd = other_dir(c, cd);
    if (!cd.snd_notif && do_recv_arm && !ocd.pending_recv) __submit_receive(ring, c, ocd, other_dir_fd(c, fd));
    if (pending_shutdown(c)) close_cd(c, cd);
  }

  vlog(() => `${c.tid}: pending sends ${Number(cd.pending_send)}\n`);
  return false;
}

function handle_send(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  return __handle_send(ring, c, cqe_to_conn_dir(c, cqe), cqe);
}

function send_error(err: error_handler, ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);
  const cd = cqe_to_conn_dir(c, cqe);

  cd.pending_send = false;

  /* res can have high bit set */
  if (cqe.flags & IORING_CQE_F_NOTIF) return handle_send(ring, cqe);
  if (cqe.res !== -ENOBUFS) return default_error(err, ring, cqe);

  cd.snd_enobufs++;
  return false;
}

/*
 * We don't expect to get here, as we marked it with skipping posting a
 * CQE if it was successful. If it does trigger, than means it fails and
 * that our close has not been done. Log the shutdown error and issue a new
 * separate close.
 */
function handle_shutdown(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);
  const fd = cqe_to_fd(cqe);

  print_error(`Got shutdown notification on fd ${fd}`);

  if (!cqe.res) print_error('Unexpected success shutdown CQE');
  else if (cqe.res < 0) print_error(`Shutdown got ${strerror(-cqe.res)}`);

  prep_close(get_sqe(ring), c, fd);
  return false;
}

/*
 * Final stage of a connection, the shutdown and close has finished. Mark
 * it as disconnected and let the main loop reap it.
 */
function handle_close(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);
  const fd = cqe_to_fd(cqe);

  print(`Closed client: id=${c.tid}, in_fd=${c.in_fd}, out_fd=${c.out_fd}\n`);
  if (fd === c.in_fd) c.in_fd = -1;
  else if (fd === c.out_fd) c.out_fd = -1;

  if (c.in_fd === -1 && c.out_fd === -1) {
    // before the parent may see that there is nothing left to show
    __show_stats(c);
    Atomics.sub(shared.open_conns, 0, 1);
    c.flags |= CONN_F_DISCONNECTED;
    free_buffer_rings(ring, c);
    for (const cd of c.cd) free_msgs(cd);
  }

  return false;
}

function handle_cancel(ring: io_uring, cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  c.pending_cancels--;

  vlog(() => `${c.tid}: got cancel fd ${cqe_to_fd(cqe)}, refs ${c.pending_cancels}\n`);

  if (!c.pending_cancels) {
    queue_shutdown_close(ring, c, c.in_fd);
    if (c.out_fd !== -1) queue_shutdown_close(ring, c, c.out_fd);
    io_uring_submit(ring);
  }

  return false;
}

/*
 * If fixed_files is set, proxy will use fixed files for any new
 * file descriptors it instantiates: io_uring private ones, which
 * cannot be accessed outside of io_uring. See the comment in C.
 */
function open_socket(c: conn): void {
  if (cfg.is_sink) {
    Atomics.add(shared.open_conns, 0, 1);

    submit_receive(c.ring, c);
  } else {
    const domain = cfg.ipv6 ? AF_INET6 : AF_INET;
    const sqe = get_sqe(c.ring);
    if (cfg.fixed_files) io_uring_prep_socket_direct_alloc(sqe, domain, SOCK_STREAM, 0, 0);
    else io_uring_prep_socket(sqe, domain, SOCK_STREAM, 0, 0);
    encode_userdata(sqe, c, __SOCK, 0, 0);
  }
}

/*
 * Start of connection, we got our in descriptor.
 */
function handle_fd_pass(cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);
  const fd = cqe_to_fd(cqe);

  vlog(() => `${c.tid}: got fd pass ${fd}\n`);
  c.in_fd = fd;
  open_socket(c);
  return false;
}

function handle_stop(cqe: io_uring_cqe): boolean {
  const c = cqe_to_conn(cqe);

  print(`Client ${c.tid}: queueing shutdown\n`);
  queue_cancel(c.ring, c);
  return false;
}

/*
 * Called for each CQE that we receive. Decode the request type that it
 * came from, and call the appropriate handler.
 */
function handle_cqe(ring: io_uring, cqe: io_uring_cqe): boolean {
  const op = cqe_to_op(cqe);

  /*
   * Unlikely, but there's an error in this CQE. If an error handler
   * is defined, call it, and that will deal with it. If no error
   * handler is defined, the opcode handler either doesn't care or will
   * handle it on its own.
   */
  if (cqe.res < 0) {
    const err = error_handlers[op];

    if (err?.error_fn) return err.error_fn(err, ring, cqe);
  }

  switch (op) {
    case __ACCEPT:
      return handle_accept(ring, cqe);
    case __SOCK:
      return handle_sock(ring, cqe);
    case __CONNECT:
      return handle_connect(ring, cqe);
    case __RECV:
    case __RECVMSG:
      return handle_recv(ring, cqe);
    case __SEND:
    case __SENDMSG:
      return handle_send(ring, cqe);
    case __CANCEL:
      return handle_cancel(ring, cqe);
    case __SHUTDOWN:
      return handle_shutdown(ring, cqe);
    case __CLOSE:
      return handle_close(ring, cqe);
    case __FD_PASS:
      return handle_fd_pass(cqe);
    case __STOP:
      return handle_stop(cqe);
    case __NOP:
      return false;
    default:
      print_error(`bad user data ${cqe.user_data.toString(16)}`);
      return true;
  }
}

function house_keeping(ring: io_uring): void {
  vlog(() => 'House keeping entered\n');

  let bytes = 0;
  for (const c of conns.slice(0, nr_conns)) {
    for (const cd of c.cd) bytes += cd.in_bytes + cd.out_bytes;
    if (c.flags & CONN_F_DISCONNECTED) {
      vlog(() => `${c.tid}: disconnected\n`);

      // its thread ends by itself
      c.flags |= CONN_F_REAPED;
      continue;
    }
    if (c.flags & CONN_F_DISCONNECTING) continue;

    if (should_shutdown(c)) {
      __close_conn(ring, c);
      c.flags |= CONN_F_DISCONNECTING;
    }
  }

  show_bandwidth(bytes);
}

/** The variables of C's __event_loop(). */
class Loop {
  readonly idle_ts = alloc(__kernel_timespec);
  readonly active_ts = alloc(__kernel_timespec);
  readonly cqe_ptr = allocPointers(io_uring_cqe);
  flags = 0;

  constructor() {
    this.idle_ts.tv_nsec = 100000000;
    this.active_ts.tv_sec = Math.floor(cfg.wait_usec / 1000000);
    this.active_ts.tv_nsec = (cfg.wait_usec % 1000000) * 1000;
  }
}

/*
 * One round of the event loop shared between the parent, and the connections.
 * For the per connection loop, 'c' is valid. For the main loop, it's null.
 * False when there is nothing more to do. The parent lets Node's own loop run
 * in between, for signals.
 */
function event_loop(loop: Loop, ring: io_uring, c: conn | null): boolean {
  /*
   * If wait_batch is set higher than 1, then we'll wait on
   * that amount of CQEs to be posted each loop. If used with
   * DEFER_TASKRUN, this can provide a substantial reduction
   * in context switch rate as the task isn't woken until the
   * requested number of events can be returned.
   *
   * If we don't have any open connections, wait on just 1
   * always.
   */
  let ts = loop.idle_ts;
  let to_wait = 1;
  if (Atomics.load(shared.open_conns, 0) && !loop.flags) {
    ts = loop.active_ts;
    to_wait = cfg.wait_batch;
  }

  vlog(() => `Submit and wait for ${to_wait}\n`);
  const ret = io_uring_submit_and_wait_timeout(ring, loop.cqe_ptr, to_wait, ts, null);

  const overflow = memory.view.getUint32(ring.cq.koverflow, true);
  if (overflow) print(`overflow ${overflow}\n`);
  if (memory.view.getUint32(ring.sq.kflags, true) & IORING_SQ_CQ_OVERFLOW) print('saw overflow\n');

  vlog(() => `Submit and wait: ${ret}\n`);

  let i = 0;
  loop.flags = 0;
  for (const cqe of io_uring_for_each_cqe(ring)) {
    if (handle_cqe(ring, cqe)) return false;
    loop.flags |= cqe_to_conn(cqe).flags;
    ++i;
  }

  vlog(() => `Handled ${i} events\n`);

  /*
   * Advance the CQ ring for seen events when we've processed
   * all of them in this loop. It's more efficient to
   * mark a batch as seen when we're done with that batch.
   */
  if (i) {
    io_uring_cq_advance(ring, i);
    (shared.loops[1] as number) += i;
  }

  (shared.loops[0] as number)++;
  if (c) return !(c.flags & CONN_F_DISCONNECTED);
  house_keeping(ring);
  return true;
}

/*
 * Main event loop, Submit our multishot accept request, and then just loop
 * around handling incoming connections.
 */
async function parent_loop(ring: io_uring, fd: number): Promise<number> {
  /*
   * proxy provides a way to use either multishot receive or not, but
   * for accept, we always use multishot. A multishot accept request
   * needs only be armed once, and then it'll trigger a completion and
   * post a CQE whenever a new connection is accepted. No need to do
   * anything else, unless the multishot accept terminates.
   */
  const sqe = get_sqe(ring);
  if (cfg.fixed_files) io_uring_prep_multishot_accept_direct(sqe, fd, null, null, 0);
  else io_uring_prep_multishot_accept(sqe, fd, null, null, 0);
  __encode_userdata(sqe, 0, __ACCEPT, 0, fd);

  const loop = new Loop();
  while (event_loop(loop, ring, null)) await nextTurn();
  return 1;
}

function init_ring(ring: io_uring, nr_files: number): boolean {
  /*
   * By default, set us up with a big CQ ring. Not strictly needed
   * here, but it's very important to never overflow the CQ ring.
   * Events will not be dropped if this happens, but it does slow
   * the application down in dealing with overflown events.
   *
   * Set SINGLE_ISSUER, which tells the kernel that only one thread
   * is doing IO submissions. This enables certain optimizations in
   * the kernel.
   */
  const params = alloc(io_uring_params);
  params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CLAMP;
  params.flags |= IORING_SETUP_CQSIZE;
  params.cq_entries = 1024;

  /*
   * DEFER_TASKRUN decouples async event reaping and retrying from
   * regular system calls. It's generally the preferred and recommended
   * way to setup a ring.
   */
  if (cfg.defer_tw) {
    params.flags |= IORING_SETUP_DEFER_TASKRUN;
    cfg.sqpoll = false;
  }

  /*
   * SQPOLL offloads any request submission and retry operations to a
   * dedicated thread. This enables an application to do IO without
   * ever having to enter the kernel itself.
   */
  if (cfg.sqpoll) {
    params.flags |= IORING_SETUP_SQPOLL;
    params.sq_thread_idle = 1000;
    cfg.defer_tw = false;
  }

  /*
   * If neither DEFER_TASKRUN or SQPOLL is used, set COOP_TASKRUN. This
   * avoids heavy signal based notifications, which can force an
   * application to enter the kernel and process it as soon as they
   * occur.
   */
  if (!cfg.sqpoll && !cfg.defer_tw) params.flags |= IORING_SETUP_COOP_TASKRUN;

  /*
   * The SQ ring size need not be larger than any batch of requests
   * that need to be prepared before submit. Normally in a loop we'd
   * only need a few, if any, particularly if multishot is used.
   */
  let ret = io_uring_queue_init_params(cfg.ring_size, ring, params);
  if (ret) {
    print_error(strerror(-ret));
    return false;
  }

  /*
   * If send serialization is available and no option was given to use
   * it or not, default it to on. If it was turned on and the kernel
   * doesn't support it, turn it off.
   */
  if (params.features & IORING_FEAT_RECVSEND_BUNDLE) {
    if (cfg.send_ring === -1) cfg.send_ring = 1;
  } else {
    if (cfg.send_ring === 1) print_error("Kernel doesn't support ring provided buffers for sends, disabled");
    cfg.send_ring = 0;
  }

  if (!cfg.send_ring && cfg.snd_bundle) {
    print_error("Can't use send bundle without send_ring");
    cfg.snd_bundle = false;
  }

  if (cfg.fixed_files) {
    /*
     * If fixed files are used, we need to allocate a fixed file
     * table upfront where new direct descriptors can be managed.
     */
    ret = io_uring_register_files_sparse(ring, nr_files);
    if (ret) {
      print_error(`file register: ${ret}`);
      return false;
    }

    /*
     * If fixed files are used, we also register the ring fd. This
     * avoids the fget/fput overhead associated with the
     * io_uring_enter(2) system call itself, which is used to submit and
     * wait on events.
     */
    ret = io_uring_register_ring_fd(ring);
    if (ret !== 1) {
      print_error(`ring register: ${ret}`);
      return false;
    }
  }

  if (cfg.napi) {
    const n = alloc(io_uring_napi);
    n.prefer_busy_poll = cfg.napi > 1 ? 1 : 0;
    n.busy_poll_to = cfg.napi_timeout;

    ret = io_uring_register_napi(ring, n);
    if (ret) {
      print_error(`io_uring_register_napi: ${ret}`);
      if (ret !== -EINVAL) return false;
      print_error('NAPI not available, turned off');
    }
  }

  return true;
}

function thread_main({ tid, startup_barrier, buckets }: Thread): void {
  const c = conns[tid] as conn;
  const barrier = new Barrier(startup_barrier);

  c.flags |= CONN_F_STARTED;
  set_buckets(c, buckets);
  for (const cd of c.cd) init_msgs(cd);

  /* we need a max of 4 descriptors for each client */
  c.ring = alloc(io_uring);
  if (!init_ring(c.ring, 4) || !setup_buffer_rings(c.ring, c)) {
    barrier.wait(); // C's parent waits for ever
    return;
  }
  c.ring_fd = c.ring.ring_fd;

  /*
   * If we're using fixed files, then we need to wait for the parent
   * to install the c->in_fd into our direct descriptor table. When
   * that happens, we'll set things up. If we're not using fixed files,
   * we can set up the receive or connect now.
   */
  if (!cfg.fixed_files) open_socket(c);

  /* we're ready */
  barrier.wait();

  const loop = new Loop();
  while (event_loop(loop, c.ring, c));
}

function usage(name: string | undefined): void {
  const n = Number;
  print(`${name}:\n`);
  print(`\t-m:\t\tUse multishot receive (${n(cfg.recv_mshot)})\n`);
  print(`\t-d:\t\tUse DEFER_TASKRUN (${n(cfg.defer_tw)})\n`);
  print(`\t-S:\t\tUse SQPOLL (${n(cfg.sqpoll)})\n`);
  print(`\t-f:\t\tUse only fixed files (${n(cfg.fixed_files)})\n`);
  print('\t-a:\t\tUse huge pages for the ring (0)\n');
  print(`\t-t:\t\tTimeout for waiting on CQEs (usec) (${cfg.wait_usec})\n`);
  print(`\t-w:\t\tNumber of CQEs to wait for each loop (${cfg.wait_batch})\n`);
  print(`\t-B:\t\tUse bi-directional mode (${n(cfg.bidi)})\n`);
  print(`\t-s:\t\tAct only as a sink (${n(cfg.is_sink)})\n`);
  print(`\t-q:\t\tRing size to use (${cfg.ring_size})\n`);
  print(`\t-H:\t\tHost to connect to (${cfg.host})\n`);
  print(`\t-r:\t\tPort to receive on (${cfg.receive_port})\n`);
  print(`\t-p:\t\tPort to connect to (${cfg.send_port})\n`);
  print(`\t-6:\t\tUse IPv6 (${n(cfg.ipv6)})\n`);
  print(`\t-N:\t\tUse NAPI polling (${cfg.napi})\n`);
  print(`\t-T:\t\tNAPI timeout (usec) (${cfg.napi_timeout})\n`);
  print(`\t-b:\t\tSend/receive buf size (${cfg.buf_size})\n`);
  print(`\t-n:\t\tNumber of provided buffers (pow2) (${cfg.nr_bufs})\n`);
  print(`\t-u:\t\tUse provided buffers for send (${cfg.send_ring})\n`);
  print(`\t-C:\t\tUse bundles for send (${n(cfg.snd_bundle)})\n`);
  print(`\t-z:\t\tUse zerocopy send (${n(cfg.snd_zc)})\n`);
  print(`\t-c:\t\tUse bundles for recv (${n(cfg.snd_bundle)})\n`);
  print(`\t-M:\t\tUse sendmsg (${n(cfg.snd_msg)})\n`);
  print(`\t-M:\t\tUse recvmsg (${n(cfg.rcv_msg)})\n`);
  print(`\t-x:\t\tShow extended stats (${n(cfg.ext_stat)})\n`);
  print(`\t-V:\t\tIncrease verbosity (${cfg.verbose})\n`);
}

/** The options; false for a call of usage(). */
function parse_opts(argv: readonly string[]): boolean {
  const optstring = 'm:d:S:s:b:f:H:r:p:n:B:N:T:w:t:M:R:u:c:C:q:a:x:z:i:6Vh?';
  for (const { opt, optarg } of getopt(argv, optstring).options) {
    const value = atoi(optarg);
    switch (opt) {
      case 'm':
        cfg.recv_mshot = !!value;
        break;
      case 'S':
        cfg.sqpoll = !!value;
        break;
      case 'd':
        cfg.defer_tw = !!value;
        break;
      case 'b':
        cfg.buf_size = value;
        break;
      case 'n':
        cfg.nr_bufs = value;
        break;
      case 'u':
        cfg.send_ring = value ? 1 : 0;
        break;
      case 'c':
        cfg.rcv_bundle = !!value;
        break;
      case 'C':
        cfg.snd_bundle = !!value;
        break;
      case 'w':
        cfg.wait_batch = value;
        break;
      case 't':
        cfg.wait_usec = value;
        break;
      case 's':
        cfg.is_sink = !!value;
        break;
      case 'f':
        cfg.fixed_files = !!value;
        break;
      case 'H':
        cfg.host = optarg;
        break;
      case 'r':
        cfg.receive_port = value;
        break;
      case 'p':
        cfg.send_port = value;
        break;
      case 'B':
        cfg.bidi = !!value;
        break;
      case 'N':
        cfg.napi = value ? 1 : 0;
        break;
      case 'T':
        cfg.napi_timeout = value;
        break;
      case '6':
        cfg.ipv6 = true;
        break;
      case 'M':
        cfg.snd_msg = !!value;
        break;
      case 'z':
        cfg.snd_zc = !!value;
        break;
      case 'R':
        cfg.rcv_msg = !!value;
        break;
      case 'q':
        cfg.ring_size = value;
        break;
      case 'i':
        cfg.buf_ring_inc = !!value;
        break;
      case 'a':
        if (value) print_error('huge pages: not here, the memory is the window');
        if (value) return false;
        break;
      case 'x':
        cfg.ext_stat = !!value;
        break;
      case 'V':
        cfg.verbose++;
        break;
      default:
        return false;
    }
  }
  return true;
}

/*
 * Options parsing the ring / net setup
 */
async function main(argv: readonly string[]): Promise<number> {
  const ring = alloc(io_uring);

  if (!parse_opts(argv)) {
    usage(argv[0]);
    return 1;
  }

  if (cfg.bidi && cfg.is_sink) {
    print_error("Can't be both bidi proxy and sink");
    return 1;
  }
  if (cfg.snd_msg && cfg.sqpoll) {
    print_error('SQPOLL with msg variants disabled');
    cfg.snd_msg = false;
  }
  if (cfg.rcv_msg && cfg.rcv_bundle) {
    print_error("Can't use bundles with recvmsg");
    cfg.rcv_msg = false;
  }
  if (cfg.snd_msg && cfg.snd_bundle) {
    print_error("Can't use bundles with sendmsg");
    cfg.snd_msg = false;
  }
  if (cfg.snd_msg && cfg.send_ring) {
    print_error("Can't use send ring sendmsg");
    cfg.snd_msg = false;
  }
  if (cfg.snd_zc && (cfg.send_ring || cfg.snd_bundle)) {
    print_error("Can't use send zc with bundles or ring");
    cfg.send_ring = 0;
    cfg.snd_bundle = false;
  }
  /*
   * For recvmsg w/multishot, we waste some data at the head of the
   * packet every time. Adjust the buffer size to account for that,
   * so we're still handing 'buf_size' actual payload of data.
   */
  if (cfg.rcv_msg && cfg.recv_mshot) {
    print_error('Adjusted buf size for recvmsg w/multishot');
    cfg.buf_size += io_uring_recvmsg_out.size;
  }

  br_mask = cfg.nr_bufs - 1;

  const fd = setup_listening_socket(cfg.receive_port, cfg.ipv6);
  if (cfg.is_sink) cfg.send_port = -1;

  if (fd === -1) return 1;

  process.on('exit', show_stats);
  process.on('SIGINT', sig_int);

  if (!init_ring(ring, MAX_CONNS * 3)) return 1;

  const n = Number;
  print(
    `Backend: sqpoll=${n(cfg.sqpoll)}, defer_tw=${n(cfg.defer_tw)}, fixed_files=${n(cfg.fixed_files)}, ` +
      `is_sink=${n(cfg.is_sink)}, buf_size=${cfg.buf_size}, nr_bufs=${cfg.nr_bufs}, host=${cfg.host}, ` +
      `send_port=${cfg.send_port}, receive_port=${cfg.receive_port}, napi=${cfg.napi}, ` +
      `napi_timeout=${cfg.napi_timeout}, huge_page=0\n`,
  );
  print(
    ` recv options: recvmsg=${n(cfg.rcv_msg)}, recv_mshot=${n(cfg.recv_mshot)}, recv_bundle=${n(cfg.rcv_bundle)}\n`,
  );
  print(
    ` send options: sendmsg=${n(cfg.snd_msg)}, send_ring=${cfg.send_ring}, send_bundle=${n(cfg.snd_bundle)}, ` +
      `send_zerocopy=${n(cfg.snd_zc)}\n`,
  );

  return parent_loop(ring, fd);
}

const thread = threadData<Thread>();
if (thread) thread_main(thread);
else exit(await main(argv.slice(1)));
