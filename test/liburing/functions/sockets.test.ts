/** Sockets: functions that no port calls. */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_OP_READV_FIXED,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_opcode_supported,
  io_uring_prep_multishot_accept,
  io_uring_prep_multishot_accept_direct,
  io_uring_prep_recv,
  io_uring_prep_recv_multishot,
  io_uring_prep_recvmsg_multishot,
  io_uring_prep_send,
  io_uring_prep_send_bundle,
  io_uring_prep_send_set_addr,
  io_uring_prep_send_zc,
  io_uring_prep_send_zc_fixed,
  io_uring_prep_sendmsg,
  io_uring_prep_sendmsg_zc_fixed,
  io_uring_prep_sendto,
  io_uring_prep_shutdown,
  io_uring_prep_socket,
  io_uring_recvmsg_cmsg_firsthdr,
  io_uring_recvmsg_cmsg_nexthdr,
  io_uring_recvmsg_name,
  io_uring_recvmsg_validate,
  io_uring_register_buffers_sparse,
  io_uring_register_buffers_update_tag,
  io_uring_register_files_sparse,
  io_uring_setup_buf_ring,
  type io_uring_sqe,
  io_uring_submit,
  msghdr,
  sockaddr_in,
} from '../../../src/c.js';
import {
  AF_INET,
  AF_UNIX,
  EAGAIN,
  EDESTADDRREQ,
  EINVAL,
  EOPNOTSUPP,
  EPIPE,
  EPROTONOSUPPORT,
  IPPROTO_IP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_WAITALL,
  O_NONBLOCK,
  SHUT_WR,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../../src/linux.js';
import { bytesAt, iovecOf, stringOf } from '../support/buffers.js';
import { closing } from '../support/clean.js';
import { fcntl } from '../support/files.js';
import { complete, get_sqe, next, openRing } from '../support/rings.js';
import { lacking } from '../support/skip.js';
import {
  bind,
  connect,
  fdPair,
  getsockname,
  getsockopt,
  listen,
  loopback,
  recv,
  send,
  sendto,
  setsockopt,
  shutdown,
  socket,
  socketpair,
  t_create_socketpair_ip,
} from '../support/sockets.js';

/* <netinet/in.h> */
const [IP_TOS, IP_TTL, IP_RECVTTL, IP_RECVTOS] = [1, 2, 12, 13] as const;

const buf = allocArray(64);
const hello = allocString('hello').subarray(0, 5);

function pair(type: number): Int32Array & { 0: number; 1: number } {
  const fds = fdPair();
  expect(socketpair(AF_UNIX, type, 0, fds)).toBe(0);
  for (const fd of fds) closing(fd);
  return fds;
}

/** A UDP socket of loopback, and its address. */
function udp(): { fd: number; addr: sockaddr_in } {
  const fd = closing(socket(AF_INET, SOCK_DGRAM, 0));
  const addr = loopback();
  expect(bind(fd, addr)).toBe(0);
  expect(getsockname(fd, addr)).toBe(0);
  return { fd, addr };
}

function tcpListener(): { fd: number; addr: sockaddr_in } {
  const fd = closing(socket(AF_INET, SOCK_STREAM, 0));
  const addr = loopback();
  expect(bind(fd, addr)).toBe(0);
  expect(listen(fd, 8)).toBe(0);
  expect(getsockname(fd, addr)).toBe(0);
  return { fd, addr };
}

it('io_uring_prep_socket', () => {
  const ring = openRing();
  const make = (domain: number, type: number, protocol: number, flags = 0): number =>
    complete(ring, (sqe) => io_uring_prep_socket(sqe, domain, type, protocol, flags)).res;
  const fd = make(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
  expect(fd).toBeGreaterThanOrEqual(0);
  closing(fd);
  expect(getsockopt(fd, SOL_SOCKET, SO_TYPE)).toBe(SOCK_DGRAM);
  expect(getsockopt(fd, SOL_SOCKET, SO_DOMAIN)).toBe(AF_INET);
  const local = closing(make(AF_UNIX, SOCK_DGRAM, 0));
  expect([getsockopt(local, SOL_SOCKET, SO_DOMAIN), getsockopt(local, SOL_SOCKET, SO_TYPE)]).toEqual([
    AF_UNIX,
    SOCK_DGRAM,
  ]);
  expect(make(AF_INET, SOCK_DGRAM, IPPROTO_TCP)).toBe(-EPROTONOSUPPORT);
  expect(make(AF_INET, SOCK_DGRAM, 0, 1)).toBe(-EINVAL);
});

it('io_uring_prep_shutdown', () => {
  const ring = openRing();
  const fds = pair(SOCK_STREAM);
  expect(complete(ring, (sqe) => io_uring_prep_shutdown(sqe, fds[0], SHUT_WR)).res).toBe(0);
  expect(recv(fds[1], buf, 1, 0)).toBe(0);
  // the other direction is still open
  expect(send(fds[1], hello, 5, 0)).toBe(5);
  expect(recv(fds[0], buf, 5, 0)).toBe(5);
  expect(complete(ring, (sqe) => io_uring_prep_shutdown(sqe, fds[0], 99)).res).toBe(-EINVAL);
});

it('io_uring_prep_sendto', () => {
  const ring = openRing();
  const [from, to, other] = [udp(), udp(), udp()];
  const { res } = complete(ring, (sqe) => io_uring_prep_sendto(sqe, from.fd, hello, 5, 0, to.addr, sockaddr_in.size));
  expect(res).toBe(5);
  expect(recv(to.fd, buf, 64, MSG_DONTWAIT)).toBe(5);
  expect(stringOf(buf.subarray(0, 5))).toBe('hello');
  expect(recv(other.fd, buf, 64, MSG_DONTWAIT)).toBe(-EAGAIN);
  // not connected, and told no address
  expect(complete(ring, (sqe) => io_uring_prep_sendto(sqe, from.fd, hello, 5, 0, null, 0)).res).toBe(-EDESTADDRREQ);
  expect(complete(ring, (sqe) => io_uring_prep_sendto(sqe, from.fd, hello, 5, MSG_OOB, to.addr, 16)).res).toBe(
    -EOPNOTSUPP,
  );
});

it('io_uring_prep_send_set_addr', () => {
  const ring = openRing();
  const [from, to] = [udp(), udp()];
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_send(sqe, from.fd, hello, 5, 0);
    io_uring_prep_send_set_addr(sqe, to.addr, sockaddr_in.size);
  });
  expect(res).toBe(5);
  expect(recv(to.fd, buf, 64, MSG_DONTWAIT)).toBe(5);
  const refused = complete(ring, (sqe) => {
    io_uring_prep_send(sqe, from.fd, hello, 5, 0);
    io_uring_prep_send_set_addr(sqe, to.addr, 4);
  });
  expect(refused.res).toBe(-EINVAL);
});

it('io_uring_prep_sendmsg', () => {
  const ring = openRing();
  const fds = pair(SOCK_STREAM);
  const msg = alloc(msghdr);
  msg.msg_iov = iovecOf(hello, hello);
  msg.msg_iovlen = 2;
  expect(complete(ring, (sqe) => io_uring_prep_sendmsg(sqe, fds[0], msg, 0)).res).toBe(10);
  expect(recv(fds[1], buf, 64, 0)).toBe(10);
  expect(stringOf(buf.subarray(0, 10))).toBe('hellohello');
  expect(shutdown(fds[0], SHUT_WR)).toBe(0);
  expect(complete(ring, (sqe) => io_uring_prep_sendmsg(sqe, fds[0], msg, MSG_NOSIGNAL)).res).toBe(-EPIPE);
});

describe('zero-copy sends', () => {
  const send_zc = (prep: (sqe: io_uring_sqe, fd: number, ring: io_uring) => void): void => {
    const ring = openRing();
    const { client, server } = t_create_socketpair_ip({ ipv6: false, client_connect: true, msg_zc: false, tcp: true });
    closing(client);
    closing(server);
    prep(get_sqe(ring), client, ring);
    expect(io_uring_submit(ring)).toBe(1);
    const first = next(ring);
    expect(first.res).toBe(5);
    expect(first.flags & IORING_CQE_F_MORE).not.toBe(0);
    expect(recv(server, buf.fill(0), 64, 0)).toBe(5);
    expect(stringOf(buf)).toBe('hello');
    expect(next(ring).flags & IORING_CQE_F_NOTIF).not.toBe(0);
  };

  it('io_uring_prep_send_zc', () => {
    send_zc((sqe, fd) => io_uring_prep_send_zc(sqe, fd, hello, 5, 0, 0));
    const ring = openRing();
    const { fd } = udp();
    expect(complete(ring, (sqe) => io_uring_prep_send_zc(sqe, fd, hello, 5, 0, 0x8000)).res).toBe(-EINVAL);
  });

  it('io_uring_prep_send_zc_fixed', () => {
    send_zc((sqe, fd, ring) => {
      expect(io_uring_register_buffers_sparse(ring, 3)).toBe(0);
      expect(io_uring_register_buffers_update_tag(ring, 2, iovecOf(hello), null, 1)).toBe(1);
      io_uring_prep_send_zc_fixed(sqe, fd, hello, 5, 0, 0, 2);
    });
  });

  it('io_uring_prep_sendmsg_zc_fixed', () => {
    const ring = openRing();
    const probe = io_uring_get_probe_ring(ring);
    const supported = probe !== null && io_uring_opcode_supported(probe, IORING_OP_READV_FIXED);
    if (probe) io_uring_free_probe(probe);
    if (!supported) return lacking('no vectored operations with registered buffers');
    send_zc((sqe, fd, r) => {
      const msg = alloc(msghdr);
      msg.msg_iov = iovecOf(hello.subarray(0, 2), hello.subarray(2));
      msg.msg_iovlen = 2;
      expect(io_uring_register_buffers_sparse(r, 3)).toBe(0);
      expect(io_uring_register_buffers_update_tag(r, 2, iovecOf(hello), null, 1)).toBe(1);
      io_uring_prep_sendmsg_zc_fixed(sqe, fd, msg, 0, 2);
    });
  });
});

it('io_uring_prep_multishot_accept', () => {
  const ring = openRing();
  const { fd, addr } = tcpListener();
  io_uring_prep_multishot_accept(get_sqe(ring), fd, null, null, SOCK_NONBLOCK);
  expect(io_uring_submit(ring)).toBe(1);
  for (let i = 0; i < 3; i++) {
    const client = closing(socket(AF_INET, SOCK_STREAM, 0));
    expect(connect(client, addr)).toBe(0);
    const { res, flags } = next(ring);
    expect(res).toBeGreaterThanOrEqual(0);
    closing(res);
    expect(flags & IORING_CQE_F_MORE).not.toBe(0);
    expect(fcntl(res, 'F_GETFL') & O_NONBLOCK).not.toBe(0);
    expect(send(client, hello, 5, 0)).toBe(5);
  }
});

it('io_uring_prep_multishot_accept_direct', () => {
  const ring = openRing();
  const { fd, addr } = tcpListener();
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const accepting = get_sqe(ring);
  io_uring_prep_multishot_accept_direct(accepting, fd, null, null, 0);
  accepting.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);
  for (let i = 0; i < 2; i++) {
    const client = closing(socket(AF_INET, SOCK_STREAM, 0));
    expect(connect(client, addr)).toBe(0);
    const { res, flags } = next(ring);
    expect(res).toBe(i);
    expect(flags & IORING_CQE_F_MORE).not.toBe(0);
    expect(send(client, hello, 5, 0)).toBe(5);
    const received = complete(ring, (sqe) => {
      io_uring_prep_recv(sqe, i, buf, 64, 0);
      sqe.flags |= IOSQE_FIXED_FILE;
    });
    expect(received.res).toBe(5);
  }
});

function provide(ring: io_uring, count: number, size: number): Uint8Array {
  const err = allocArray(1, Int32Array);
  const br = io_uring_setup_buf_ring(ring, count, 1, 0, err);
  if (!br) throw new Error(`no buffer ring: ${err[0]}`);
  const memory = allocArray(count * size);
  for (let i = 0; i < count; i++) io_uring_buf_ring_add(br, memory.subarray(i * size), size, i, count - 1, i);
  io_uring_buf_ring_advance(br, count);
  return memory;
}

it('io_uring_prep_recv_multishot', () => {
  const ring = openRing();
  const fds = pair(SOCK_DGRAM);
  const memory = provide(ring, 4, 16);
  const sqe = get_sqe(ring);
  io_uring_prep_recv_multishot(sqe, fds[0], null, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = 1;
  expect(io_uring_submit(ring)).toBe(1);
  for (let i = 0; i < 3; i++) {
    expect(send(fds[1], hello, 5, 0)).toBe(5);
    const { res, flags } = next(ring);
    expect(res).toBe(5);
    expect(flags & IORING_CQE_F_MORE).not.toBe(0);
    expect(stringOf(memory.subarray((flags >>> IORING_CQE_BUFFER_SHIFT) * 16))).toBe('hello');
  }
});

it('io_uring_prep_send_bundle', () => {
  const ring = openRing();
  const { client, server } = t_create_socketpair_ip({ ipv6: false, client_connect: true, msg_zc: false, tcp: true });
  closing(client);
  closing(server);
  const memory = provide(ring, 4, 16);
  memory.forEach((_, i) => {
    memory[i] = i;
  });
  const sqe = get_sqe(ring);
  io_uring_prep_send_bundle(sqe, client, 32, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = 1;
  expect(io_uring_submit(ring)).toBe(1);
  const sent = [next(ring)];
  if (sent[0]?.res === -EINVAL) return lacking('no bundles');
  while (((sent.at(-1)?.flags ?? 0) & IORING_CQE_F_MORE) !== 0) sent.push(next(ring));
  // one bundle after the other, until no buffer is left
  expect(sent.map(({ res }) => res)).toEqual([32, 32]);
  const got = allocArray(64);
  expect(recv(server, got, 64, MSG_WAITALL)).toBe(64);
  expect(Buffer.compare(got, memory)).toBe(0);
});

it('io_uring_recvmsg_name, io_uring_recvmsg_cmsg_firsthdr, io_uring_recvmsg_cmsg_nexthdr', () => {
  const ring = openRing();
  const [from, to] = [udp(), udp()];
  const memory = provide(ring, 4, 256);
  expect(setsockopt(to.fd, IPPROTO_IP, IP_RECVTTL, 1)).toBe(0);
  expect(setsockopt(to.fd, IPPROTO_IP, IP_RECVTOS, 1)).toBe(0);
  const msg = alloc(msghdr);
  msg.msg_namelen = sockaddr_in.size;
  msg.msg_controllen = 64;
  const sqe = get_sqe(ring);
  io_uring_prep_recvmsg_multishot(sqe, to.fd, msg, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = 1;
  expect(io_uring_submit(ring)).toBe(1);
  expect(sendto(from.fd, hello, 5, 0, to.addr)).toBe(5);
  const { res, flags } = next(ring);
  const at = (flags >>> IORING_CQE_BUFFER_SHIFT) * 256;
  const o = io_uring_recvmsg_validate(memory.subarray(at, at + 256), res, msg);
  if (!o) throw new Error('not valid');
  expect([...bytesAt(io_uring_recvmsg_name(o), 8)]).toEqual([...from.addr.bytes.subarray(0, 8)]);
  const types: number[] = [];
  let cmsg = io_uring_recvmsg_cmsg_firsthdr(o, msg);
  while (cmsg) {
    expect(cmsg.cmsg_level).toBe(IPPROTO_IP);
    types.push(cmsg.cmsg_type);
    cmsg = io_uring_recvmsg_cmsg_nexthdr(o, msg, cmsg);
  }
  expect(types.sort((a, b) => a - b)).toEqual([IP_TOS, IP_TTL].sort((a, b) => a - b));
});
