/**
 * TCP echo server: multishot accept, multishot receive, a ring of provided buffers, and buffers that
 * go back to it when they have been sent. The port of liburing's examples/echo-server.c, which has two
 * limits: a client that finds no buffer while nothing is being sent to it is not read from again, and
 * short sends are not continued.
 *
 * node build/examples/echo-server.js [port]
 *
 * Default port: 8000. Test with: nc localhost 8000
 */
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_BUFFER_SELECT,
  io_uring,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_cq_advance,
  type io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_for_each_cqe,
  io_uring_free_buf_ring,
  io_uring_get_sqe,
  io_uring_params,
  io_uring_prep_multishot_accept,
  io_uring_prep_recv_multishot,
  io_uring_prep_send,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_setup_buf_ring,
  type io_uring_sqe,
  io_uring_sqe_set_data,
  io_uring_submit,
  io_uring_submit_and_wait,
} from 'liburing-wasm/c';
import { EINTR, EINVAL, ENOBUFS } from 'liburing-wasm/linux';
import { setup_listening_socket } from './helpers.js';
import { atoi, close, strerror } from './libc.js';

const QD = 64;
const BUF_SIZE = 4096;
const BUFFERS = 256; /* must be power of 2 */
const BGID = 0;
const MAX_CONNS = 1024;
const DEFAULT_PORT = 8000;

const EVENT_ACCEPT = 1;
const EVENT_RECV = 2;
const EVENT_SEND = 3;

interface conn {
  fd: number;
  need_recv_rearm: boolean;
}

const ring = alloc(io_uring);
const bufs = allocArray(BUF_SIZE * BUFFERS);
const conns: conn[] = Array.from({ length: MAX_CONNS }, () => ({ fd: -1, need_recv_rearm: false }));
let buf_ring: io_uring_buf_ring;
let listen_fd: number;

/*
 * Encode event type, buffer ID, and file descriptor into a single user_data
 * value. It is a number, which is exact up to bit 52, so that the type is
 * further down than in C:
 *
 *   bits 39-32: event type (ACCEPT, RECV, SEND)
 *   bits 31-16: buffer ID (used by SEND to identify which buffer to recycle)
 *   bits 15-0:  file descriptor
 */
function encode_userdata(type: number, bid: number, fd: number): number {
  return type * 0x100000000 + bid * 0x10000 + fd;
}

const decode_type = (user_data: number): number => Math.floor(user_data / 0x100000000);
const decode_bid = (user_data: number): number => (user_data >>> 16) & 0xffff;
const decode_fd = (user_data: number): number => user_data & 0xffff;

/*
 * Wrapper around io_uring_get_sqe() that handles a full SQ ring by
 * flushing pending submissions before retrying. This can happen when
 * processing a large batch of CQEs that each generate new SQEs.
 */
function get_sqe(): io_uring_sqe {
  let sqe = io_uring_get_sqe(ring);
  if (!sqe) {
    io_uring_submit(ring);
    sqe = io_uring_get_sqe(ring);
  }
  if (!sqe) {
    console.error('cannot get sqe');
    exit(1);
  }
  return sqe;
}

/*
 * Set up the provided buffer ring. The kernel will pick buffers from this
 * ring when a multishot recv needs a buffer, eliminating per-recv buffer
 * management from userspace.
 *
 * We allocate the data buffers separately from the ring structure. The
 * io_uring_setup_buf_ring() helper handles the ring allocation and
 * registration with the kernel.
 */
function setup_buffer_ring(): number {
  const ret = allocArray(1, Int32Array);
  const br = io_uring_setup_buf_ring(ring, BUFFERS, BGID, 0, ret);
  if (!br) {
    console.error(`buffer ring setup failed: ${strerror(-(ret[0] as number))}`);
    return 1;
  }
  buf_ring = br;

  for (let i = 0; i < BUFFERS; i++) {
    io_uring_buf_ring_add(buf_ring, bufs.byteOffset + i * BUF_SIZE, BUF_SIZE, i, io_uring_buf_ring_mask(BUFFERS), i);
  }
  io_uring_buf_ring_advance(buf_ring, BUFFERS);

  return 0;
}

function cleanup_buffer_ring(): void {
  io_uring_free_buf_ring(ring, buf_ring, BUFFERS, BGID);
}

/*
 * Return a buffer to the provided buffer ring after a send completes.
 * This is the critical step in the buffer lifecycle: the buffer was
 * consumed by a multishot recv, used by a send, and is now free to be
 * reused by a future recv.
 */
function recycle_buffer(bid: number): void {
  io_uring_buf_ring_add(buf_ring, bufs.byteOffset + bid * BUF_SIZE, BUF_SIZE, bid, BUFFERS - 1, 0);
  io_uring_buf_ring_advance(buf_ring, 1);
}

/*
 * Submit a multishot accept request on the listening socket. A single
 * multishot accept arms once and generates a CQE for each new incoming
 * connection. It stays active until an error occurs (signaled by the
 * absence of IORING_CQE_F_MORE in cqe->flags).
 */
function add_multishot_accept(): void {
  const sqe = get_sqe();
  io_uring_prep_multishot_accept(sqe, listen_fd, null, null, 0);
  io_uring_sqe_set_data(sqe, encode_userdata(EVENT_ACCEPT, 0, listen_fd));
}

/*
 * Submit a multishot recv on a connected client socket. The
 * IOSQE_BUFFER_SELECT flag tells the kernel to pick a buffer from our
 * provided buffer ring (identified by buf_group = BGID). Each incoming
 * data chunk generates a CQE with the buffer ID in cqe->flags.
 */
function add_recv(fd: number): void {
  const sqe = get_sqe();
  io_uring_prep_recv_multishot(sqe, fd, null, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = BGID;
  io_uring_sqe_set_data(sqe, encode_userdata(EVENT_RECV, 0, fd));
}

/*
 * Submit a send echoing data back to the client. The buffer ID is encoded
 * in user_data so we can recycle the buffer when the send completes.
 */
function add_send(fd: number, bid: number, len: number): void {
  const sqe = get_sqe();
  io_uring_prep_send(sqe, fd, bufs.byteOffset + bid * BUF_SIZE, len, 0);
  io_uring_sqe_set_data(sqe, encode_userdata(EVENT_SEND, bid, fd));
}

function close_conn(fd: number): void {
  const conn = conns[fd];
  if (conn) {
    // when both a send and a receive fail, C closes the fd twice, and it may be another's by then
    if (conn.fd === -1) return;
    conn.fd = -1;
    conn.need_recv_rearm = false;
  }
  close(fd);
}

/*
 * Handle a CQE from the multishot accept. On success, cqe->res is the
 * new client fd. We immediately arm a multishot recv for it.
 *
 * If the multishot terminates (IORING_CQE_F_MORE not set), we re-arm it.
 * This happens when an error occurs on the accept itself.
 */
function handle_accept(cqe: io_uring_cqe): void {
  const fd = cqe.res;
  if (fd < 0) {
    console.error(`accept error: ${strerror(-fd)}`);
    if (!(cqe.flags & IORING_CQE_F_MORE)) add_multishot_accept();
    return;
  }

  /* Defensive: re-arm if multishot terminates on a success CQE */
  if (!(cqe.flags & IORING_CQE_F_MORE)) add_multishot_accept();

  const conn = conns[fd];
  if (!conn) {
    console.error(`fd ${fd} exceeds MAX_CONNS`);
    close(fd);
    return;
  }

  conn.fd = fd;
  conn.need_recv_rearm = false;
  add_recv(fd);
}

/*
 * Handle a CQE from a multishot recv. On success, cqe->res is the number
 * of bytes received, and the buffer ID is in the upper 16 bits of
 * cqe->flags.
 *
 * The buffer lifecycle:
 *   1. Kernel picks a buffer from the ring (buffer leaves the ring)
 *   2. We receive data in that buffer via this CQE
 *   3. We submit a send using the same buffer
 *   4. When the send completes, we recycle the buffer back to the ring
 *
 * If ENOBUFS is returned, all buffers are in-flight (consumed by recv
 * but not yet recycled after send). The multishot terminates and will be
 * re-armed when the send handler recycles a buffer.
 */
function handle_recv(cqe: io_uring_cqe, user_data: number): void {
  const fd = decode_fd(user_data);
  const conn = conns[fd] as conn;
  const { res, flags } = cqe;

  /* EOF: client disconnected */
  if (res === 0) {
    close_conn(fd);
    return;
  }

  if (res < 0) {
    if (res === -ENOBUFS) {
      /*
       * All provided buffers are in use. The multishot
       * recv is terminated. We'll re-arm it from the
       * send handler once a buffer is recycled.
       */
      conn.need_recv_rearm = true;
      return;
    }
    /* Connection error */
    close_conn(fd);
    return;
  }

  /*
   * Successful receive. The IORING_CQE_F_BUFFER flag indicates that
   * a buffer was consumed from the ring. Extract the buffer ID.
   */
  if (!(flags & IORING_CQE_F_BUFFER)) {
    console.error('recv cqe without buffer');
    close_conn(fd);
    return;
  }

  const bid = flags >>> IORING_CQE_BUFFER_SHIFT;

  /* Echo the data back to the client */
  /* TODO: handle short sends for production use */
  add_send(fd, bid, res);

  /*
   * If IORING_CQE_F_MORE is not set, the multishot recv has
   * terminated for a reason other than ENOBUFS (which we handled
   * above). Mark for re-arm.
   */
  if (!(flags & IORING_CQE_F_MORE)) conn.need_recv_rearm = true;
}

/*
 * Handle a CQE from a send. Recycle the buffer unconditionally (even on
 * error), and check if the connection's multishot recv needs re-arming.
 */
function handle_send(cqe: io_uring_cqe, user_data: number): void {
  const bid = decode_bid(user_data);
  const fd = decode_fd(user_data);

  /* Always recycle the buffer, regardless of send success */
  recycle_buffer(bid);

  if (cqe.res < 0) {
    close_conn(fd);
    return;
  }

  /*
   * Re-arm multishot recv if it was terminated due to ENOBUFS
   * or another non-fatal reason. Check that the connection is
   * still alive first -- it may have been closed by an earlier
   * CQE in this batch.
   */
  const conn = conns[fd];
  if (conn && conn.fd !== -1 && conn.need_recv_rearm) {
    conn.need_recv_rearm = false;
    add_recv(fd);
  }
}

function event_loop(): void {
  add_multishot_accept();

  while (true) {
    const ret = io_uring_submit_and_wait(ring, 1);
    if (ret === -EINTR) continue;
    if (ret < 0) {
      console.error(`submit_and_wait: ${strerror(-ret)}`);
      break;
    }

    let count = 0;
    for (const cqe of io_uring_for_each_cqe(ring)) {
      const user_data = io_uring_cqe_get_data(cqe);
      switch (decode_type(user_data)) {
        case EVENT_ACCEPT:
          handle_accept(cqe);
          break;
        case EVENT_RECV:
          handle_recv(cqe, user_data);
          break;
        case EVENT_SEND:
          handle_send(cqe, user_data);
          break;
        default:
          console.error(`unexpected event type ${decode_type(user_data)}`);
          exit(1);
      }
      count++;
    }
    io_uring_cq_advance(ring, count);
  }
}

function main(argv: readonly string[]): number {
  const params = alloc(io_uring_params);
  let port = DEFAULT_PORT;

  if (argv.length > 1) port = atoi(argv[1]);

  listen_fd = setup_listening_socket(port, false);
  if (listen_fd < 0) return 1;

  /*
   * DEFER_TASKRUN: completions are only processed when the
   * application explicitly waits for them, reducing overhead.
   * Requires SINGLE_ISSUER (only one thread submits to the ring).
   *
   * SUBMIT_ALL: continue submitting remaining SQEs even if one
   * fails, preventing one bad SQE from blocking a batch.
   *
   * CQSIZE: multishot operations can produce CQEs faster than
   * single-shot, so we oversize the CQ ring to prevent overflow.
   */
  params.cq_entries = QD * 8;
  params.flags =
    IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

  let ret = io_uring_queue_init_params(QD, ring, params);
  if (ret === -EINVAL) {
    /* Kernel < 6.1, fall back to COOP_TASKRUN */
    params.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN;
    ret = io_uring_queue_init_params(QD, ring, params);
  }
  if (ret < 0) {
    console.error(`queue_init: ${strerror(-ret)}`);
    close(listen_fd);
    return 1;
  }

  if (setup_buffer_ring()) {
    io_uring_queue_exit(ring);
    close(listen_fd);
    return 1;
  }

  console.log(`echo server listening on port ${port}`);

  event_loop();

  cleanup_buffer_ring();
  close(listen_fd);
  io_uring_queue_exit(ring);
  return 0;
}

exit(main(argv.slice(1)));
