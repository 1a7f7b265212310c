/** Sending, receiving, listening and accepting: each argument, by what the kernel makes of it. */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_OP_LISTEN,
  IORING_OP_READV_FIXED,
  IORING_OP_SEND_ZC,
  IORING_OP_SENDMSG_ZC,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_free_buf_ring,
  io_uring_prep_accept,
  io_uring_prep_accept_direct,
  io_uring_prep_cmd_getsockname,
  io_uring_prep_listen,
  io_uring_prep_multishot_accept,
  io_uring_prep_multishot_accept_direct,
  io_uring_prep_recv,
  io_uring_prep_recv_multishot,
  io_uring_prep_recvmsg,
  io_uring_prep_recvmsg_multishot,
  io_uring_prep_send,
  io_uring_prep_send_bundle,
  io_uring_prep_send_zc,
  io_uring_prep_send_zc_fixed,
  io_uring_prep_sendmsg,
  io_uring_prep_sendmsg_zc,
  io_uring_prep_sendmsg_zc_fixed,
  io_uring_prep_socket_direct,
  io_uring_prep_socket_direct_alloc,
  io_uring_register_buffers_sparse,
  io_uring_register_buffers_update_tag,
  io_uring_register_files_sparse,
  io_uring_setup_buf_ring,
  io_uring_sqe,
  io_uring_submit,
  msghdr,
  sockaddr_in,
} from '../../../src/c.js';
import {
  AF_INET,
  EINVAL,
  ENOTCONN,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  O_NONBLOCK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  TCP_INFO,
} from '../../../src/linux.js';
import { iovecOf, stringOf } from '../support/buffers.js';
import { atEnd, closing } from '../support/clean.js';
import { fcntl } from '../support/files.js';
import { type Completion, complete, get_sqe, next, openRing } from '../support/rings.js';
import { lacking, needs } from '../support/skip.js';
import { bind, connect, getsockname, listen, loopback, recv, send, socket } from '../support/sockets.js';
import { number, syscall } from '../support/syscall.js';

const buf = allocArray(64);
const text = (string: string): Uint8Array =>
  allocArray(string.length)
    .fill(0)
    .map((_, i) => string.charCodeAt(i));

/** Two connected UDP sockets. */
function datagrams(): { from: number; to: number } {
  const [from, to] = [closing(socket(AF_INET, SOCK_DGRAM, 0)), closing(socket(AF_INET, SOCK_DGRAM, 0))];
  const addr = loopback();
  expect(bind(to, addr)).toBe(0);
  expect(getsockname(to, addr)).toBe(0);
  expect(connect(from, addr)).toBe(0);
  return { from, to };
}

function listener(backlog = 8): { fd: number; addr: sockaddr_in } {
  const fd = closing(socket(AF_INET, SOCK_STREAM, 0));
  const addr = loopback();
  expect(bind(fd, addr)).toBe(0);
  expect(listen(fd, backlog)).toBe(0);
  expect(getsockname(fd, addr)).toBe(0);
  return { fd, addr };
}

/** A client of a listener, and its own address. */
function client(addr: sockaddr_in): { fd: number; port: number } {
  const fd = closing(socket(AF_INET, SOCK_STREAM, 0));
  expect(connect(fd, addr)).toBe(0);
  const own = loopback();
  expect(getsockname(fd, own)).toBe(0);
  return { fd, port: own.sin_port };
}

function message(...parts: Uint8Array[]): msghdr {
  const msg = alloc(msghdr);
  msg.msg_iov = iovecOf(...parts);
  msg.msg_iovlen = parts.length;
  return msg;
}

/** Buffers of 16 bytes, as group 1. */
function provide(ring: io_uring): Uint8Array {
  const err = allocArray(1, Int32Array);
  const br = io_uring_setup_buf_ring(ring, 4, 1, 0, err);
  if (!br) throw new Error(`no buffer ring: ${err[0]}`);
  atEnd(() => io_uring_free_buf_ring(ring, br, 4, 1));
  const memory = allocArray(4 * 16);
  for (let i = 0; i < 4; i++) io_uring_buf_ring_add(br, memory.subarray(i * 16), 16, i, 3, i);
  io_uring_buf_ring_advance(br, 4);
  return memory;
}

/** Lets the request take its buffer from the group. */
function selecting(sqe: io_uring_sqe): void {
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = 1;
}

it('io_uring_prep_send, io_uring_prep_recv: the flags', () => {
  const ring = openRing();
  const { from, to } = datagrams();
  const [hello, got] = [text('hello'), allocArray(8)];
  expect(complete(ring, (sqe) => io_uring_prep_send(sqe, from, hello, 5, MSG_OOB)).res).toBe(-EOPNOTSUPP);
  expect(complete(ring, (sqe) => io_uring_prep_send(sqe, from, hello, 5, 0)).res).toBe(5);
  // the datagram stays, and says how long it is
  const peek = complete(ring, (sqe) => io_uring_prep_recv(sqe, to, got, 3, MSG_PEEK | MSG_TRUNC));
  expect([peek.res, stringOf(got)]).toEqual([5, 'hel']);
  expect(complete(ring, (sqe) => io_uring_prep_recv(sqe, to, got, 8, 0)).res).toBe(5);
  expect(stringOf(got)).toBe('hello');
});

it('io_uring_prep_sendmsg, io_uring_prep_recvmsg: the flags', () => {
  const ring = openRing();
  const { from, to } = datagrams();
  const [first, second] = [allocArray(2), allocArray(8)];
  const out = message(text('he'), text('llo'));
  expect(complete(ring, (sqe) => io_uring_prep_sendmsg(sqe, from, out, MSG_OOB)).res).toBe(-EOPNOTSUPP);
  expect(complete(ring, (sqe) => io_uring_prep_sendmsg(sqe, from, out, 0)).res).toBe(5);
  const peek = complete(ring, (sqe) => io_uring_prep_recvmsg(sqe, to, message(first), MSG_PEEK | MSG_TRUNC));
  expect([peek.res, stringOf(first)]).toEqual([5, 'he']);
  expect(complete(ring, (sqe) => io_uring_prep_recvmsg(sqe, to, message(first, second), 0)).res).toBe(5);
  expect([stringOf(first), stringOf(second)]).toEqual(['he', 'llo']);
});

it('io_uring_prep_recv_multishot: its length, and its flags', () => {
  const ring = openRing();
  const { from, to } = datagrams();
  const memory = provide(ring);
  const receive = (sqe: io_uring_sqe, len: number, flags: number): void => {
    io_uring_prep_recv_multishot(sqe, to, null, len, flags);
    selecting(sqe);
  };
  const refused = complete(ring, (sqe) => receive(sqe, 0, MSG_WAITALL));
  expect(refused.res).toBe(-EINVAL);
  receive(get_sqe(ring), 3, MSG_TRUNC);
  expect(io_uring_submit(ring)).toBe(1);
  expect(send(from, text('hello'), 5, 0)).toBe(5);
  const { res } = next(ring);
  if (res === -EINVAL) return lacking('no length for recv_multishot');
  // at most that much of a buffer
  expect(res).toBe(5);
  expect(stringOf(memory)).toBe('hel');
  // the address is not used: buffers are what is selected
  const sqe = alloc(io_uring_sqe);
  io_uring_prep_recv_multishot(sqe, to, memory, 3, 0);
  expect([sqe.addr, sqe.len]).toEqual([BigInt(memory.byteOffset), 3]);
});

it('io_uring_prep_recvmsg_multishot: the flags', () => {
  const ring = openRing();
  const { to } = datagrams();
  provide(ring);
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_recvmsg_multishot(sqe, to, alloc(msghdr), MSG_WAITALL);
    selecting(sqe);
  });
  expect(res).toBe(-EINVAL);
});

it('io_uring_prep_send_bundle: its length, and its flags', () => {
  const ring = openRing();
  const { from, to } = datagrams();
  const memory = provide(ring);
  for (let i = 0; i < memory.length; i += 16) memory.set(text('0123456789'), i);
  const bundle = (len: number, flags: number): Completion =>
    complete(ring, (sqe) => {
      io_uring_prep_send_bundle(sqe, from, len, flags);
      selecting(sqe);
    });
  if (!(ring.features & IORING_FEAT_RECVSEND_BUNDLE)) return lacking('no bundles');
  expect(bundle(3, MSG_OOB).res).toBe(-EOPNOTSUPP);
  expect(bundle(3, 0).res).toBe(3);
  expect(recv(to, buf.fill(0), 64, 0)).toBe(3);
  expect(stringOf(buf)).toBe('012');
});

/** A request that sends without a copy: its result, once its notification has come, too. */
function sent(ring: io_uring, prep: (sqe: io_uring_sqe) => void): number {
  const { res, flags } = complete(ring, prep);
  if (flags & IORING_CQE_F_MORE) expect(next(ring).flags & IORING_CQE_F_NOTIF).not.toBe(0);
  return res;
}

it('io_uring_prep_send_zc, io_uring_prep_send_zc_fixed: the flags', () => {
  needs(IORING_OP_SEND_ZC, 'IORING_OP_SEND_ZC');
  const ring = openRing();
  const { from, to } = datagrams();
  const hello = text('hello');
  expect(io_uring_register_buffers_sparse(ring, 3)).toBe(0);
  expect(io_uring_register_buffers_update_tag(ring, 2, iovecOf(hello), null, 1)).toBe(1);
  const plain = (flags: number, zc_flags: number): number =>
    sent(ring, (sqe) => io_uring_prep_send_zc(sqe, from, hello, 5, flags, zc_flags));
  const fixed = (flags: number, zc_flags: number): number =>
    sent(ring, (sqe) => io_uring_prep_send_zc_fixed(sqe, from, hello.subarray(1), 4, flags, zc_flags, 2));
  for (const send of [plain, fixed]) {
    expect(send(MSG_OOB, 0)).toBe(-EOPNOTSUPP);
    expect(send(0, 0x8000)).toBe(-EINVAL);
    expect(send(MSG_OOB, 0x8000)).toBe(-EINVAL);
  }
  expect([plain(0, 0), fixed(0, 0)]).toEqual([5, 4]);
  expect([recv(to, buf, 64, 0), recv(to, buf.fill(0), 64, 0)]).toEqual([5, 4]);
  expect(stringOf(buf)).toBe('ello');
});

it('io_uring_prep_sendmsg_zc: the flags', () => {
  needs(IORING_OP_SENDMSG_ZC, 'IORING_OP_SENDMSG_ZC');
  const ring = openRing();
  const { from, to } = datagrams();
  const out = message(text('he'), text('llo'));
  expect(sent(ring, (sqe) => io_uring_prep_sendmsg_zc(sqe, from, out, MSG_OOB))).toBe(-EOPNOTSUPP);
  expect(sent(ring, (sqe) => io_uring_prep_sendmsg_zc(sqe, from, out, 0))).toBe(5);
  expect(recv(to, buf.fill(0), 64, 0)).toBe(5);
  expect(stringOf(buf)).toBe('hello');
});

it('io_uring_prep_sendmsg_zc_fixed: the flags', () => {
  // the kernel added it with the vectored ones
  needs(IORING_OP_READV_FIXED, 'IORING_OP_READV_FIXED');
  const ring = openRing();
  const { from } = datagrams();
  const hello = text('hello');
  expect(io_uring_register_buffers_sparse(ring, 3)).toBe(0);
  expect(io_uring_register_buffers_update_tag(ring, 2, iovecOf(hello), null, 1)).toBe(1);
  const send = (flags: number): number =>
    sent(ring, (sqe) => io_uring_prep_sendmsg_zc_fixed(sqe, from, message(hello), flags, 2));
  expect(send(MSG_OOB)).toBe(-EOPNOTSUPP);
  expect(send(0)).toBe(5);
});

it('io_uring_prep_listen: the backlog', () => {
  needs(IORING_OP_LISTEN, 'IORING_OP_LISTEN');
  const ring = openRing();
  const { fd } = listener(8);
  // struct tcp_info of a listener: tcpi_sacked is the longest that its queue gets
  const info = allocArray(104);
  const backlog = (): number => {
    expect(syscall('getsockopt', fd, IPPROTO_TCP, TCP_INFO, info, Int32Array.of(104))).toBe(0);
    return new DataView(info.buffer, info.byteOffset).getUint32(28, true);
  };
  expect(backlog()).toBe(8);
  expect(complete(ring, (sqe) => io_uring_prep_listen(sqe, fd, 5)).res).toBe(0);
  expect(backlog()).toBe(5);
});

it('io_uring_prep_accept', () => {
  const ring = openRing();
  const { fd, addr } = listener();
  const { port } = client(addr);
  const [peer, len] = [alloc(sockaddr_in), allocArray(1, Uint32Array).fill(sockaddr_in.size + 8)];
  const { res } = complete(ring, (sqe) => io_uring_prep_accept(sqe, fd, peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC));
  expect(res).toBeGreaterThanOrEqual(0);
  closing(res);
  expect([peer.sin_port, len[0]]).toEqual([port, sockaddr_in.size]);
  expect(fcntl(res, 'F_GETFL') & O_NONBLOCK).not.toBe(0);
  expect(fcntl(res, 'F_GETFD')).toBe(number('FD_CLOEXEC'));
});

/** Whether a slot's socket receives what its peer sends. */
function receives(ring: io_uring, slot: number, peer: number): boolean {
  expect(send(peer, text('hello'), 5, 0)).toBe(5);
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_recv(sqe, slot, buf, 64, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  return res === 5;
}

it('io_uring_prep_accept_direct', () => {
  const ring = openRing();
  const { fd, addr } = listener();
  const { fd: from, port } = client(addr);
  const [peer, len] = [alloc(sockaddr_in), allocArray(1, Uint32Array).fill(sockaddr_in.size + 8)];
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const accept = (flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_accept_direct(sqe, fd, peer, len, flags, 2)).res;
  // a direct descriptor has no close-on-exec flag
  expect(accept(SOCK_CLOEXEC)).toBe(-EINVAL);
  expect(accept(0)).toBe(0);
  expect([peer.sin_port, len[0]]).toEqual([port, sockaddr_in.size]);
  expect(receives(ring, 2, from)).toBe(true);
});

it('io_uring_prep_multishot_accept: the address', () => {
  const ring = openRing();
  const { fd, addr } = listener();
  const [peer, len] = [alloc(sockaddr_in), allocArray(1, Uint32Array).fill(sockaddr_in.size + 8)];
  io_uring_prep_multishot_accept(get_sqe(ring), fd, peer, len, 0);
  expect(io_uring_submit(ring)).toBe(1);
  const { port } = client(addr);
  closing(next(ring).res);
  expect([peer.sin_port, len[0]]).toEqual([port, sockaddr_in.size]);
});

it('io_uring_prep_multishot_accept_direct: the address, and the flags', () => {
  const ring = openRing();
  const { fd, addr } = listener();
  const [peer, len] = [alloc(sockaddr_in), allocArray(1, Uint32Array).fill(sockaddr_in.size + 8)];
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const accept = (flags: number) => (sqe: io_uring_sqe) =>
    io_uring_prep_multishot_accept_direct(sqe, fd, peer, len, flags);
  expect(complete(ring, accept(SOCK_CLOEXEC)).res).toBe(-EINVAL);
  accept(0)(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(1);
  const { fd: from, port } = client(addr);
  const { res } = next(ring);
  expect(res).toBeGreaterThanOrEqual(0);
  expect([peer.sin_port, len[0]]).toEqual([port, sockaddr_in.size]);
  expect(receives(ring, res, from)).toBe(true);
});

it.each([
  { name: 'io_uring_prep_socket_direct', slot: 2 },
  { name: 'io_uring_prep_socket_direct_alloc', slot: 0 },
])('$name', ({ name, slot }) => {
  const ring = openRing();
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const make = (domain: number, type: number, protocol: number, flags: number): number =>
    complete(ring, (sqe) =>
      name === 'io_uring_prep_socket_direct'
        ? io_uring_prep_socket_direct(sqe, domain, type, protocol, slot, flags)
        : io_uring_prep_socket_direct_alloc(sqe, domain, type, protocol, flags),
    ).res;
  expect(make(AF_INET, SOCK_DGRAM, IPPROTO_TCP, 0)).toBe(-EPROTONOSUPPORT);
  expect(make(AF_INET, SOCK_DGRAM, IPPROTO_UDP, 1)).toBe(-EINVAL);
  expect(make(AF_INET, SOCK_STREAM, IPPROTO_TCP, 0)).toBe(0);
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_recv(sqe, slot, buf, 64, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  // it is a stream socket, and in that slot
  expect(res).toBe(-ENOTCONN);
});

it('io_uring_prep_cmd_getsockname', () => {
  const ring = openRing();
  const { fd, addr } = listener();
  const { fd: from, port } = client(addr);
  const [name, len] = [alloc(sockaddr_in), allocArray(1, Int32Array)];
  const getsockname = (socket: number, peer: number): number => {
    name.sin_port = 0;
    len[0] = sockaddr_in.size + 8;
    return complete(ring, (sqe) => io_uring_prep_cmd_getsockname(sqe, socket, name, len, peer)).res;
  };
  // older kernels do not know the command
  const sqe = alloc(io_uring_sqe);
  io_uring_prep_cmd_getsockname(sqe, from, name, len, 1);
  expect([sqe.fd, sqe.addr, sqe.addr3, sqe.optlen]).toEqual([from, BigInt(name.address), BigInt(len.byteOffset), 1]);
  const ret = getsockname(from, 0);
  if (ret === -EOPNOTSUPP || ret === -EINVAL) return lacking('no SOCKET_URING_OP_GETSOCKNAME');
  expect([ret, name.sin_port, len[0]]).toEqual([0, port, sockaddr_in.size]);
  expect([getsockname(from, 1), name.sin_port]).toEqual([0, addr.sin_port]);
  expect([getsockname(fd, 1)]).toEqual([-ENOTCONN]);
});
