/**
 * The port of liburing's test/send_recvmsg.c: simple test case showing using sendmsg and recvmsg through io_uring. C
 * receives in a thread, whose receive is submitted before anything is sent; here the same thread does both. On a free
 * port; C's is 10203.
 */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  IORING_CQE_F_BUFFER,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  type io_uring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_free_buf_ring,
  io_uring_prep_provide_buffers,
  io_uring_prep_recvmsg,
  io_uring_prep_sendmsg,
  io_uring_setup_buf_ring,
  io_uring_submit,
  type iovec,
  msghdr,
  type StructArray,
  sockaddr_in,
} from '../../src/c.js';
import {
  AF_INET,
  EINVAL,
  ENOBUFS,
  INADDR_ANY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '../../src/linux.js';
import { iovecOf, stringOf } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { complete, get_sqe, next, openRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { htonl, loopback, setsockopt, socket, t_bind_ephemeral_port } from './support/sockets.js';
import { usleep } from './support/time.js';

const str = allocString('This is a test of sendmsg and recvmsg over io_uring!');

let ud = 0;

const MAX_MSG = 128;

const BUF_BGID = 10;
const BUF_BID = 89;

function recv_prep(ring: io_uring, iov: StructArray<iovec>, iov_count: number, bgid: number, async: boolean): number {
  const saddr = alloc(sockaddr_in);
  const msg = alloc(msghdr);
  saddr.sin_family = AF_INET;
  saddr.sin_addr.s_addr = htonl(INADDR_ANY);

  const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(sockfd).toBeGreaterThanOrEqual(0);
  closing(sockfd);
  expect(setsockopt(sockfd, SOL_SOCKET, SO_REUSEPORT, 1)).toBe(0);
  expect(setsockopt(sockfd, SOL_SOCKET, SO_REUSEADDR, 1)).toBe(0);
  expect(t_bind_ephemeral_port(sockfd, saddr)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_recvmsg(sqe, sockfd, msg, 0);
  if (bgid) {
    iov.at(0).iov_base = null;
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.buf_group = bgid;
  }
  sqe.user_data = ++ud;
  if (async) sqe.flags |= IOSQE_ASYNC;
  msg.msg_namelen = sockaddr_in.size;
  msg.msg_iov = iov;
  msg.msg_iovlen = bgid ? 1 : iov_count;

  expect(io_uring_submit(ring)).toBe(1);
  return saddr.sin_port;
}

interface RecvData {
  buf_select: boolean;
  buf_ring: boolean;
  no_buf_add: boolean;
  iov_count: number;
  async: boolean;
}

function do_recvmsg(ring: io_uring, buf: Uint8Array, rd: RecvData): void {
  const { res, flags, user_data } = next(ring);
  expect(user_data).toBe(BigInt(ud - 1));
  if (rd.no_buf_add && (rd.buf_select || rd.buf_ring)) {
    expect(res).toBe(-ENOBUFS);
    return;
  }
  expect(res).toBe(str.length);
  // C says so if the id is another one, and goes on
  if (rd.buf_select || rd.buf_ring) {
    expect(flags & IORING_CQE_F_BUFFER).toBe(IORING_CQE_F_BUFFER);
    expect(flags >> 16).toBe(BUF_BID);
  }
  expect(stringOf(buf)).toBe(stringOf(str));
}

/** Each of the iovecs but the last has a byte. */
function init_iov(iov_to_use: number, buf: Uint8Array): StructArray<iovec> {
  const last_idx = iov_to_use - 1;
  return iovecOf(...Array.from({ length: iov_to_use }, (_, i) => buf.subarray(i, i < last_idx ? i + 1 : MAX_MSG)));
}

function do_sendmsg(port: number): void {
  const ring = openRing(1);
  const saddr = loopback(port);
  const msg = alloc(msghdr);
  msg.msg_name = saddr.address;
  msg.msg_namelen = sockaddr_in.size;
  msg.msg_iov = iovecOf(str);
  msg.msg_iovlen = 1;

  const sockfd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(sockfd).toBeGreaterThanOrEqual(0);
  closing(sockfd);

  usleep(10000);

  const { res } = complete(ring, (sqe) => {
    io_uring_prep_sendmsg(sqe, sockfd, msg, 0);
    sqe.user_data = ++ud;
  });
  expect(res).toBe(str.length);
}

function test(rd: RecvData): void {
  const buf = allocArray(MAX_MSG + 1);
  const ring = openRing(1);
  const iov = init_iov(rd.iov_count, buf);

  if ((rd.buf_ring || rd.buf_select) && !rd.no_buf_add) {
    if (rd.buf_ring) {
      const err = allocArray(1, Int32Array);
      const br = io_uring_setup_buf_ring(ring, 1, BUF_BGID, 0, err);
      if (!br) throw new Error(`no buffer ring: ${err[0]}`);
      io_uring_buf_ring_add(br, buf, buf.length, BUF_BID, io_uring_buf_ring_mask(1), 0);
      io_uring_buf_ring_advance(br, 1);
      atEnd(() => expect(io_uring_free_buf_ring(ring, br, 1, BUF_BGID)).toBe(0));
    } else {
      const { res } = complete(ring, (sqe) => {
        io_uring_prep_provide_buffers(sqe, buf, buf.length - 1, 1, BUF_BGID, BUF_BID);
        sqe.user_data = ++ud;
      });
      if (res === -EINVAL) skipCase('PROVIDE_BUFFERS not supported, skip');
      expect(res).toBeGreaterThanOrEqual(0);
    }
  }

  const port = recv_prep(ring, iov, rd.iov_count, rd.buf_ring || rd.buf_select ? BUF_BGID : 0, rd.async);
  do_sendmsg(port);
  do_recvmsg(ring, buf, rd);
}

describe.each([false, true])('async %s', (async) => {
  /* buf_select, buf_ring, no_buf_add, iov_count */
  it.each([
    [false, false, false, 1],
    [false, false, false, 10],
    [true, false, false, 1],
    [true, false, true, 1],
    [false, true, false, 1],
    [true, true, false, 1],
    [true, true, true, 1],
  ])('test(%s, %s, %s, %i)', (buf_select, buf_ring, no_buf_add, iov_count) =>
    test({ buf_select, buf_ring, no_buf_add, iov_count, async }),
  );
});
