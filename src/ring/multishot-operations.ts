/** The multishot operations: which request each is, and what its completions mean. */
import { closeSync } from 'node:fs';
import { argumentError } from '../errors.js';
import {
  IORING_RECVSEND_BUNDLE,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
} from '../generated/constants.js';
import { type io_uring_sqe, msghdr } from '../generated/structs.js';
import { BufferRing, type ReceivedBuffer } from './buffer-ring.js';
import { DirectFile, type FileDescriptor, fileIndex } from './files.js';
import { type Duration, Held } from './held.js';
import { C } from './hooks.js';
import { Multishot, type MultishotKind } from './multishot.js';
import { startReceiving } from './receive.js';
import type { Request, Sink } from './request.js';
import type { Ring } from './ring.js';
import { decodeSocketAddress, type SocketAddress } from './socket-address.js';
import { start } from './start.js';

/** Settings of a multishot operation. */
export interface MultishotOptions {
  /** How many results may wait to be taken before the operation is paused. Default: 128. */
  readonly highWater?: number;
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A setting of receives. */
export interface BundleOption {
  /** One completion for as many buffers as there is data for: IORING_RECVSEND_BUNDLE, Linux 6.10. */
  readonly bundle?: boolean;
}

/** How much room each buffer has for what comes beside the data. */
export interface MessageRoom {
  /** Bytes for the sender's address. Default: 128, which every address fits into. */
  readonly nameLength?: number;
  /** Bytes for control messages. Default: 0. */
  readonly controlLength?: number;
}

/** A message that was received, in a provided buffer. */
export interface ReceivedMessage extends Disposable {
  /** The data: a view of the buffer, not a copy. */
  readonly bytes: Uint8Array;
  /** Who sent it; undefined on a connected socket. */
  readonly name: SocketAddress | undefined;
  /** Control messages, as cmsg(3) lays them out. */
  readonly control: Uint8Array;
  /** Such as MSG_TRUNC: the buffer was too small. */
  readonly flags: number;
  /** How many bytes were received; with MSG_TRUNC among the flags of a datagram's receive, how many it has. */
  readonly payloadLength: number;
  /** Gives the buffer back. */
  release(): void;
}

const HIGH_WATER = 128;

const common = (options: MultishotOptions): { limit: number; signal: AbortSignal | undefined } => {
  const { highWater = HIGH_WATER, signal } = options;
  if (!Number.isInteger(highWater) || highWater < 1) throw argumentError('highWater', 'a positive integer', highWater);
  return { limit: highWater, signal };
};

const always = (): boolean => true;
const never = (): boolean => false;
const atEnd = (res: number): boolean => res === 0;

/** @internal */
export function accept(
  ring: Ring,
  fd: FileDescriptor,
  flags: number,
  options: MultishotOptions = {},
): Multishot<number> {
  const prepare = (sqe: io_uring_sqe): void =>
    ring[C].io_uring_prep_multishot_accept(sqe, fileIndex(fd, ring, 'fd'), null, null, flags);
  return new Multishot(ring, {
    name: 'accept',
    arm: (sink) => start(ring, { name: 'accept', file: fd, prepare }, sink),
    items: (res) => [res],
    isEnd: never,
    restarts: always,
    discard: closeSync,
    ...common(options),
  });
}

/** @internal */
export function acceptDirect(
  ring: Ring,
  fd: FileDescriptor,
  flags: number,
  options: MultishotOptions = {},
): Multishot<DirectFile> {
  const prepare = (sqe: io_uring_sqe): void =>
    ring[C].io_uring_prep_multishot_accept_direct(sqe, fileIndex(fd, ring, 'fd'), null, null, flags);
  return new Multishot(ring, {
    name: 'accept',
    arm: (sink) => start(ring, { name: 'accept', file: fd, prepare }, sink),
    items: (res) => [new DirectFile(ring, res)],
    isEnd: never,
    restarts: always,
    // the end of the ring closes it, too
    discard: (file) => ring.closing || ring.close_direct(file),
    ...common(options),
  });
}

function checkBuffers(ring: Ring, buffers: unknown): asserts buffers is BufferRing {
  if (!(buffers instanceof BufferRing)) throw argumentError('buffers', 'a BufferRing', buffers);
  buffers.groupIn(ring);
}

/** @internal */
export function recv(
  ring: Ring,
  sockfd: FileDescriptor,
  buffers: BufferRing,
  flags: number,
  options: MultishotOptions & BundleOption = {},
): Multishot<ReceivedBuffer> {
  checkBuffers(ring, buffers);
  const { bundle = false } = options;
  const prepare = (sqe: io_uring_sqe): void => {
    ring[C].io_uring_prep_recv_multishot(sqe, fileIndex(sockfd, ring, 'sockfd'), null, 0, flags);
    if (bundle) sqe.ioprio |= IORING_RECVSEND_BUNDLE;
  };
  return received(ring, { name: 'recv', file: sockfd, buffers, prepare }, options, (res, cqeFlags) =>
    bundle ? buffers.bundle(res, cqeFlags) : [buffers.received(res, cqeFlags)],
  );
}

/** @internal */
export function read(
  ring: Ring,
  fd: FileDescriptor,
  buffers: BufferRing,
  nbytes: number,
  offset: number | bigint,
  options: MultishotOptions = {},
): Multishot<ReceivedBuffer> {
  checkBuffers(ring, buffers);
  const prepare = (sqe: io_uring_sqe): void =>
    ring[C].io_uring_prep_read_multishot(sqe, fileIndex(fd, ring, 'fd'), nbytes, offset, buffers.group);
  return received(ring, { name: 'read', file: fd, buffers, prepare }, options, (res, flags) => [
    buffers.received(res, flags),
  ]);
}

function received<T extends { release(): void }>(
  ring: Ring,
  receiving: Parameters<typeof startReceiving>[1],
  options: MultishotOptions,
  items: MultishotKind<T>['items'],
  isEnd = atEnd,
): Multishot<T> {
  return new Multishot<T>(ring, {
    name: receiving.name,
    arm: (sink) => startReceiving(ring, receiving, undefined, sink),
    items,
    isEnd,
    restarts: always,
    discard: (item) => item.release(),
    buffers: receiving.buffers,
    ...common(options),
  });
}

/** @internal */
export function recvmsg(
  ring: Ring,
  fd: FileDescriptor,
  buffers: BufferRing,
  flags: number,
  options: MultishotOptions & MessageRoom = {},
): Multishot<ReceivedMessage> {
  checkBuffers(ring, buffers);
  const { nameLength = 128, controlLength = 0 } = options;
  // the kernel reads it when the request is started, liburing at each message
  const header = ring.memory.alloc(msghdr);
  header.msg_namelen = nameLength;
  header.msg_controllen = controlLength;
  const prepare = (sqe: io_uring_sqe): void =>
    ring[C].io_uring_prep_recvmsg_multishot(sqe, fileIndex(fd, ring, 'fd'), header, flags);
  const parse = (res: number, cqeFlags: number): ReceivedMessage[] => [
    parseMessage(ring, buffers.received(res, cqeFlags), header),
  ];
  const stream = received(ring, { name: 'recvmsg', file: fd, buffers, prepare }, options, parse, never);
  stream.whenOver(() => ring.memory.free(header));
  return stream;
}

function parseMessage(ring: Ring, buffer: ReceivedBuffer, header: msghdr): ReceivedMessage {
  const functions = ring[C];
  const { bytes } = buffer;
  const out = functions.io_uring_recvmsg_validate(bytes, bytes.length, header);
  if (out === null) {
    buffer.release();
    throw argumentError(
      'buffers',
      'with room for a message, its name and its control messages',
      `${bytes.length} bytes`,
    );
  }
  const at = (address: number, length: number): Uint8Array => ring.memory.bytes.subarray(address, address + length);
  const name = at(functions.io_uring_recvmsg_name(out), Math.min(out.namelen, header.msg_namelen));
  const control = functions.io_uring_recvmsg_cmsg_firsthdr(out, header);
  const length = functions.io_uring_recvmsg_payload_length(out, bytes.length, header);
  return {
    bytes: at(functions.io_uring_recvmsg_payload(out, header), length),
    name: out.namelen > 0 ? decodeSocketAddress(name) : undefined,
    control: control === null ? new Uint8Array() : at(control.address, out.controllen),
    flags: out.flags,
    payloadLength: out.payloadlen,
    release: () => buffer.release(),
    [Symbol.dispose]: () => buffer.release(),
  };
}

/** @internal */
export function poll(ring: Ring, fd: FileDescriptor, mask: number, options: MultishotOptions = {}): Multishot<number> {
  const prepare = (sqe: io_uring_sqe): void =>
    ring[C].io_uring_prep_poll_multishot(sqe, fileIndex(fd, ring, 'fd'), mask);
  return new Multishot(ring, {
    name: 'poll',
    arm: (sink) => start(ring, { name: 'poll', file: fd, prepare }, sink),
    items: (res) => [res],
    isEnd: never,
    restarts: always,
    discard: () => {},
    ...common(options),
  });
}

/** @internal */
export function timeout(
  ring: Ring,
  ts: Duration,
  count: number,
  flags: number,
  options: MultishotOptions = {},
): Multishot<number> {
  let tick = 0;
  const arm = (sink: Sink): Request => {
    const held = new Held(ring);
    const all = flags | IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS;
    const prepare = (sqe: io_uring_sqe): void =>
      ring[C].io_uring_prep_timeout(sqe, held.timespec(ts, 'ts'), count === 0 ? 0 : count - tick, all);
    return start(ring, { name: 'timeout', prepare, held }, sink);
  };
  return new Multishot(ring, {
    name: 'timeout',
    arm,
    items: () => [++tick],
    isEnd: never,
    restarts: () => count === 0 || tick < count,
    discard: () => {},
    ...common(options),
  });
}
