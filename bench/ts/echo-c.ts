/**
 * A TCP echo server through the C interface, until it is ended: multishot accept, multishot receives
 * into a ring of buffers, each sent back whole before the connection's next one. bench/c/echo.c is
 * the same.
 * Arguments: port, default or defer.
 */
import { Ring } from 'liburing-wasm';
import {
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_MORE,
  IOSQE_BUFFER_SELECT,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_cq_advance,
  type io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_for_each_cqe,
  io_uring_get_sqe,
  io_uring_prep_multishot_accept,
  io_uring_prep_recv_multishot,
  io_uring_prep_send,
  io_uring_setup_buf_ring,
  type io_uring_sqe,
  io_uring_sqe_set_buf_group,
  io_uring_sqe_set_data64,
  io_uring_sqe_set_flags,
  io_uring_submit,
  io_uring_submit_and_wait,
} from 'liburing-wasm/c';
import { ENOBUFS, MSG_WAITALL } from 'liburing-wasm/linux';
import { openRing } from './batches.js';
import { argument } from './harness.js';
import { listenOn } from './listen.js';

const ENTRIES = 4096;
const BUFFERS = 1024;
const SIZE = 16384;
const MAX_FDS = 65536;
const NOBODY = -1;

const ACCEPT = 0;
const RECEIVE = 1;
const SEND = 2;
const HIGH = 2 ** 32;

// the list of buffers that a connection has to send; the first is being sent
const first = new Int32Array(MAX_FDS);
const last = new Int32Array(MAX_FDS);
const lengths = new Uint32Array(BUFFERS);
const next = new Int32Array(BUFFERS);
/** Connections that found no buffer. */
const starved: number[] = [];

const ring = openRing(ENTRIES, argument(2));
const memory = allocArray(BUFFERS * SIZE);
const addresses = Float64Array.from({ length: BUFFERS }, (_, bid) => memory.byteOffset + bid * SIZE);
const mask = io_uring_buf_ring_mask(BUFFERS);
const shared = io_uring_setup_buf_ring(ring, BUFFERS, 0, 0, allocArray(1, Int32Array));
if (shared === null) throw new Error('io_uring_setup_buf_ring');
const bufRing = shared;

function getSqe(): io_uring_sqe {
  let sqe = io_uring_get_sqe(ring);
  if (sqe !== null) return sqe;
  io_uring_submit(ring);
  sqe = io_uring_get_sqe(ring);
  if (sqe === null) throw new Error('the SQ ring is full');
  return sqe;
}

function acceptAll(fd: number): void {
  const sqe = getSqe();
  io_uring_prep_multishot_accept(sqe, fd, null, null, 0);
  io_uring_sqe_set_data64(sqe, ACCEPT * HIGH + fd);
}

function receive(fd: number): void {
  const sqe = getSqe();
  io_uring_prep_recv_multishot(sqe, fd, null, 0, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
  io_uring_sqe_set_buf_group(sqe, 0);
  io_uring_sqe_set_data64(sqe, RECEIVE * HIGH + fd);
}

function sendFirst(fd: number): void {
  const sqe = getSqe();
  const bid = first[fd] ?? NOBODY;
  io_uring_prep_send(sqe, fd, addresses[bid] ?? 0, lengths[bid] ?? 0, MSG_WAITALL);
  io_uring_sqe_set_data64(sqe, SEND * HIGH + fd);
}

function giveBack(bid: number): void {
  io_uring_buf_ring_add(bufRing, addresses[bid] ?? 0, SIZE, bid, mask, 0);
  io_uring_buf_ring_advance(bufRing, 1);
  const fd = starved.pop();
  if (fd !== undefined) receive(fd);
}

function accepted(listener: number, res: number, flags: number): void {
  if (res < 0 || res >= MAX_FDS) throw new Error('accept');
  first[res] = NOBODY;
  receive(res);
  if (!(flags & IORING_CQE_F_MORE)) acceptAll(listener);
}

function received(fd: number, res: number, flags: number): void {
  if (res === -ENOBUFS) {
    starved.push(fd);
    return;
  }
  // the client ends when its time is up, and ends the server
  if (res <= 0) return;
  const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
  lengths[bid] = res;
  next[bid] = NOBODY;
  if (first[fd] === NOBODY) {
    first[fd] = bid;
    last[fd] = bid;
    sendFirst(fd);
  } else {
    next[last[fd] ?? 0] = bid;
    last[fd] = bid;
  }
  if (!(flags & IORING_CQE_F_MORE)) receive(fd);
}

function sent(fd: number, res: number): void {
  const bid = first[fd] ?? NOBODY;
  if (res >= 0 && res !== lengths[bid]) throw new Error('a short send');
  // the next send to a client that is gone fails, too
  first[fd] = next[bid] ?? NOBODY;
  giveBack(bid);
  if (first[fd] !== NOBODY) sendFirst(fd);
}

function completed(cqe: io_uring_cqe): void {
  const data = io_uring_cqe_get_data(cqe);
  const event = Math.floor(data / HIGH);
  const fd = data % HIGH;
  if (event === SEND) sent(fd, cqe.res);
  else if (event === RECEIVE) received(fd, cqe.res, cqe.flags);
  else accepted(fd, cqe.res, cqe.flags);
}

for (let bid = 0; bid < BUFFERS; bid++) giveBack(bid);
const other = new Ring({ entries: 8 });
acceptAll(await listenOn(other, Number(argument(1))));
await other.close();
for (;;) {
  if (io_uring_submit_and_wait(ring, 1) < 0) throw new Error('io_uring_submit_and_wait');
  let seen = 0;
  for (const cqe of io_uring_for_each_cqe(ring)) {
    completed(cqe);
    seen++;
  }
  io_uring_cq_advance(ring, seen);
}
