/** Items that come when they come, taken one by one with `for await`. */

/** What the producer does when the consumer acts. */
export interface QueueEvents<T> {
  /** The consumer has taken items, or waits for one: there is room for more. */
  taken(queue: AsyncQueue<T>): void;
  /** The consumer wants no more. `items` are those it has not taken. Resolves when they are given back. */
  abandoned(items: T[]): Promise<void>;
}

interface Waiting<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(reason: unknown): void;
}

/** The producer's side. Items that nobody has asked for yet are kept, in order. */
export class AsyncQueue<T> {
  readonly #items: T[] = [];
  readonly #waiting: Waiting<T>[] = [];
  readonly #events: QueueEvents<T>;
  #ended = false;
  #failed = false;
  #error: unknown;

  constructor(events: QueueEvents<T>) {
    this.#events = events;
  }

  /** How many items have not been taken. */
  get length(): number {
    return this.#items.length;
  }

  /** Whether the consumer waits for an item. */
  get awaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  push(item: T): void {
    const next = this.#waiting.shift();
    if (next) next.resolve({ done: false, value: item });
    else this.#items.push(item);
  }

  /** Ends the queue after the items that are in it. */
  end(): void {
    this.#ended = true;
    for (const next of this.#waiting.splice(0)) next.resolve({ done: true, value: undefined });
  }

  /** Ends the queue with an error after the items that are in it. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const first = this.#waiting.shift();
    if (first) {
      first.reject(error);
      this.end();
    } else {
      this.#failed = true;
      this.#error = error;
    }
  }

  /** The next item; called by the consumer's side. */
  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#events.taken(this);
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#failed) {
      this.#failed = false;
      return Promise.reject(this.#error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const promise = new Promise<IteratorResult<T, undefined>>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    this.#events.taken(this);
    return promise;
  }

  /** The consumer wants no more. */
  async return(): Promise<void> {
    const left = this.#items.splice(0);
    this.end();
    await this.#events.abandoned(left);
  }
}

/** The consumer's side: an iterator for `for await`. One consumer at a time. */
export class QueueIterator<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #queue: AsyncQueue<T>;

  /** @internal */
  constructor(queue: AsyncQueue<T>) {
    this.#queue = queue;
  }

  /** How many items have come and not been taken. */
  get length(): number {
    return this.#queue.length;
  }

  /** Whether nothing more will come. Items that have come can still be taken. */
  get ended(): boolean {
    return this.#queue.ended;
  }

  /** The next item, as soon as there is one. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.#queue.next();
  }

  /** Ends the iteration: `for await` calls it when the loop is left. */
  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#queue.return();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
