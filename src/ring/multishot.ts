/** Requests that complete many times: one iterator each. */
import { systemError } from '../checks/system-error.js';
import { ECANCELED, ENOBUFS } from '../constants/generated/linux.js';
import { AsyncQueue, QueueIterator } from './async-queue.js';
import type { BufferPool } from './buffer-pool.js';
import type { RingUser } from './engine/close.js';
import type { Engine } from './engine/engine.js';
import type { CompletionSink, Request } from './engine/request.js';
import { isSuccess } from './outcome.js';

/** What is particular to a multishot operation. */
export interface MultishotKind<T> {
  /** The operation, as errors name it. */
  readonly name: string;
  /** Starts the request, whose completions go to `sink`. */
  start(sink: CompletionSink): Request;
  /** The items of a completion that is no error; none for the end of the data. */
  items(res: number, flags: number): Iterable<T>;
  /** Whether a `res` means that no more data will come. */
  isEnd(res: number): boolean;
  /** Whether there is more to come although the kernel has ended the request, as it does when the CQ ring is full. */
  restarts(): boolean;
  /** Gives back an item that nobody will take. */
  discard(item: T): unknown;
  /** The provided buffers that its data is in. */
  readonly buffers?: BufferPool;
  /** How many items may wait before the request is paused. */
  readonly highWaterMark: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when the request is gone for good. */
  ended?(): void;
}

/**
 * The results of a multishot request, in order. When `highWaterMark` of them wait to be taken, the request is
 * cancelled, and started again when they are gone. Leaving the loop cancels it for good and gives back what was not
 * taken: buffers go to their ring, connections are closed.
 *
 * ```ts
 * for await (const fd of ring.multishot_accept(listener)) serve(fd);
 * ```
 */
export class Multishot<T> extends QueueIterator<T> {}

/** Starts a multishot request. @throws what its operation throws for bad arguments, and the reason of an aborted signal. */
export function multishot<T>(engine: Engine, kind: MultishotKind<T>): Multishot<T> {
  kind.signal?.throwIfAborted();
  return new Multishot(new MultishotRequest(engine, kind).queue);
}

/** Runs one multishot request: pauses it, starts it again, cancels it. */
class MultishotRequest<T> implements CompletionSink, RingUser {
  readonly queue: AsyncQueue<T>;
  readonly #engine: Engine;
  readonly #kind: MultishotKind<T>;
  #request: Request | undefined;
  #cancelling = false;
  /** It was cancelled because too many items wait. */
  #paused = false;
  #waitsForBuffers = false;
  #isOver = false;
  #returned: (() => void) | undefined;
  readonly #onAbort = (): void => {
    this.queue.fail(this.#kind.signal?.reason);
    this.#cancel();
  };
  readonly #resume = (): void => {
    this.#waitsForBuffers = false;
    this.#restart();
  };

  constructor(engine: Engine, kind: MultishotKind<T>) {
    this.#engine = engine;
    this.#kind = kind;
    this.queue = new AsyncQueue({
      taken: () => this.#taken(),
      abandoned: (items) => this.#abandoned(items),
    });
    this.#request = kind.start(this);
    engine.use(this);
    kind.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  #restart(): void {
    this.#engine.reaper.afterReaping(() => {
      if (this.queue.ended || this.#request !== undefined) return;
      if (this.#engine.ring.closing) {
        this.ringCloses();
        return;
      }
      try {
        this.#request = this.#kind.start(this);
      } catch (error) {
        this.queue.fail(error);
        this.#over();
      }
    });
  }

  /** Ends it if no completion will. */
  ringCloses(): void {
    if (this.#request !== undefined || this.queue.ended) return;
    this.queue.fail(systemError(-ECANCELED, this.#kind.name));
    this.#cancel();
    this.#over();
  }

  #cancel(): void {
    if (this.#waitsForBuffers) {
      this.#kind.buffers?.forget(this.#resume);
      this.#waitsForBuffers = false;
    }
    if (this.#request === undefined || this.#cancelling) return;
    this.#cancelling = true;
    const request = this.#request;
    const { userData } = request;
    const isCurrent = (): boolean => this.#request === request && request.userData === userData;
    const again = (): void => {
      if (!isCurrent()) return;
      this.#cancelling = false;
      this.#cancel();
    };
    const { canceller, reaper } = this.#engine;
    reaper.afterReaping(() => isCurrent() && canceller.cancel(request, again));
  }

  completed(res: number, flags: number, last: boolean): void {
    const kind = this.#kind;
    const isEnd = kind.isEnd(res);
    const isError = !isSuccess(kind.name, res);
    if (last) {
      this.#request = undefined;
      this.#cancelling = false;
    }
    if (isError || isEnd) kind.buffers?.unused(flags);
    else {
      this.#deliver(res, flags, last);
      if (this.queue.length >= kind.highWaterMark && !last) {
        this.#paused = true;
        this.#cancel();
      }
    }
    if (last) this.#stopped(res, isError, isEnd);
  }

  #deliver(res: number, flags: number, last: boolean): void {
    const kind = this.#kind;
    try {
      for (const item of kind.items(res, flags)) {
        if (this.queue.ended) this.#engine.reaper.afterReaping(() => kind.discard(item));
        else this.queue.push(item);
      }
    } catch (error) {
      this.queue.fail(error);
      if (!last) this.#cancel();
    }
  }

  /** The kernel has ended the request: for good, or until there is room again. */
  #stopped(res: number, isError: boolean, isEnd: boolean): void {
    const { queue } = this;
    const kind = this.#kind;
    if (isEnd || (!isError && !kind.restarts())) queue.end();
    if (queue.ended) {
      this.#over();
    } else if (!isError) {
      this.#paused = false;
      if (queue.length < kind.highWaterMark) this.#restart();
    } else if (res === -ENOBUFS && kind.buffers?.isOpen) {
      this.#waitsForBuffers = true;
      kind.buffers.whenAvailable(this.#resume);
    } else if (res === -ECANCELED && this.#paused && !this.#engine.ring.closing) {
      this.#paused = false;
      if (queue.length === 0) this.#restart();
    } else {
      queue.fail(systemError(res, kind.name));
      this.#over();
    }
  }

  /** The request is gone for good. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const kind = this.#kind;
    this.#engine.leave(this);
    // a buffer that this request was to go on with is for another
    if (kind.buffers?.isOpen && !this.#engine.ring.closing) kind.buffers.resume();
    kind.signal?.removeEventListener('abort', this.#onAbort);
    kind.ended?.();
    this.#returned?.();
  }

  #taken(): void {
    if (this.#request === undefined && !this.#waitsForBuffers && this.queue.length === 0) this.#restart();
  }

  async #abandoned(items: T[]): Promise<void> {
    for (const item of items) this.#kind.discard(item);
    if (this.#request === undefined) {
      this.#cancel();
      this.#over();
      return;
    }
    await new Promise<void>((resolve) => {
      this.#returned = resolve;
      this.#cancel();
    });
  }
}
