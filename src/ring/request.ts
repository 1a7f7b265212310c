/** Requests in flight: what is known about each, and where its completion goes. */
import { argumentError, stateError } from '../errors.js';
import {
  IORING_POLL_UPDATE_USER_DATA,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_DRAIN,
} from '../generated/constants.js';
import type { Functions } from '../generated/functions.js';
import type { io_uring_sqe } from '../generated/structs.js';
import type { Held } from './held.js';

/** Settings of a single request, for any operation. */
export interface RequestOptions {
  /** Cancels the request when aborted; its promise is then rejected with the signal's reason, unless it was too late. */
  readonly signal?: AbortSignal;
  /** To name the request by in `cancel`, `poll_update`, `timeout_update` and their like. */
  readonly handle?: RequestHandle;
  /** Starts only after all requests before it are complete: IOSQE_IO_DRAIN. */
  readonly drain?: boolean;
  /** Goes to a worker thread of the kernel at once: IOSQE_ASYNC. */
  readonly async?: boolean;
  /** In a chain: no completion if it succeeds, and so no result: IOSQE_CQE_SKIP_SUCCESS. */
  readonly skipSuccess?: boolean;
  /** Whose credentials to use: what `io_uring_register_personality()` returned. */
  readonly personality?: number;
  /** A group of provided buffers to take the data from: IOSQE_BUFFER_SELECT. */
  readonly bufferGroup?: number;
  /** The I/O priority, see ioprio_set(2), or what the operation has there instead. */
  readonly ioprio?: number;
  /** Changes the SQE after liburing has prepared it, for what no option says. */
  readonly prepare?: (sqe: io_uring_sqe) => void;
}

/** Where a request's completions go, other than into a promise. */
export interface Sink {
  /** @param last - Whether no more will come. */
  completed(res: number, flags: number, last: boolean): void;
}

/** What few requests have. */
export interface Extra {
  held?: Held | undefined;
  convert?: ((res: number) => unknown) | undefined;
  sink?: Sink | undefined;
  handle?: RequestHandle | undefined;
  signal?: AbortSignal | undefined;
  onAbort?: (() => void) | undefined;
  /** The result of a zero-copy send, whose buffer is still in use. */
  result?: number;
}

type Settle = (value: unknown) => void;
const nothing: Settle = () => {};

/** A request, or the room for one. */
export class Request {
  readonly index: number;
  /** Tells this request from earlier ones with the same index; in the upper half of the user_data. */
  generation = 0;
  active = false;
  name = '';
  resolve: Settle = nothing;
  reject: Settle = nothing;
  /** Buffers that the kernel may use, which have to stay. */
  kept: unknown = undefined;
  extra: Extra | undefined = undefined;

  constructor(index: number) {
    this.index = index;
  }

  /** What the kernel calls it. */
  get userData(): number {
    return this.generation * 0x100000000 + this.index;
  }
}

/** user_data is a number: 21 bits are left beside the index. */
const GENERATIONS = 1 << 20;

/** All requests of a ring, by index. */
export class Requests {
  private readonly all: Request[] = [];
  private readonly free: Request[] = [];
  /** How many are in flight. */
  count = 0;

  take(name: string): Request {
    let request = this.free.pop();
    if (request === undefined) {
      request = new Request(this.all.length);
      this.all.push(request);
    }
    request.name = name;
    request.active = true;
    this.count++;
    return request;
  }

  give(request: Request): void {
    request.active = false;
    request.generation = (request.generation + 1) % GENERATIONS;
    request.resolve = nothing;
    request.reject = nothing;
    request.kept = undefined;
    request.extra = undefined;
    this.count--;
    this.free.push(request);
  }

  /** The request that a CQE is about; undefined if there is none any more. */
  find(index: number, generation: number): Request | undefined {
    const request = this.all[index];
    return request?.active && request.generation === generation ? request : undefined;
  }

  *[Symbol.iterator](): Iterator<Request> {
    for (const request of this.all) if (request.active) yield request;
  }
}

/**
 * A name for a request, given to it by the option `handle`. Afterwards other requests can speak of it.
 *
 * ```ts
 * const handle = new RequestHandle();
 * const alarm = ring.timeout(1000, 0, 0, { handle });
 * await ring.timeout_update(5000, handle);
 * ```
 */
export class RequestHandle {
  private request: Request | undefined;
  private key = 0;
  /** The result, once there is one: the CQE's `res`. */
  result: number | undefined;

  /** @internal */
  attach(request: Request): void {
    this.request = request;
    this.key = request.userData;
    this.result = undefined;
  }

  /** Whether the request is in flight. */
  get active(): boolean {
    return this.request?.active === true && this.request.userData === this.key;
  }

  /** The request's user_data. */
  get userData(): number {
    if (this.request === undefined) throw stateError('handle', 'of a request', 'of none yet');
    return this.key;
  }
}

/** The number of a group of buffers has 16 bits. @internal */
export function checkGroup(group: number, name: string): void {
  if (!Number.isInteger(group) || group < 0 || group > 0xffff)
    throw argumentError(name, 'an integer from 0 to 65535', group);
}

/** Writes to an SQE what the options say, after liburing has prepared it. @internal */
export function applyOptions(functions: Functions, sqe: io_uring_sqe, options: RequestOptions): void {
  const { handle, signal } = options;
  if (handle !== undefined && !(handle instanceof RequestHandle))
    throw argumentError('handle', 'a RequestHandle', handle);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw argumentError('signal', 'an AbortSignal', signal);
  if (handle?.active) throw stateError('handle', 'of no request', 'of one in flight');
  if (options.drain) sqe.flags |= IOSQE_IO_DRAIN;
  if (options.async) sqe.flags |= IOSQE_ASYNC;
  if (options.skipSuccess) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  if (options.personality !== undefined) sqe.personality = options.personality;
  if (options.ioprio !== undefined) {
    if (!Number.isInteger(options.ioprio)) throw argumentError('ioprio', 'an integer', options.ioprio);
    sqe.ioprio |= options.ioprio;
  }
  if (options.bufferGroup !== undefined) {
    checkGroup(options.bufferGroup, 'bufferGroup');
    sqe.flags |= IOSQE_BUFFER_SELECT;
    functions.io_uring_sqe_set_buf_group(sqe, options.bufferGroup);
  }
  options.prepare?.(sqe);
}

/** A poll's user_data is the ring's own. @internal */
export function pollUpdateFlags(flags: number): number {
  if (flags & IORING_POLL_UPDATE_USER_DATA) {
    throw argumentError('flags', 'without IORING_POLL_UPDATE_USER_DATA, as the ring chooses user_data itself', flags);
  }
  return flags;
}
