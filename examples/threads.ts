/** What pthreads are in C: workers, each with a liburing of its own, and shared memory between them. */
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** pthread_barrier_t: nobody goes on before all are there. Usable once. */
export class Barrier {
  readonly words: Int32Array<SharedArrayBuffer>;

  /** @param words - The barrier of another thread, or how many threads are to wait at a new one. */
  constructor(words: Int32Array<SharedArrayBuffer> | number) {
    this.words = typeof words === 'number' ? new Int32Array(new SharedArrayBuffer(4)).fill(words) : words;
  }

  wait(): void {
    if (Atomics.sub(this.words, 0, 1) === 1) Atomics.notify(this.words, 0);
    for (let left = Atomics.load(this.words, 0); left > 0; left = Atomics.load(this.words, 0)) {
      Atomics.wait(this.words, 0, left);
    }
  }
}

/**
 * pthread_create(3): runs the module at `url` once more, in a thread, where {@link threadData} returns
 * `data`. Resolves with the thread's exit status.
 */
export function start(url: string, data: unknown): { joined: Promise<number> } {
  const worker = new Worker(new URL(url), {
    workerData: data,
    // descriptors come from the ring and from other threads, as in C
    trackUnmanagedFds: false,
  });
  return { joined: new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject)) };
}

/** What the thread was started with; undefined in the main thread. */
export const threadData = <T>(): T | undefined => (isMainThread ? undefined : (workerData as T));

type Numbers<K extends string> = Record<K, number> & { readonly words: Float64Array };

/**
 * A base class for what is a struct of plain numbers in C that several threads look at: its members are
 * in a Float64Array, which may be over shared memory. `size` is how many elements it has there.
 */
export function numbersIn<const K extends string>(
  ...names: readonly K[]
): { new (words: Float64Array): Numbers<K>; readonly size: number } {
  class Words {
    static readonly size = names.length;
    readonly words: Float64Array;

    constructor(words: Float64Array) {
      this.words = words;
    }
  }
  names.forEach((name, index) => {
    Object.defineProperty(Words.prototype, name, {
      get(this: Words): number {
        return this.words[index] as number;
      },
      set(this: Words, value: number) {
        this.words[index] = value;
      },
    });
  });
  return Words as unknown as { new (words: Float64Array): Numbers<K>; readonly size: number };
}
