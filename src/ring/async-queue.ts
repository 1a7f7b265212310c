/** An asynchronous iterator that is filled from elsewhere. */

/** Whoever waits for the next item. */
interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(reason: unknown): void;
}

/**
 * Items in the order in which they come, for `for await`. One consumer at a time; what comes while
 * nobody asks is kept.
 */
export abstract class Stream<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  private readonly items: T[] = [];
  private readonly waiting: Waiting<T>[] = [];
  private done = false;
  private error: unknown;
  private failed = false;

  /** How many items have come and not been asked for. */
  get length(): number {
    return this.items.length;
  }

  /** Whether somebody waits for the next item. @internal */
  protected get awaited(): boolean {
    return this.waiting.length > 0;
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.done;
  }

  /** @internal */
  protected push(item: T): void {
    const next = this.waiting.shift();
    if (next) next.resolve({ done: false, value: item });
    else this.items.push(item);
  }

  /** Ends it after what has come. @internal */
  protected end(): void {
    this.done = true;
    for (const next of this.waiting.splice(0)) next.resolve({ done: true, value: undefined });
  }

  /** Ends it with an error, after what has come. @internal */
  protected fail(error: unknown): void {
    if (this.done) return;
    this.done = true;
    const first = this.waiting.shift();
    if (first) {
      first.reject(error);
      this.end();
    } else {
      this.failed = true;
      this.error = error;
    }
  }

  /** Called when items have been taken, and there is room for more. @internal */
  protected abstract taken(): void;

  /** Called when the consumer wants no more, with what it has not taken; resolves when all is given back. @internal */
  protected abstract abandoned(items: T[]): Promise<void>;

  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.items.shift();
    if (item !== undefined) {
      this.taken();
      return Promise.resolve({ done: false, value: item });
    }
    if (this.failed) {
      this.failed = false;
      return Promise.reject(this.error);
    }
    if (this.done) return Promise.resolve({ done: true, value: undefined });
    const promise = new Promise<IteratorResult<T, undefined>>((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
    this.taken();
    return promise;
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    const left = this.items.splice(0);
    this.end();
    await this.abandoned(left);
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
