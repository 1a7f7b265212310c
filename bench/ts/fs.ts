/**
 * Random 4 KiB reads of a cached file through node:fs.
 * Arguments: milliseconds, the file, reads in flight, sync, callback or promise.
 */
import { openSync, read, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { argument, measure, nextBlock, READ_SIZE, READ_WORDS, variant } from './harness.js';

const file = argument(2);
const depth = Number(argument(3));

/** A buffer, and the means to tell what was read into it. */
class Slot {
  readonly #words = new Uint32Array(READ_WORDS);
  readonly bytes = new Uint8Array(this.#words.buffer);
  #block = 0;

  /** Position in the file of the next read. */
  next(): number {
    this.#block = nextBlock();
    return this.#block * READ_SIZE;
  }

  check(bytesRead: number): void {
    if (bytesRead !== READ_SIZE || this.#words[0] !== this.#block) throw new Error('a wrong block was read');
  }
}

const slots = Array.from({ length: depth }, () => new Slot());

function sync(): (operations: number) => void {
  const fd = openSync(file, 'r');
  const slot = new Slot();
  return (operations) => {
    for (let done = 0; done < operations; done++) {
      slot.check(readSync(fd, slot.bytes, 0, READ_SIZE, slot.next()));
    }
  };
}

/** Each read starts the next, so that there are always as many in flight as there may be. */
function callback(): (operations: number) => Promise<void> {
  const fd = openSync(file, 'r');
  let left = 0;
  let running = 0;
  let finished = (): void => {};
  const start = slots.map((slot) => {
    const next = (): void => {
      if (left-- > 0) read(fd, slot.bytes, 0, READ_SIZE, slot.next(), completed);
      else if (--running === 0) finished();
    };
    const completed = (error: Error | null, bytesRead: number): void => {
      if (error !== null) throw error;
      slot.check(bytesRead);
      next();
    };
    return next;
  });
  return (operations) =>
    new Promise((resolve) => {
      left = operations;
      running = depth;
      finished = resolve;
      for (const next of start) next();
    });
}

async function promise(): Promise<(operations: number) => Promise<void>> {
  const handle = await open(file, 'r');
  let left = 0;
  const work = async (slot: Slot): Promise<void> => {
    while (left-- > 0) slot.check((await handle.read(slot.bytes, 0, READ_SIZE, slot.next())).bytesRead);
  };
  return async (operations) => {
    left = operations;
    await Promise.all(slots.map(work));
  };
}

await measure(await variant({ sync, callback, promise }, argument(4))());
