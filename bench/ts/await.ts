/**
 * Random 4 KiB reads of a cached file, each awaited.
 * Arguments: milliseconds, the file, reads in flight.
 */
import { openSync } from 'node:fs';
import { allocArray, Ring } from 'liburing-wasm';
import { argument, measure, nextBlock, READ_SIZE, READ_WORDS } from './harness.js';

const fd = openSync(argument(2), 'r');
const depth = Number(argument(3));
const ring = new Ring();
const slots = Array.from({ length: depth }, () => allocArray(READ_WORDS, Uint32Array));
let left = 0;

async function work(words: Uint32Array): Promise<void> {
  while (left-- > 0) {
    const block = nextBlock();
    const bytes = await ring.read(fd, words, READ_SIZE, block * READ_SIZE);
    if (bytes !== READ_SIZE || words[0] !== block) throw new Error('a wrong block was read');
  }
}

await measure(async (operations) => {
  left = operations;
  await Promise.all(slots.map(work));
});
await ring.close();
