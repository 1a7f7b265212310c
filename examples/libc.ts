/**
 * Functions of the C library that the C programs use and Node lacks. Their system calls go through a ring of their own,
 * one at a time. They return the kernel's result, -errno for an error.
 */
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync, type Stats, writeSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { getSystemErrorMap, parseArgs } from 'node:util';
import {
  type Address,
  alloc,
  allocArray,
  allocPointers,
  check,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_accept,
  io_uring_prep_bind,
  io_uring_prep_cmd_sock,
  io_uring_prep_connect,
  io_uring_prep_listen,
  io_uring_prep_pipe,
  io_uring_prep_poll_add,
  io_uring_prep_recv,
  io_uring_prep_shutdown,
  io_uring_prep_socket,
  io_uring_queue_init,
  type io_uring_sqe,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  type Struct,
  type StructType,
} from 'liburing-wasm/c';
import { AF_INET, EINTR } from 'liburing-wasm/linux';

const ring = alloc(io_uring);
const cqe = allocPointers(io_uring_cqe);
const option = allocArray(1, Int32Array);
let ready = false;

/** Prepares one request, submits it and waits for its result. */
function call(prep: (sqe: io_uring_sqe) => void): number {
  if (!ready) check(io_uring_queue_init(1, ring, 0), 'io_uring_queue_init');
  ready = true;
  const sqe = io_uring_get_sqe(ring);
  if (!sqe) throw new Error('the SQ ring is full');
  prep(sqe);
  // a signal may end the wait, but not the request
  let ret = io_uring_submit_and_wait(ring, 1);
  if (ret !== -EINTR) check(ret, 'io_uring_submit_and_wait');
  do ret = io_uring_wait_cqe(ring, cqe);
  while (ret === -EINTR);
  check(ret, 'io_uring_wait_cqe');
  const { res } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);
  return res;
}

const sizeOf = (addr: Struct): number => (addr.constructor as unknown as StructType).size;

/** socket(2) */
export const socket = (domain: number, type: number, protocol: number): number =>
  call((sqe) => io_uring_prep_socket(sqe, domain, type, protocol, 0));

/** bind(2) */
export const bind = (fd: number, addr: Struct, addrlen = sizeOf(addr)): number =>
  call((sqe) => io_uring_prep_bind(sqe, fd, addr.address, addrlen));

/** listen(2) */
export const listen = (fd: number, backlog: number): number => call((sqe) => io_uring_prep_listen(sqe, fd, backlog));

/** accept(2), without the peer's address */
export const accept = (fd: number): number => call((sqe) => io_uring_prep_accept(sqe, fd, null, null, 0));

/** connect(2) */
export const connect = (fd: number, addr: Struct, addrlen = sizeOf(addr)): number =>
  call((sqe) => io_uring_prep_connect(sqe, fd, addr.address, addrlen));

/** shutdown(2) */
export const shutdown = (fd: number, how: number): number => call((sqe) => io_uring_prep_shutdown(sqe, fd, how));

/** recv(2) */
export const recv = (fd: number, buf: Address, len: number, flags: number): number =>
  call((sqe) => io_uring_prep_recv(sqe, fd, buf, len, flags));

/** poll(2) of one descriptor, without a timeout: the events that are pending */
export const poll = (fd: number, events: number): number => call((sqe) => io_uring_prep_poll_add(sqe, fd, events));

/** pipe(2): stores the descriptors to read from and to write to in `fds`, an `int fds[2]` */
export const pipe = (fds: Int32Array): number => call((sqe) => io_uring_prep_pipe(sqe, fds, 0));

/** setsockopt(2) with an int, or with a string such as an interface's name */
export function setsockopt(fd: number, level: number, optname: number, value: number | Uint8Array): number {
  if (typeof value === 'number') option[0] = value;
  const optval = typeof value === 'number' ? option : value;
  const { byteLength } = optval;
  return call((sqe) => io_uring_prep_cmd_sock(sqe, SOCKET_URING_OP_SETSOCKOPT, fd, level, optname, optval, byteLength));
}

/** getsockopt(2) of an int */
export function getsockopt(fd: number, level: number, optname: number): number {
  option[0] = 0;
  const ret = call((sqe) => io_uring_prep_cmd_sock(sqe, SOCKET_URING_OP_GETSOCKOPT, fd, level, optname, option, 4));
  return ret < 0 ? ret : (option[0] as number);
}

/** The port that a UDP socket is bound to. Rings have a command for getsockname(2) only from Linux 6.19 on. */
export function portOfUdpSocket(fd: number): number {
  const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0];
  const sockets = ['udp', 'udp6'].flatMap((file) => readFileSync(`/proc/net/${file}`, 'utf8').split('\n'));
  const columns = sockets.map((line) => line.trim().split(/\s+/)).find((words) => words[9] === inode);
  return Number.parseInt(columns?.[1]?.split(':')[1] ?? '', 16);
}

/** open(2) */
export function open(path: string, flags: number, mode?: number): number {
  try {
    return openSync(path, flags, mode);
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno as number;
  }
}

/** close(2) */
export function close(fd: number): number {
  try {
    closeSync(fd);
    return 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno as number;
  }
}

/** Bytes of a file or a block device; -1 for anything else. */
export function get_file_size(fd: number): number {
  const st = fstatSync(fd);
  if (st.isFile()) return st.size;
  return st.isBlockDevice() ? sizeOfDevice(st) : -1;
}

/** ioctl(fd, BLKGETSIZE64), read from sysfs. */
function sizeOfDevice({ rdev }: Stats): number {
  const major = (rdev >>> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  return 512 * Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, 'latin1'));
}

/** The sentence for an error number: strerror(3). */
export function strerror(errno: number): string {
  const text = getSystemErrorMap().get(-errno)?.[1] ?? `Unknown error ${errno}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** perror(3). C's takes the error from `errno`, this one from what failed. */
export const perror = (text: string, result: number): void => console.error(`${text}: ${strerror(-result)}`);

/** printf to stdout, at once, from any thread. A worker's console.log waits for the main thread. */
export function print(text: string): void {
  writeSync(1, text);
}

/** Writes a line to stderr in the same way. */
export function print_error(line: string): void {
  writeSync(2, `${line}\n`);
}

/** htons(3): a number in network byte order. */
export const htons = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
export const ntohs = htons;

/** atoi(3): the number that a text begins with; 0 if there is none. */
export const atoi = (text: string | undefined): number => Number.parseInt(text ?? '', 10) || 0;

/** The bytes of an IP address; null for other text. */
export function inet_pton(af: number, text: string): Uint8Array | null {
  if (af === AF_INET) return isIPv4(text) ? Uint8Array.from(text.split('.'), Number) : null;
  if (!isIPv6(text) || text.includes('%')) return null;
  // the URL parser's form: no dotted part, and the longest run of zeroes left out
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (part: string): number[] => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')];
  const groups = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

/** An IP address as text. */
export function inet_ntop(af: number, bytes: Uint8Array): string {
  if (af === AF_INET) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** An option that getopt(3) finds. */
export interface Option {
  /** The letter; `?` for an unknown one, and `:` where the argument is missing. */
  readonly opt: string;
  /** Its argument; the letter, for an option that is wrong. */
  readonly optarg: string;
}

/**
 * getopt(3), or getopt_long(3) with `long`: the options of a command line.
 *
 * @param argv - The command line, with the program in front.
 * @param optstring - The letters, each with a colon behind it if it takes an argument.
 * @param long - Longer names of some letters.
 * @returns the options, and in `rest` the other arguments.
 */
export function getopt(
  argv: readonly string[],
  optstring: string,
  long: Record<string, string> = {},
): { options: Option[]; rest: string[] } {
  const letters = new Map([...optstring.matchAll(/([^:])(:?)/g)].map(([, letter = '', colon]) => [letter, colon]));
  const names = new Map([...letters.keys()].map((letter) => [letter, letter]));
  for (const [name, letter] of Object.entries(long)) names.set(letter, name);
  const { tokens } = parseArgs({
    args: argv.slice(1),
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      [...names].map(([short, name]) => [name, { type: letters.get(short) ? 'string' : 'boolean', short } as const]),
    ),
  });
  const letterOf = new Map([...names].map(([letter, name]) => [name, letter]));
  const options = tokens.flatMap((token): Option[] => {
    if (token.kind !== 'option') return [];
    const opt = letterOf.get(token.name);
    if (opt === undefined) return [{ opt: '?', optarg: token.name }];
    if (letters.get(opt) && token.value === undefined) return [{ opt: ':', optarg: opt }];
    return [{ opt, optarg: token.value ?? '' }];
  });
  return { options, rest: tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : [])) };
}
