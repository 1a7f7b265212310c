/** What a ring does with its requests: submits them, waits for them, settles them, and ends. */
import { instance as defaultInstance } from '../default.js';
import { argumentError, stateError, systemError } from '../errors.js';
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_CQE_F_32,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IOSQE_CQE_SKIP_SUCCESS,
} from '../generated/constants.js';
import type { Functions } from '../generated/functions.js';
import { EAGAIN, EBADFD, EBUSY, ECANCELED, EINTR, EINVAL, ETIME } from '../generated/linux.js';
import { Operations, type RingOperations } from '../generated/operations.js';
import { io_uring, io_uring_cqe, type io_uring_reg_wait, io_uring_sqe } from '../generated/structs.js';
import type { Host, Instance } from '../library.js';
import type { Memory } from '../memory.js';
import { takeBuffers } from '../rings.js';
import { sqeSizeOf } from '../sqe-size.js';
import type { Pointers, StructArray } from '../struct.js';
import type { BufferRing } from './buffer-ring.js';
import { Held } from './held.js';
import { C, GET_SQE, type Hooks, REQUEST, RING, UNGET_SQE } from './hooks.js';
import { Messages } from './messages.js';
import type { RingOptions } from './options.js';
import type { RegisteredWait } from './registered-waits.js';
import { applyOptions, type Extra, type Request, type RequestOptions, Requests, type Sink } from './request.js';
import type { Ring } from './ring.js';
import { setUp } from './setup.js';
import { Wake } from './wake.js';

/** How many completions are looked at in one go. */
const BATCH = 256;
/**
 * How often in a row what completions lead to is submitted without a turn of the event loop between:
 * as long as everything is complete at once, timers and others would never get theirs.
 */
const ROUNDS = 8;
/** The upper half of a message's user_data has this bit. */
const MESSAGE_HIGH = 0x80000000;

/** Errors of io_uring_enter(2) that pass: a signal came, there is no memory now, the CQ ring is full. */
const temporary: readonly number[] = [-EINTR, -EAGAIN, -EBUSY];

// what the last `new Promise(capture)` is settled with: a closure less for each operation
let resolveLast: (value: unknown) => void;
let rejectLast: (reason: unknown) => void;
const capture = (resolve: (value: unknown) => void, reject: (reason: unknown) => void): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

const Base = Operations as unknown as abstract new () => RingOperations & Hooks;

/** How long {@link Ring.submitAndWait} waits. */
export interface WaitOptions {
  /** At most so long, in milliseconds. Default: for ever. */
  readonly timeout?: number;
  /** Milliseconds after which one completion is enough, however many are waited for. Linux 6.12. */
  readonly minWait?: number;
  /** A wait that says all that, instead. */
  readonly registered?: RegisteredWait;
}

/** The part of {@link Ring} that is not about what requests are for. */
export abstract class RingCore extends Base implements Disposable, AsyncDisposable {
  /** C's struct, for functions of the C interface. */
  readonly struct: io_uring;
  /** Where its memory is. */
  readonly memory: Memory;
  /** Entries of the submission queue. */
  readonly entries: number;
  /** @internal */
  override readonly [C]: Functions;
  /** @internal */
  override readonly [RING]: Ring;
  /** @internal */
  readonly bufferGroups = new Map<number, BufferRing>();
  /** @internal */
  readonly multishots = new Set<{ ringCloses(): void }>();
  /** Whether it takes no more requests. @internal */
  closing = false;

  private readonly instance: Instance;
  protected readonly requests = new Requests();
  private readonly pointers: Pointers<io_uring_cqe>;
  private readonly view: DataView;
  private draft: StructArray<io_uring_sqe> | undefined;
  private readonly polls: boolean;
  private readonly mixed: boolean;
  /** Whether a thread of the kernel takes the SQEs. */
  private readonly threaded: boolean;
  private readonly flushInTurn = (): void => this.flush();
  // ticks run when no promise has anything left to do
  private readonly flushInTick = (): void => this.flushAgain();
  private readonly afterFirstReactions = (): void => process.nextTick(this.flushInTick);
  private scheduled = false;
  /** Of submissions, since the event loop had its turn. */
  private rounds = 0;
  protected disabled: boolean;
  private reaping = false;
  /** What waits for the end of the reaping. */
  private readonly deferred: (() => void)[] = [];
  protected closed = false;
  private wake: Wake | undefined;
  /** Where registered waits are. */
  protected waits: StructArray<io_uring_reg_wait> | undefined;
  protected inbox: Messages | undefined;
  private listening = false;
  private closePromise: Promise<void> | undefined;
  private idle: (() => void) | undefined;
  /** How many there have been, to see whether there is any progress. */
  private completions = 0;
  /** Of a ring that closes: when there are more than these, everything is cancelled once more. */
  private cancelledAt = Number.POSITIVE_INFINITY;

  /**
   * Sets a ring up.
   *
   * @throws a {@link SystemError}, such as ENOSYS or EPERM where io_uring cannot be used, ENOMEM
   * beyond the limit of locked memory, EINVAL for flags that this kernel does not know; a TypeError
   * for settings that there are not.
   */
  constructor(options: RingOptions = {}) {
    super();
    this.instance = options.instance ?? defaultInstance;
    const { functions, memory } = this.instance;
    this[C] = functions;
    this[RING] = this as unknown as Ring;
    this.memory = memory;
    this.view = memory.view;
    this.struct = memory.alloc(io_uring);
    this.pointers = memory.allocPointers(io_uring_cqe, BATCH);
    try {
      setUp(functions, this.struct, options);
    } catch (error) {
      this.freeMemory();
      throw error;
    }
    const { flags } = this.struct;
    this.entries = this.struct.sq.ring_entries;
    this.polls = (flags & IORING_SETUP_IOPOLL) !== 0;
    this.threaded = (flags & IORING_SETUP_SQPOLL) !== 0;
    this.mixed = (flags & IORING_SETUP_CQE_MIXED) !== 0;
    this.disabled = (flags & IORING_SETUP_R_DISABLED) !== 0;
  }

  /** The ring's file descriptor, by which other threads can send it messages. */
  get fd(): number {
    return this.struct.ring_fd;
  }

  /** Requests that are prepared or in flight. */
  get pending(): number {
    return this.requests.count;
  }

  // --- submission ------------------------------------------------------------

  /** @internal */
  override [GET_SQE](big?: boolean): io_uring_sqe {
    if (this.closing) throw stateError('ring', 'open', 'closed');
    return this.nextSqe(big);
  }

  private nextSqe(big?: boolean): io_uring_sqe {
    if (big) return this.nextBigSqe();
    const functions = this[C];
    for (;;) {
      const sqe = functions.io_uring_get_sqe(this.struct);
      if (sqe !== null) return sqe;
      this.makeRoom(1);
    }
  }

  /** Throws if it has no SQEs of 128 bytes. @internal */
  mustHaveBigSqes(): void {
    if (!(this.struct.flags & (IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED)))
      throw stateError('ring', 'set up with sqe128 or sqeMixed for an SQE of 128 bytes', 'without');
  }

  private nextBigSqe(): io_uring_sqe {
    this.mustHaveBigSqes();
    const { io_uring_get_sqe128 } = this[C];
    let sqe = io_uring_get_sqe128(this.struct);
    if (sqe === null) {
      // at the end of the queue there may have to be padding
      this.makeRoom(this.entries);
      sqe = io_uring_get_sqe128(this.struct);
    }
    if (sqe === null) throw stateError('ring', 'of more entries for an SQE of 128 bytes', `of ${this.entries}`);
    return sqe;
  }

  /** Submits, so that there is room for so many SQEs in a row. @internal */
  makeRoom(slots: number): void {
    const functions = this[C];
    while (functions.io_uring_sq_space_left(this.struct) < slots) {
      if (this.disabled) {
        throw stateError('ring', 'enabled before its submission queue is full', 'disabled');
      }
      this.enter();
      if (this.threaded) functions.io_uring_sqring_wait(this.struct);
      if (functions.io_uring_sq_space_left(this.struct) >= slots) return;
      // the kernel cannot take them before something is complete
      const result = functions.io_uring_submit_and_wait(this.struct, 1);
      if (result < 0 && !temporary.includes(result)) throw systemError(result, 'io_uring_enter');
      this.reap();
    }
  }

  /** A zeroed SQE outside of the queue, with room for 128 bytes, for one member of a chain after another. @internal */
  draftSqe(): io_uring_sqe {
    if (this.closing) throw stateError('ring', 'open', 'closed');
    this.draft ??= this.memory.alloc(io_uring_sqe, 2);
    const { address } = this.draft;
    this.memory.bytes.fill(0, address, address + 2 * io_uring_sqe.size);
    const sqe = this.draft.at(0);
    sqe.attached = undefined; // of a member that was refused in the end
    return sqe;
  }

  /** @internal */
  override [UNGET_SQE](error: unknown, held?: Held, big?: io_uring_sqe): unknown {
    held?.free();
    if (big && this.struct.flags & IORING_SETUP_SQE_MIXED) {
      // it is two entries, and there may be padding before it, so that it has to stay
      this[C].io_uring_prep_nop128(big);
      big.flags = IOSQE_CQE_SKIP_SUCCESS;
      return error;
    }
    // liburing has counted the SQE, but the kernel has not seen it: it was the last one given out
    const { sq } = this.struct;
    sq.sqe_tail = (sq.sqe_tail - 1) >>> 0;
    return error;
  }

  /** @internal */
  override [REQUEST](
    sqe: io_uring_sqe,
    name: string,
    options?: RequestOptions,
    held?: Held,
    convert?: (res: number) => unknown,
  ): Promise<unknown> {
    if (options !== undefined) {
      try {
        if (options.skipSuccess) throw argumentError('skipSuccess', 'for a member of a chain', true);
        applyOptions(this[C], sqe, options);
      } catch (error) {
        takeBuffers(sqe);
        throw this[UNGET_SQE](error, held, sqeSizeOf(name) === 128 ? sqe : undefined);
      }
      if (options.signal?.aborted) {
        takeBuffers(sqe);
        this[UNGET_SQE](undefined, held, sqeSizeOf(name) === 128 ? sqe : undefined);
        return Promise.reject(options.signal.reason);
      }
    }
    const extra = options === undefined && held === undefined && convert === undefined ? undefined : { held, convert };
    const request = this.startRequest(sqe, name, options, extra, undefined);
    const promise = new Promise(capture);
    request.resolve = resolveLast;
    request.reject = rejectLast;
    return promise;
  }

  /** Gives a prepared SQE its request, and sees to it that it is submitted. @internal */
  startRequest(
    sqe: io_uring_sqe,
    name: string,
    options: RequestOptions | undefined,
    extra: Extra | undefined,
    kept: unknown,
  ): Request {
    const request = this.requests.take(name);
    this[C].io_uring_sqe_set_data64(sqe, request.userData);
    request.kept = kept ?? (sqe.attached === undefined ? undefined : takeBuffers(sqe));
    request.extra = extra;
    if (options !== undefined) this.name(request, options);
    this.schedule();
    return request;
  }

  private name(request: Request, { handle, signal }: RequestOptions): void {
    request.extra ??= {};
    const { extra } = request;
    if (handle !== undefined) {
      handle.attach(request);
      extra.handle = handle;
    }
    if (signal !== undefined) {
      extra.signal = signal;
      extra.onAbort = () => this.cancelRequest(request);
      if (signal.aborted) extra.onAbort();
      else signal.addEventListener('abort', extra.onAbort, { once: true });
    }
  }

  protected schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.flushInTurn);
  }

  /** What a turn of the event loop has prepared goes to the kernel here. */
  private flush(): void {
    this.scheduled = false;
    this.rounds = 0;
    if (this.closed) return;
    this.enter();
    this.follow(this.reap());
    this.sleep();
  }

  /** Has what the settled promises' reactions prepare submitted together, when all of them have run. */
  private follow(settled: number): void {
    if (settled === 0 || this.scheduled || this.rounds === ROUNDS) return;
    this.scheduled = true;
    this.rounds++;
    queueMicrotask(this.afterFirstReactions);
  }

  private flushAgain(): void {
    this.scheduled = false;
    if (this.closed) return;
    if (this[C].io_uring_sq_ready(this.struct) > 0) {
      this.enter();
      this.follow(this.reap());
    }
    this.sleep();
  }

  /** Gives all SQEs to the kernel, or leaves them for the next turn if it cannot take them now. */
  private enter(): void {
    const functions = this[C];
    for (;;) {
      const result = functions.io_uring_submit(this.struct);
      // without SUBMIT_ALL, the kernel stops at an SQE that it refuses
      if (result > 0 && !this.threaded && functions.io_uring_sq_ready(this.struct) > 0) continue;
      if (result >= 0 || result === -EBADFD) return;
      if (result === -EINTR) continue;
      if (!temporary.includes(result)) throw systemError(result, 'io_uring_enter');
      // the CQ ring is full: there is room when its completions are taken
      if (this.reap() === 0) {
        this.schedule();
        return;
      }
    }
  }

  // --- completion ------------------------------------------------------------

  /** Settles what is complete. */
  private reap(): number {
    this.reaping = true;
    let total = 0;
    try {
      for (let count = BATCH; count > 0; total += count) count = this.reapBatch();
    } finally {
      this.reaping = false;
    }
    this.completions += total;
    if (this.deferred.length > 0) for (const action of this.deferred.splice(0)) action();
    return total;
  }

  private reapBatch(): number {
    const functions = this[C];
    const { struct, pointers, view } = this;
    const first = pointers.address;
    const count = functions.io_uring_peek_batch_cqe(struct, pointers, BATCH);
    if (count === 0) return 0;
    let slots = count;
    for (let index = 0; index < count; index++) {
      const cqe = view.getUint32(first + index * 8, true);
      const flags = view.getUint32(cqe + 12, true);
      if (this.mixed && flags & IORING_CQE_F_32) slots++;
      this.complete(view.getUint32(cqe, true), view.getUint32(cqe + 4, true), view.getInt32(cqe + 8, true), flags);
    }
    functions.io_uring_cq_advance(struct, slots);
    return count;
  }

  private complete(index: number, generation: number, res: number, flags: number): void {
    if (generation >= MESSAGE_HIGH) {
      const data = (BigInt(generation - MESSAGE_HIGH) << 32n) | BigInt(index);
      this.messages_().deliver({ data, len: res, flags });
      return;
    }
    const request = this.requests.find(index, generation);
    if (request === undefined) return;
    if (request.extra !== undefined || flags & (IORING_CQE_F_MORE | IORING_CQE_F_NOTIF)) {
      this.completeSpecial(request, res, flags);
      return;
    }
    const { resolve, reject, name } = request;
    this.requests.give(request);
    if (res >= 0) resolve(res);
    else reject(systemError(res, name));
  }

  private completeSpecial(request: Request, res: number, flags: number): void {
    request.extra ??= {};
    const { extra } = request;
    const last = !(flags & IORING_CQE_F_MORE);
    if (extra.sink) {
      if (last) this.requests.give(request);
      extra.sink.completed(res, flags, last);
      if (last) this.free(extra);
      return;
    }
    if (!last) {
      // a zero-copy send: its buffer is in use until the notification
      extra.result = res;
      return;
    }
    const { resolve, reject, name } = request;
    const result = extra.result ?? res;
    const { convert, handle, signal } = extra;
    if (handle) handle.result = result;
    try {
      if (result >= 0) resolve(convert ? convert(result) : result);
      else if (result === -ETIME && name === 'timeout') resolve(result);
      else if (result === -ECANCELED && signal?.aborted) reject(signal.reason);
      else reject(systemError(result, name));
    } catch (error) {
      reject(error);
    }
    this.release(request);
  }

  /** Gives back what a request had, and its place. */
  private release(request: Request): void {
    const { extra } = request;
    this.requests.give(request);
    if (extra) this.free(extra);
  }

  private free({ held, signal, onAbort }: Extra): void {
    held?.free();
    if (signal && onAbort) signal.removeEventListener('abort', onAbort);
  }

  /** Ends a request that succeeded without a completion. @internal */
  forgetRequest(request: Request): void {
    if (request.active) this.release(request);
  }

  /**
   * Does something that may need an SQE, which there are none of while completions are looked at.
   *
   * @internal
   */
  afterReaping(action: () => void): void {
    if (this.reaping) this.deferred.push(action);
    else action();
  }

  /**
   * Asks the kernel to cancel a request. Its own completion says whether it was.
   *
   * @param missed - Called if the kernel could not: a multishot that is busy with a completion goes on.
   * @internal
   */
  cancelRequest(request: Request, missed?: () => void): void {
    if (!request.active || this.closed) return;
    const completed = (res: number): void => {
      if (missed && res < 0) this.afterReaping(missed);
    };
    this.cancel_(request.userData, 0, missed && { completed });
  }

  private cancel_(userData: number, flags: number, sink: Sink | undefined): void {
    const sqe = this.nextSqe();
    this[C].io_uring_prep_cancel64(sqe, userData, flags);
    this.startRequest(sqe, 'cancel', undefined, sink && { sink }, undefined);
  }

  // --- the event loop --------------------------------------------------------

  /** Waits for completions, without keeping the process alive for nothing. */
  private sleep(): void {
    const busy = this.requests.count > 0 || this.listening;
    if (!busy) {
      this.wake?.setReferenced(false);
      this.idle?.();
      return;
    }
    if (this.completions > this.cancelledAt) this.cancelAll();
    if (this.polls) {
      // nobody but who asks for them makes completions of polled I/O
      this.schedule();
      return;
    }
    if (this.wake === undefined) {
      this.wake = new Wake(this.instance.host as Host, this[C], this.struct, () => this.woken());
      // what came before somebody watched
      if (this.reap() > 0) {
        this.sleep();
        return;
      }
    }
    this.wake.setReferenced(true);
  }

  private woken(): void {
    if (this.closed) return;
    this.rounds = 0;
    this.follow(this.reap());
    this.sleep();
  }

  // --- waiting without the event loop ----------------------------------------

  /**
   * Submits what is prepared now instead of at the end of the turn, and settles what is complete
   * already.
   */
  submit(): void {
    this.mustBeOpen();
    this.enter();
    this.reap();
    this.sleep();
  }

  /**
   * Submits, and blocks the thread until so many requests are complete. Results are in the handles
   * that were given to the requests; promises run their callbacks afterwards, as ever.
   *
   * @param count - How many completions to wait for; no more than there are requests.
   * @returns how many there were; fewer when the time was up or a signal came.
   * @see io_uring_submit_and_wait_timeout(3)
   */
  submitAndWait(count = 1, options: WaitOptions = {}): number {
    this.mustBeOpen();
    const most = this.listening ? this.entries : this.requests.count;
    if (!Number.isInteger(count) || count < 0 || count > most) {
      throw argumentError('count', `a number of completions that can come, at most ${most}`, count);
    }
    const result = this.submitAndWaitFor(count, options);
    if (result < 0 && result !== -ETIME && !temporary.includes(result)) throw systemError(result, 'io_uring_enter');
    const total = this.reap();
    this.sleep();
    return total;
  }

  private submitAndWaitFor(count: number, { timeout, minWait, registered }: WaitOptions): number {
    const functions = this[C];
    const { struct, pointers } = this;
    if (registered !== undefined) {
      return functions.io_uring_submit_and_wait_reg(struct, pointers, count, registered.indexIn(this[RING]));
    }
    const held = new Held(this[RING]);
    try {
      const time = timeout === undefined ? null : held.timespec(timeout, 'timeout');
      if (minWait === undefined) return functions.io_uring_submit_and_wait_timeout(struct, pointers, count, time, null);
      const microseconds = Math.round(minWait * 1000);
      return functions.io_uring_submit_and_wait_min_timeout(struct, pointers, count, time, microseconds, null);
    } finally {
      held.free();
    }
  }

  protected messages_(): Messages {
    this.inbox ??= new Messages(
      () => this.setListening(true),
      () => this.setListening(false),
    );
    return this.inbox;
  }

  private setListening(listening: boolean): void {
    this.listening = listening;
    if (!this.closed && !this.reaping) this.sleep();
  }

  // --- the end ---------------------------------------------------------------

  protected mustBeOpen(): void {
    if (this.closing) throw stateError('ring', 'open', 'closed');
  }

  /** Cancels what is in flight, waits for it, and gives everything back. */
  protected closeRing(): Promise<void> {
    this.closePromise ??= new Promise((resolve) => {
      this.idle = () => {
        this.idle = undefined;
        this.tearDown();
        resolve();
      };
      this.startClosing();
      this.sleep();
    });
    return this.closePromise;
  }

  private startClosing(): void {
    this.closing = true;
    this.inbox?.close();
    this.listening = false;
    if (this.disabled) this[C].io_uring_enable_rings(this.struct);
    this.enter();
    this.reap();
    for (const multishot of this.multishots) multishot.ringCloses();
    this.cancelAll();
  }

  /**
   * Cancels everything, again and again as long as requests complete: behind a hard link, others
   * begin, and a multishot that is busy with a completion escapes.
   */
  private cancelAll(): void {
    if (this.requests.count === 0) return;
    const before = this.completions;
    this.cancelledAt = Number.POSITIVE_INFINITY;
    const done = (res: number): void => {
      // before Linux 5.19 they have to be named
      if (res === -EINVAL) for (const request of this.requests) this.cancelRequest(request);
      else this.cancelledAt = before + 1;
    };
    this.cancel_(0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, {
      completed: (res) => this.afterReaping(() => done(res)),
    });
  }

  /** Closes the ring as {@link Ring.close} does, and blocks until that is done. */
  [Symbol.dispose](): void {
    if (this.closed) return;
    if (!this.closing) this.startClosing();
    while (this.requests.count > 0) {
      const result = this[C].io_uring_submit_and_wait(this.struct, 1);
      if (result < 0 && !temporary.includes(result)) throw systemError(result, 'io_uring_enter');
      this.reap();
      if (this.completions > this.cancelledAt) this.cancelAll();
    }
    if (this.idle) this.idle();
    else this.tearDown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeRing();
  }

  private tearDown(): void {
    this.closing = true;
    this.wake?.close();
    for (const group of [...this.bufferGroups.values()]) group.close();
    this[C].io_uring_queue_exit(this.struct);
    this.closed = true;
    this.freeMemory();
  }

  private freeMemory(): void {
    if (this.draft) this.memory.free(this.draft);
    if (this.waits) this.memory.free(this.waits);
    this.memory.free(this.pointers);
    this.memory.free(this.struct);
  }
}
