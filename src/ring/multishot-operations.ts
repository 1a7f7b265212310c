/** The multishot operations: which request each is, and what its completions mean. */
import { closeSync } from 'node:fs';
import { checkOptions, invalidNumber, invalidType } from '../checks/errors.js';
import {
  IORING_RECVSEND_BUNDLE,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
} from '../constants/generated/uring.js';
import type { io_uring_sqe } from '../structs/generated/structs.js';
import type { ReceivedBuffer } from './buffer-pool.js';
import { type BufferRing, poolOf } from './buffer-ring.js';
import type { Duration } from './conversions.js';
import { DirectFile, type FileDescriptor, fileIndex } from './direct-file.js';
import { type Multishot, type MultishotKind, multishot } from './multishot.js';
import { checkSignal } from './request-options.js';
import type { Requester, SinkRequest } from './requester.js';
import { Scratch } from './scratch.js';

/**
 * Settings of a multishot operation.
 *
 * ```ts
 * for await (const fd of ring.multishot_accept(listener, 0, { highWaterMark: 64, signal })) serve(fd);
 * ```
 */
export interface MultishotOptions {
  /** How many results may wait to be taken before the request is paused, at least 1. Default: 128. */
  readonly highWaterMark?: number | undefined;
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Settings of a multishot receive. */
export interface ReceiveOptions extends MultishotOptions {
  /** One completion for as many buffers as there is data for: IORING_RECVSEND_BUNDLE, Linux 6.10. */
  readonly bundle?: boolean | undefined;
}

const HIGH_WATER_MARK = 128;
const multishotOptions = ['highWaterMark', 'signal'] as const satisfies (keyof MultishotOptions)[];
const forMultishot: ReadonlySet<string> = new Set(multishotOptions);
const forReceive: ReadonlySet<string> = new Set([...multishotOptions, 'bundle'] satisfies (keyof ReceiveOptions)[]);

/** The settings that all multishot operations have. */
export function readMultishotOptions(
  options: MultishotOptions,
  known = forMultishot,
): Pick<MultishotKind<unknown>, 'highWaterMark' | 'signal'> {
  checkOptions(options, known, 'a multishot operation');
  const { highWaterMark = HIGH_WATER_MARK, signal } = options;
  if (!Number.isInteger(highWaterMark) || highWaterMark < 1)
    throw invalidNumber('highWaterMark', 'a positive integer', highWaterMark);
  checkSignal(signal);
  return { highWaterMark, signal };
}

const always = (): boolean => true;
const never = (): boolean => false;
const nothing = (): void => {};
const atEnd = (res: number): boolean => res === 0;

/** Connections, each an fd. */
export function accept(
  requester: Requester,
  file: FileDescriptor,
  flags: number,
  options: MultishotOptions = {},
): Multishot<number> {
  const { engine, functions } = requester;
  const prepare = (sqe: io_uring_sqe): void =>
    functions.io_uring_prep_multishot_accept(sqe, fileIndex(file, engine, 'fd'), null, null, flags);
  return multishot(engine, {
    name: 'accept',
    start: (sink) => requester.startSink(sink, { name: 'accept', file, prepare }),
    items: (res) => [res],
    isEnd: never,
    restarts: always,
    discard: closeSync,
    ...readMultishotOptions(options),
  });
}

/** Connections, each a direct descriptor. `close` closes one that nobody takes. */
export function acceptDirect(
  requester: Requester,
  file: FileDescriptor,
  flags: number,
  close: (file: DirectFile) => unknown,
  options: MultishotOptions = {},
): Multishot<DirectFile> {
  const { engine, functions } = requester;
  const prepare = (sqe: io_uring_sqe): void =>
    functions.io_uring_prep_multishot_accept_direct(sqe, fileIndex(file, engine, 'fd'), null, null, flags);
  return multishot(engine, {
    name: 'accept',
    start: (sink) => requester.startSink(sink, { name: 'accept', file, prepare }),
    items: (res) => [new DirectFile(engine, res)],
    isEnd: never,
    restarts: always,
    // the files of a ring that closes are closed with it
    discard: (unclaimed) => engine.ring.closing || close(unclaimed),
    ...readMultishotOptions(options),
  });
}

/** Data that arrives at a socket. */
export function recv(
  requester: Requester,
  file: FileDescriptor,
  buffers: BufferRing,
  flags: number,
  options: ReceiveOptions = {},
): Multishot<ReceivedBuffer> {
  const { engine, functions } = requester;
  const pool = poolOf(buffers, engine);
  const common = readMultishotOptions(options, forReceive);
  const { bundle = false } = options;
  if (typeof bundle !== 'boolean') throw invalidType('bundle', 'true or false', bundle);
  const prepare = (sqe: io_uring_sqe): void => {
    functions.io_uring_prep_recv_multishot(sqe, fileIndex(file, engine, 'sockfd'), null, 0, flags);
    if (bundle) sqe.ioprio |= IORING_RECVSEND_BUNDLE;
  };
  return received<ReceivedBuffer>(requester, { name: 'recv', file, buffers: pool, prepare }, common, (res, cqeFlags) =>
    bundle ? pool.bundle(res, cqeFlags) : [pool.received(res, cqeFlags)],
  );
}

/** Data that a pipe or the like has. */
export function read(
  requester: Requester,
  file: FileDescriptor,
  buffers: BufferRing,
  nbytes: number,
  offset: number | bigint,
  options: MultishotOptions = {},
): Multishot<ReceivedBuffer> {
  const { engine, functions } = requester;
  const pool = poolOf(buffers, engine);
  const prepare = (sqe: io_uring_sqe): void =>
    functions.io_uring_prep_read_multishot(sqe, fileIndex(file, engine, 'fd'), nbytes, offset, pool.group);
  const request = { name: 'read', file, buffers: pool, prepare };
  return received<ReceivedBuffer>(requester, request, readMultishotOptions(options), (res, flags) => [
    pool.received(res, flags),
  ]);
}

/** A multishot request whose items are in provided buffers. */
export function received<T extends { release(): void }>(
  requester: Requester,
  request: SinkRequest & Required<Pick<SinkRequest, 'buffers'>>,
  options: Pick<MultishotKind<T>, 'highWaterMark' | 'signal'>,
  items: MultishotKind<T>['items'],
  end: Partial<Pick<MultishotKind<T>, 'isEnd' | 'ended'>> = {},
): Multishot<T> {
  return multishot<T>(requester.engine, {
    name: request.name,
    start: (sink) => requester.startSink(sink, request),
    items,
    isEnd: atEnd,
    restarts: always,
    discard: (item) => item.release(),
    ...(request.buffers && { buffers: request.buffers }),
    ...options,
    ...end,
  });
}

/** Events of a file. */
export function poll(
  requester: Requester,
  file: FileDescriptor,
  mask: number,
  options: MultishotOptions = {},
): Multishot<number> {
  const { engine, functions } = requester;
  const prepare = (sqe: io_uring_sqe): void =>
    functions.io_uring_prep_poll_multishot(sqe, fileIndex(file, engine, 'fd'), mask);
  return multishot(engine, {
    name: 'poll',
    start: (sink) => requester.startSink(sink, { name: 'poll', file, prepare }),
    items: (res) => [res],
    isEnd: never,
    restarts: always,
    discard: nothing,
    ...readMultishotOptions(options),
  });
}

/** Ticks: 1, 2, 3 and so on. */
export function timeout(
  requester: Requester,
  ts: Duration,
  count: number,
  flags: number,
  options: MultishotOptions = {},
): Multishot<number> {
  const { engine, functions } = requester;
  let tick = 0;
  const all = flags | IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS;
  return multishot(engine, {
    name: 'timeout',
    start: (sink) => {
      const scratch = new Scratch(engine.memory);
      const prepare = (sqe: io_uring_sqe): void =>
        functions.io_uring_prep_timeout(sqe, scratch.timespec(ts, 'ts'), count === 0 ? 0 : count - tick, all);
      return requester.startSink(sink, { name: 'timeout', prepare, scratch });
    },
    items: () => [++tick],
    isEnd: never,
    restarts: () => count === 0 || tick < count,
    discard: nothing,
    ...readMultishotOptions(options),
  });
}
