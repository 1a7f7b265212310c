/** Requests that complete many times: one iterator each. */
import { systemError } from '../errors.js';
import { ECANCELED, ENOBUFS, ETIME } from '../generated/linux.js';
import type { BufferRing } from './buffer-ring.js';
import type { Request, Sink } from './request.js';
import type { Ring } from './ring.js';
import { Stream } from './stream.js';

/** What is particular to a multishot operation. @internal */
export interface MultishotKind<T> {
  /** The operation, as errors name it. */
  readonly name: string;
  /** Starts the request, whose completions go to `sink`. */
  arm(sink: Sink): Request;
  /** Items of a completion that is no error; none for the end of the data. */
  items(res: number, flags: number): Iterable<T>;
  /** Whether a result means that no more data will come. */
  isEnd(res: number): boolean;
  /** Whether there is more to come although the kernel has ended it: it does when the CQ ring is full, for instance. */
  restarts(): boolean;
  /** Gives back what nobody will take. */
  discard(item: T): unknown;
  /** Where its data is, if in provided buffers. */
  readonly buffers?: BufferRing;
  /** How many items may wait before it is paused. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The results of a multishot request, in order. When more than `highWater` wait to be taken, the
 * request is cancelled, and started again when they are gone. Leaving the loop cancels it for good
 * and gives back what was not taken: buffers to their ring, connections are closed.
 */
export class Multishot<T> extends Stream<T> implements Sink {
  private readonly ring: Ring;
  private readonly kind: MultishotKind<T>;
  private request: Request | undefined;
  private cancelling = false;
  /** Too many items wait. */
  private paused = false;
  private waitsForBuffers = false;
  private readonly resume = (): void => {
    this.waitsForBuffers = false;
    this.arm();
  };
  private readonly onAbort = (): void => {
    this.fail(this.kind.signal?.reason);
    this.cancel();
  };

  /** @internal */
  constructor(ring: Ring, kind: MultishotKind<T>) {
    super();
    kind.signal?.throwIfAborted();
    this.ring = ring;
    this.kind = kind;
    ring.multishots.add(this);
    kind.signal?.addEventListener('abort', this.onAbort, { once: true });
    this.arm();
  }

  /** Starts the request, again perhaps. */
  private arm(): void {
    this.ring.afterReaping(() => this.start());
  }

  private start(): void {
    if (this.ended || this.request !== undefined) return;
    if (this.ring.closing) this.ringCloses();
    else this.request = this.kind.arm(this);
  }

  /** Ends it if no completion will. @internal */
  ringCloses(): void {
    if (this.request !== undefined || this.ended) return;
    this.fail(systemError(-ECANCELED, this.kind.name));
    this.cancel();
    this.stopped();
  }

  private cancel(): void {
    if (this.waitsForBuffers) {
      this.kind.buffers?.forget(this.resume);
      this.waitsForBuffers = false;
    }
    if (this.request === undefined || this.cancelling) return;
    this.cancelling = true;
    const { request, ring } = this;
    const { userData } = request;
    const isCurrent = (): boolean => this.request === request && request.userData === userData;
    const again = (): void => {
      if (!isCurrent()) return;
      this.cancelling = false;
      this.cancel();
    };
    ring.afterReaping(() => isCurrent() && ring.cancelRequest(request, again));
  }

  private readonly afterwards: (() => void)[] = [];

  /** Calls back when the request is gone for good. @internal */
  whenOver(callback: () => void): void {
    this.afterwards.push(callback);
  }

  private stopped(): void {
    this.ring.multishots.delete(this);
    // a buffer that it was to go on with is for another
    if (this.kind.buffers?.isOpen && !this.ring.closing) this.kind.buffers.resume();
    this.kind.signal?.removeEventListener('abort', this.onAbort);
    for (const callback of this.afterwards.splice(0)) callback();
  }

  /** Called with each completion of the request. */
  completed(res: number, flags: number, last: boolean): void {
    const { kind } = this;
    const isEnd = kind.isEnd(res);
    const isError = res < 0 && res !== -ETIME;
    if (last) {
      this.request = undefined;
      this.cancelling = false;
    }
    if (isError || isEnd) kind.buffers?.unused(flags);
    else {
      for (const item of kind.items(res, flags)) {
        if (this.ended) this.ring.afterReaping(() => kind.discard(item));
        else this.push(item);
      }
      if (this.length >= kind.limit && !last) {
        this.paused = true;
        this.cancel();
      }
    }
    if (last) this.over(res, isError, isEnd);
  }

  /** The request is gone: for good, or until there is room again. */
  private over(res: number, isError: boolean, isEnd: boolean): void {
    if (isEnd || (!isError && !this.kind.restarts())) this.end();
    if (this.ended) {
      this.stopped();
    } else if (!isError) {
      this.paused = false;
      if (this.length < this.kind.limit) this.arm();
    } else if (res === -ENOBUFS && this.kind.buffers?.isOpen) {
      this.waitsForBuffers = true;
      this.kind.buffers.whenAvailable(this.resume);
    } else if (res === -ECANCELED && this.paused && !this.ring.closing) {
      this.paused = false;
      if (this.length === 0) this.arm();
    } else {
      this.fail(systemError(res, this.kind.name));
      this.stopped();
    }
  }

  protected override taken(): void {
    if (this.request === undefined && !this.waitsForBuffers && this.length === 0) this.arm();
  }

  protected override async abandoned(items: T[]): Promise<void> {
    for (const item of items) this.kind.discard(item);
    if (this.request === undefined) {
      this.cancel();
      this.stopped();
      return;
    }
    await new Promise<void>((resolve) => {
      this.whenOver(resolve);
      this.cancel();
    });
  }
}
