/** Where the generated operations put their requests: a ring submits each, a chain collects them. */
import { invalidType } from '../checks/errors.js';
import { IOSQE_BUFFER_SELECT, IOSQE_FIXED_FILE } from '../constants/generated/uring.js';
import type { Functions } from '../liburing/generated/functions.js';
import { takeBuffers } from '../liburing/ring-state.js';
import type { io_uring_sqe } from '../structs/generated/structs.js';
import type { BufferPool } from './buffer-pool.js';
import type { FileDescriptor } from './direct-file.js';
import type { Engine } from './engine/engine.js';
import type { CompletionSink, Request, RequestDetails, Settler } from './engine/request.js';
import { attachHandle } from './request-handle.js';
import { applyOptions, checkRequestOptions, type RequestOptions } from './request-options.js';
import type { Scratch } from './scratch.js';

/** What the generated operations call, in this order: `newSqe`, a prep function, `request`; `refuse` if one throws. */
export interface OperationTarget {
  /** liburing's functions. */
  readonly functions: Functions;
  /** The ring that direct descriptors, registered buffers and handles have to be of. */
  readonly engine: Engine;
  /** An SQE to prepare, of 128 bytes if `big`. Throws for options that cannot be. */
  newSqe(options: RequestOptions | undefined, big?: boolean): io_uring_sqe;
  /** Undoes what was begun for a request that cannot be made. */
  refuse(error: unknown, sqe: io_uring_sqe | undefined, scratch?: Scratch): unknown;
  /**
   * Makes a request of a prepared SQE.
   *
   * @param name - The operation, as errors name it.
   * @param file - The file it is about, if there is one.
   * @param convert - Makes the request's value from its `res`; `res` itself by default.
   */
  request(
    name: string,
    sqe: io_uring_sqe,
    options: RequestOptions | undefined,
    file?: FileDescriptor,
    scratch?: Scratch,
    convert?: (res: number) => unknown,
  ): unknown;
}

// What the last `new Promise(capture)` is settled with: this saves a closure for each request.
let resolveLast: (value: unknown) => void;
let rejectLast: (reason: unknown) => void;
const capture = (resolve: (value: unknown) => void, reject: (reason: unknown) => void): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

/** A promise with the functions that settle it. */
class Deferred implements Settler {
  readonly promise: Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise(capture);
    this.resolve = resolveLast;
    this.reject = rejectLast;
  }
}

/** A request whose completions go to a sink. */
export interface SinkRequest {
  readonly name: string;
  /** Calls the prep function. */
  prepare(sqe: io_uring_sqe): void;
  readonly file?: FileDescriptor;
  readonly scratch?: Scratch;
  /** The provided buffers that it takes its data from. */
  readonly buffers?: BufferPool | undefined;
}

/** Makes the requests of a ring. */
export class Requester implements OperationTarget {
  readonly functions: Functions;
  readonly engine: Engine;
  /** Whether errors have the stack of the call that made the request. */
  readonly stacks: boolean;

  constructor(engine: Engine, stacks: boolean) {
    this.functions = engine.functions;
    this.engine = engine;
    this.stacks = stacks;
  }

  newSqe(options: RequestOptions | undefined, big = false): io_uring_sqe {
    const { ring, draft, submitter } = this.engine;
    if (ring.closing || ring.editing) ring.mustBeUsable();
    if (options === undefined) return submitter.nextSqe(big);
    checkRequestOptions(options);
    if (options.signal?.aborted) throw options.signal.reason;
    if (options.editSqe === undefined) return submitter.nextSqe(big);
    if (big) ring.mustHaveBigSqes();
    return draft.sqe(big);
  }

  refuse(error: unknown, sqe: io_uring_sqe | undefined, scratch?: Scratch): Promise<never> {
    this.#undo(sqe, scratch);
    return Promise.reject(error);
  }

  #undo(sqe: io_uring_sqe | undefined, scratch: Scratch | undefined): void {
    scratch?.free();
    if (sqe === undefined) return;
    takeBuffers(sqe, this.engine.memory);
    if (!this.engine.draft.is(sqe)) this.engine.submitter.takeBack(sqe);
  }

  request(
    name: string,
    sqe: io_uring_sqe,
    options: RequestOptions | undefined,
    file?: FileDescriptor,
    scratch?: Scratch,
    convert?: (res: number) => unknown,
  ): Promise<unknown> {
    let request: Request;
    try {
      request = this.#start(name, sqe, options, file);
    } catch (error) {
      return this.refuse(error, sqe, scratch);
    }
    if (scratch !== undefined || convert !== undefined) {
      request.details ??= {};
      request.details.scratch = scratch;
      request.details.convert = convert;
    }
    return this.#promise(request);
  }

  #promise(request: Request): Promise<unknown> {
    const deferred = new Deferred();
    request.settler = deferred;
    return deferred.promise;
  }

  #start(name: string, sqe: io_uring_sqe, options: RequestOptions | undefined, file: FileDescriptor = -1): Request {
    if (typeof file !== 'number') sqe.flags |= IOSQE_FIXED_FILE;
    const { submitter, memory, draft } = this.engine;
    if (options !== undefined) applyOptions(this.functions, sqe, options);
    const edited = options?.editSqe !== undefined && draft.is(sqe) ? this.#edit(sqe, options.editSqe) : sqe;
    const request = submitter.start(name, edited, takeBuffers(sqe, memory));
    if (typeof file === 'number') request.fd = file;
    if (options !== undefined) this.attach(request, options);
    if (this.stacks) {
      request.details ??= {};
      request.details.callSite = recordStack(this.request);
    }
    return request;
  }

  /** Lets the caller change the draft, then puts it into the ring. */
  #edit(draft: io_uring_sqe, editSqe: (sqe: io_uring_sqe) => void): io_uring_sqe {
    edit(this.engine, draft, editSqe);
    return place(this.engine, this.engine.draft.bytes());
  }

  /**
   * Connects a request with its handle and its signal.
   *
   * @param missed - Called if the kernel cannot cancel the request when the signal is aborted.
   */
  attach(request: Request, { handle, signal }: RequestOptions, missed?: () => void): void {
    if (handle === undefined && signal === undefined) return;
    request.details ??= {};
    const { details } = request;
    if (handle !== undefined) {
      attachHandle(handle, request);
      details.handle = handle;
    }
    if (signal !== undefined) {
      details.signal = signal;
      details.onAbort = () => this.engine.canceller.cancel(request, missed);
      signal.addEventListener('abort', details.onAbort, { once: true });
    }
  }

  /** Starts a request whose completions go to `sink`. */
  startSink(sink: CompletionSink, { name, prepare, file, scratch, buffers }: SinkRequest): Request {
    const sqe = this.#prepare(undefined, prepare, scratch, buffers);
    const request = this.#start(name, sqe, undefined, file);
    const details: RequestDetails = { sink, scratch };
    request.details = details;
    return request;
  }

  /**
   * Starts a single request that takes its data from provided buffers, and resolves to the buffer.
   *
   * @param pool - The buffers; may throw.
   */
  receive(
    name: string,
    file: FileDescriptor,
    pool: () => BufferPool,
    prepare: (sqe: io_uring_sqe) => void,
    options: RequestOptions | undefined,
  ): Promise<unknown> {
    let request: Request;
    let sqe: io_uring_sqe | undefined;
    try {
      const buffers = pool();
      sqe = this.#prepare(options, prepare, undefined, buffers);
      request = this.#start(name, sqe, options, file);
      request.details ??= {};
      request.details.buffers = buffers;
    } catch (error) {
      return this.refuse(error, sqe);
    }
    return this.#promise(request);
  }

  #prepare(
    options: RequestOptions | undefined,
    prepare: (sqe: io_uring_sqe) => void,
    scratch: Scratch | undefined,
    buffers: BufferPool | undefined,
  ): io_uring_sqe {
    let sqe: io_uring_sqe | undefined;
    try {
      sqe = this.newSqe(options);
      prepare(sqe);
      if (buffers !== undefined) {
        this.functions.io_uring_sqe_set_buf_group(sqe, buffers.group);
        sqe.flags |= IOSQE_BUFFER_SELECT;
      }
      return sqe;
    } catch (error) {
      this.#undo(sqe, scratch);
      throw error;
    }
  }
}

/** The stack of the caller of `above`. It takes some microseconds. */
export function recordStack(above: unknown): { readonly stack?: string } {
  const site = {};
  (Error as { captureStackTrace?: (target: object, above: unknown) => void }).captureStackTrace?.(site, above);
  return site;
}

/** Runs a caller's `editSqe`. The ring refuses its methods meanwhile. */
export function edit({ ring }: Engine, sqe: io_uring_sqe, editSqe: (sqe: io_uring_sqe) => void): void {
  ring.editing = true;
  try {
    const result: unknown = editSqe(sqe);
    if (result instanceof Promise) throw invalidType('editSqe', 'a function that returns nothing', result);
  } finally {
    ring.editing = false;
  }
}

/** Puts the bytes of a prepared SQE into the ring. */
export function place({ submitter, memory }: Engine, bytes: Uint8Array): io_uring_sqe {
  const sqe = submitter.nextSqe(bytes.length > 64);
  memory.bytes.set(bytes, sqe.address);
  return sqe;
}
