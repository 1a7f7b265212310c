/** Times a loop. bench/c/bench.h is the same in C, and has to stay so. */
import process from 'node:process';

const WARM_UP_MS = 300;

export const READ_SIZE = 4096;
export const FILE_BLOCKS = 16384;
/** Index of a block's first word in an Uint32Array over several. */
export const READ_WORDS = READ_SIZE / 4;

/** Carries out as many operations as it is told, a multiple of 64. */
export type Loop = (operations: number) => void | Promise<void>;

/** An argument of the command line; the first is the milliseconds to measure for. */
export function argument(index: number): string {
  const value = process.argv[index + 1];
  if (value === undefined) throw new Error(`argument ${index} is missing`);
  return value;
}

/** Picks the variant that an argument names. */
export function variant<T>(variants: Record<string, T>, name: string): T {
  const found = variants[name];
  if (found === undefined) throw new Error(`${name} is none of ${Object.keys(variants)}`);
  return found;
}

let state = 2463534242;

/** A number of the file's blocks; the same sequence in each program. */
export function nextBlock(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % FILE_BLOCKS;
}

/** Runs the loop for a while, and prints what one operation took. */
export async function measure(loop: Loop): Promise<void> {
  const ms = Number(argument(1));
  let chunk = 64;
  const run = async (): Promise<void> => {
    const pending = loop(chunk);
    if (pending !== undefined) await pending;
  };

  // the JIT compilers get to work, and a chunk grows until it takes 1 ms
  let start = performance.now();
  do {
    const before = performance.now();
    await run();
    if (performance.now() - before < 1) chunk *= 2;
  } while (performance.now() - start < WARM_UP_MS);

  let operations = 0;
  let elapsed: number;
  start = performance.now();
  do {
    await run();
    operations += chunk;
    elapsed = performance.now() - start;
  } while (elapsed < ms);
  console.log(JSON.stringify({ ns: (elapsed * 1e6) / operations, operations }));
}
