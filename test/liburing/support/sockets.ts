/** Sockets, with C's names and results: an error is -errno. */
import {
  type Address,
  alloc,
  allocArray,
  type msghdr,
  type Struct,
  type StructType,
  sockaddr_in,
  sockaddr_in6,
} from '../../../src/c.js';
import {
  AF_INET,
  AF_INET6,
  EINPROGRESS,
  INADDR_ANY,
  INADDR_LOOPBACK,
  IPPROTO_TCP,
  O_NONBLOCK,
  SO_ERROR,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_ZEROCOPY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from '../../../src/linux.js';
import { closing } from './clean.js';
import { close, fcntl } from './files.js';
import { syscall } from './syscall.js';

const sizeOf = (addr: Struct): number => (addr.constructor as unknown as StructType).size;

export const htons = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
export const ntohs = htons;
export const htonl = (value: number): number => ((htons(value & 0xffff) << 16) | htons((value >>> 16) & 0xffff)) >>> 0;

export const socket = (domain: number, type: number, protocol: number): number =>
  syscall('socket', domain, type, protocol);
export const socketpair = (domain: number, type: number, protocol: number, fds: Int32Array): number =>
  syscall('socketpair', domain, type, protocol, fds);
export const bind = (fd: number, addr: Struct, addrlen = sizeOf(addr)): number => syscall('bind', fd, addr, addrlen);
export const listen = (fd: number, backlog: number): number => syscall('listen', fd, backlog);
export const accept = (fd: number): number => syscall('accept4', fd, null, null, 0);
export const connect = (fd: number, addr: Struct, addrlen = sizeOf(addr)): number =>
  syscall('connect', fd, addr, addrlen);
export const shutdown = (fd: number, how: number): number => syscall('shutdown', fd, how);
export const send = (fd: number, buf: Address, len: number, flags: number): number =>
  syscall('sendto', fd, buf, len, flags, null, 0);
export const sendto = (fd: number, buf: Address, len: number, flags: number, addr: Struct): number =>
  syscall('sendto', fd, buf, len, flags, addr, sizeOf(addr));
export const recv = (fd: number, buf: Address, len: number, flags: number): number =>
  syscall('recvfrom', fd, buf, len, flags, null, null);
export const sendmsg = (fd: number, msg: msghdr, flags: number): number => syscall('sendmsg', fd, msg, flags);
export const recvmsg = (fd: number, msg: msghdr, flags: number): number => syscall('recvmsg', fd, msg, flags);

/** getsockname(2), into as many bytes as the struct has */
export const getsockname = (fd: number, addr: Struct): number =>
  syscall('getsockname', fd, addr, Int32Array.of(sizeOf(addr)));

/** getpeername(2), likewise */
export const getpeername = (fd: number, addr: Struct): number =>
  syscall('getpeername', fd, addr, Int32Array.of(sizeOf(addr)));

/** setsockopt(2) of an int */
export const setsockopt = (fd: number, level: number, optname: number, value: number): number =>
  syscall('setsockopt', fd, level, optname, Int32Array.of(value), 4);

/** getsockopt(2) of an int: -errno, or the int */
export function getsockopt(fd: number, level: number, optname: number): number {
  const value = new Int32Array(1);
  const ret = syscall('getsockopt', fd, level, optname, value, Int32Array.of(4));
  return ret < 0 ? ret : (value[0] as number);
}

/** t_bind_ephemeral_port: binds to a free port, and has the address say which. */
export function t_bind_ephemeral_port(fd: number, addr: sockaddr_in): number {
  addr.sin_port = 0;
  const ret = bind(fd, addr);
  return ret < 0 ? ret : getsockname(fd, addr);
}

/** struct sockaddr_in of 127.0.0.1 */
export function loopback(port = 0): sockaddr_in {
  const addr = alloc(sockaddr_in);
  addr.sin_family = AF_INET;
  addr.sin_port = port;
  addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return addr;
}

/** t_create_socket_pair: two connected sockets of IPv4 */
export function t_create_socket_pair(fd: Int32Array, stream: boolean): number {
  const type = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
  const [first, second] = [socket(AF_INET, type, 0), socket(AF_INET, type, 0)];
  const serv_addr = loopback();
  const steps = [
    () => Math.min(first, second, 0),
    () => setsockopt(first, SOL_SOCKET, SO_REUSEADDR, 1),
    () => bind(first, serv_addr),
    () => (stream ? listen(first, 16) : 0),
    () => getsockname(first, serv_addr),
    () => connect(second, serv_addr),
    () => (stream ? 0 : getsockname(second, serv_addr) || connect(first, serv_addr)),
  ];
  for (const step of steps) {
    const ret = step();
    if (ret < 0) {
      close(first);
      close(second);
      return -ret;
    }
  }
  fd[0] = first;
  fd[1] = second;
  if (stream) {
    fd[0] = accept(first);
    close(first);
  }
  return fd[0] < 0 ? -fd[0] : 0;
}

/** What t_create_socketpair_ip is asked for. */
export interface SocketPair {
  ipv6: boolean;
  client_connect: boolean;
  msg_zc: boolean;
  tcp: boolean;
}

/** t_create_socketpair_ip: a client and a server, with the server's address; -errno where it fails. */
export function t_create_socketpair_ip({ ipv6, client_connect, msg_zc, tcp }: SocketPair): {
  addr: sockaddr_in | sockaddr_in6;
  client: number;
  server: number;
} {
  const family = ipv6 ? AF_INET6 : AF_INET;
  const must = (ret: number, what: string): number => {
    if (ret < 0) throw new Error(`${what}: ${ret}`);
    return ret;
  };
  const make = (): number => must(socket(family, tcp ? SOCK_STREAM : SOCK_DGRAM, tcp ? IPPROTO_TCP : 0), 'socket');
  let addr: sockaddr_in | sockaddr_in6;
  if (ipv6) {
    addr = alloc(sockaddr_in6);
    addr.sin6_family = family;
  } else {
    addr = alloc(sockaddr_in);
    addr.sin_family = family;
    addr.sin_addr.s_addr = htonl(INADDR_ANY);
  }
  const sock = make();
  must(bind(sock, addr), 'bind');
  must(getsockname(sock, addr), 'getsockname');
  if (tcp) must(listen(sock, 128), 'listen');
  if (addr instanceof sockaddr_in6) addr.sin6_addr.bytes[15] = 1;
  else addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const client = make();
  if (client_connect) must(connect(client, addr), 'connect');
  if (msg_zc) must(setsockopt(client, SOL_SOCKET, SO_ZEROCOPY, 1), 'setsockopt zc');
  if (!tcp) return { addr, client, server: sock };
  const server = must(accept(sock), 'accept');
  close(sock);
  return { addr, client, server };
}

function toggleNonblock(fd: number, set: boolean): void {
  const flags = fcntl(fd, 'F_GETFL');
  if (flags < 0) throw new Error(`fcntl F_GETFL: ${flags}`);
  const ret = fcntl(fd, 'F_SETFL', set ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
  if (ret < 0) throw new Error(`fcntl F_SETFL: ${ret}`);
}

export const t_set_nonblock = (fd: number): void => toggleNonblock(fd, true);
export const t_clear_nonblock = (fd: number): void => toggleNonblock(fd, false);

/** A listener of TCP on a free port of loopback, with the options that most tests give it, and its address. */
export function listener(backlog = 128): { fd: number; addr: sockaddr_in } {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  const addr = loopback();
  const steps = [
    fd,
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1),
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1),
    t_bind_ephemeral_port(fd, addr),
    listen(fd, backlog),
  ];
  if (steps.some((ret) => ret < 0)) throw new Error(`no listener: ${steps}`);
  return { fd, addr };
}

/**
 * What socket-rw.c and its like begin with: a server, and a client that has connected without waiting and
 * still does not wait. Both are closed at the end.
 */
export function connected_nonblock(): { server: number; client: number } {
  const { fd: recv_s0, addr } = listener();
  closing(recv_s0);
  const client = closing(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  const nodelay = setsockopt(client, IPPROTO_TCP, TCP_NODELAY, 1);
  t_set_nonblock(client);
  const ret = connect(client, addr);
  const server = closing(accept(recv_s0));
  if (nodelay < 0 || ret !== -EINPROGRESS || server < 0)
    throw new Error(`not connected: ${nodelay}, ${ret}, ${server}`);
  while (getsockopt(client, SOL_SOCKET, SO_ERROR) !== 0);
  return { server, client };
}

/** `int fd[2]` */
export const fdPair = (): Int32Array & { 0: number; 1: number } =>
  allocArray(2, Int32Array) as unknown as Int32Array & { 0: number; 1: number };
