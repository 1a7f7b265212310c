/**
 * Copies a file of 64 MiB. An operation is a MiB.
 * Arguments: milliseconds, the file, where to copy it, ring, copyFile or streams.
 */
import { closeSync, copyFile, createReadStream, createWriteStream, fstatSync, openSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { allocArray, Ring } from 'liburing-wasm';
import { argument, measure, variant } from './harness.js';

const FILE_MIB = 64;
// as io_uring-cp has it
const BLOCK = 32 * 1024;
const DEPTH = 64;
const from = argument(2);
const to = argument(3);

function withRing(): () => Promise<void> {
  const ring = new Ring();
  const buffers = Array.from({ length: DEPTH }, () => allocArray(BLOCK));
  return async () => {
    const infd = openSync(from, 'r');
    const outfd = openSync(to, 'w');
    const { size } = fstatSync(infd);
    let next = 0;
    await Promise.all(
      buffers.map(async (buffer) => {
        while (next < size) {
          const offset = next;
          const length = Math.min(BLOCK, size - offset);
          next += length;
          if ((await ring.read(infd, buffer, length, offset)) !== length) throw new Error('a short read');
          if ((await ring.write(outfd, buffer, length, offset)) !== length) throw new Error('a short write');
        }
      }),
    );
    closeSync(infd);
    closeSync(outfd);
  };
}

const copy = variant(
  {
    ring: withRing,
    copyFile: () => () => promisify(copyFile)(from, to),
    streams: () => () => pipeline(createReadStream(from), createWriteStream(to)),
  },
  argument(4),
)();

await measure(async (operations) => {
  for (let done = 0; done < operations; done += FILE_MIB) await copy();
});
process.exit(0);
