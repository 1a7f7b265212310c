/** Times a loop. bench/c/bench.h must do the same in C. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

const WARM_UP_MS = 300;
const FIRST_CHUNK = 2048;

export const READ_SIZE = 4096;
export const FILE_BLOCKS = 16384;

/** Runs a number of operations, which is a multiple of 2048. */
export type Loop = (operations: number) => void | Promise<void>;

/** An argument of the command line. The first is the number of milliseconds to measure. */
export function argument(index: number): string {
  const value = process.argv[index + 1];
  if (value === undefined) throw new Error(`argument ${index} is missing`);
  return value;
}

/** Selects the variant that an argument names. */
export function variant<T>(variants: Readonly<Record<string, T>>, name: string): T {
  const found = variants[name];
  if (found === undefined) throw new Error(`${name} is none of ${Object.keys(variants)}`);
  return found;
}

let state = 2463534242;

/** A number of one of the file's blocks; every program gets the same sequence. */
export function nextBlock(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % FILE_BLOCKS;
}

/** A barrier: the last of several threads wakes the others. */
function together(): void {
  if (isMainThread) return;
  const waiting = workerData as Int32Array;
  if (Atomics.sub(waiting, 0, 1) === 1) {
    Atomics.notify(waiting, 0);
    return;
  }
  for (let left = Atomics.load(waiting, 0); left > 0; left = Atomics.load(waiting, 0)) Atomics.wait(waiting, 0, left);
}

/** Runs the loop for a while. Returns the nanoseconds of one operation. */
async function time(loop: Loop, ms: number): Promise<number> {
  let chunk = FIRST_CHUNK;
  const run = async (): Promise<void> => {
    const pending = loop(chunk);
    if (pending !== undefined) await pending;
  };

  // the JIT compilers start, and a chunk grows until it takes 1 ms
  let start = performance.now();
  do {
    const before = performance.now();
    await run();
    if (performance.now() - before < 1) chunk *= 2;
  } while (performance.now() - start < WARM_UP_MS);
  together();

  let operations = 0;
  let elapsed: number;
  start = performance.now();
  do {
    await run();
    operations += chunk;
    elapsed = performance.now() - start;
  } while (elapsed < ms);
  return (elapsed * 1e6) / operations;
}

/** Prints the result for the program that runs this one. */
export function report(value: number): void {
  if (isMainThread) console.log(JSON.stringify({ value }));
  else parentPort?.postMessage(value);
}

/** Runs the loop for a while, and prints the nanoseconds of one operation. */
export async function measure(loop: Loop): Promise<void> {
  report(await time(loop, Number(argument(1))));
}
