/** pthreads: workers that make system calls, on descriptors and memory of the process. */
import { Worker } from 'node:worker_threads';
import { inRoot } from '../../support/paths.js';
import { atEnd, countThread } from './clean.js';
import { addonFile } from './syscall.js';

/** What a thread's function can use beside its data: nothing else of the module goes over to it. */
export interface ThreadLibrary {
  /** A system call by its name, with numbers: what the kernel returns, an error as -errno. */
  syscall(name: string, ...values: number[]): number;
  usleep(usec: number): void;
  barrier_wait(words: Int32Array): void;
  /** The package, with a window of the thread's own. */
  liburing(): Promise<typeof import('../../../src/c.js')>;
}

/** A started thread. */
export interface Thread {
  readonly status: Int32Array<SharedArrayBuffer>;
}

const source = (body: string): string => `
const { workerData: { data, status } } = require('node:worker_threads');
const addon = require(${JSON.stringify(addonFile)});
const library = {
  syscall: (name, ...values) => addon.syscall(addon['SYS_' + name], ...values),
  usleep: (usec) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, usec / 1000),
  barrier_wait(words) {
    if (Atomics.sub(words, 0, 1) === 1) Atomics.notify(words, 0);
    for (let left = Atomics.load(words, 0); left > 0; left = Atomics.load(words, 0)) Atomics.wait(words, 0, left);
  },
  liburing: () => import(${JSON.stringify(inRoot('dist/c.js'))}),
};
const end = (state, value) => {
  status[1] = value;
  Atomics.store(status, 0, state);
  Atomics.notify(status, 0);
};
(async () => (${body})(library, data))().then((value) => end(1, Number(value ?? 0)), (error) => {
  require('node:fs').writeSync(2, String(error?.stack) + '\\n');
  end(2, 0);
});`;

/** pthread_create(3). The function's text is taken over: it sees its arguments only. */
export function pthread_create<T>(
  start: (library: ThreadLibrary, data: T) => number | undefined | Promise<number | undefined>,
  data: T,
): Thread {
  const status = new Int32Array(new SharedArrayBuffer(8));
  countThread();
  const worker = new Worker(source(String(start)), {
    eval: true,
    execArgv: [],
    workerData: { data, status },
    trackUnmanagedFds: false,
  });
  atEnd(() => worker.terminate());
  return { status };
}

/** pthread_join(3): waits for the function to return, and returns what it did. */
export function pthread_join({ status }: Thread): number {
  Atomics.wait(status, 0, 0, 50_000);
  const state = Atomics.load(status, 0);
  if (state !== 1) throw new Error(state === 0 ? 'the thread does not end' : 'the thread threw');
  return status[1] as number;
}

/** pthread_barrier_init(3) */
export const barrier = (count: number): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(4)).fill(count);

/** pthread_barrier_wait(3); a barrier is good for once. */
export function barrier_wait(words: Int32Array): void {
  if (Atomics.sub(words, 0, 1) === 1) Atomics.notify(words, 0);
  for (let left = Atomics.load(words, 0); left > 0; left = Atomics.load(words, 0)) {
    if (Atomics.wait(words, 0, left, 50_000) === 'timed-out') throw new Error('nobody else came to the barrier');
  }
}
