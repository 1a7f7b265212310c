/**
 * Copies a file of 64 MiB, in blocks of 128 KiB, eight at a time. An operation is a block.
 * Arguments: milliseconds, c, await, sync, callback, promise, copyFile or streams,
 * the file, where to copy it.
 */
import { copyFile, createReadStream, createWriteStream, openSync, read, readSync, write, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import {
  allocArray,
  io_uring_cq_advance,
  io_uring_cqe_get_data,
  io_uring_for_each_cqe,
  io_uring_get_sqe,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_sqe_set_data64,
  io_uring_submit_and_wait,
} from 'liburing-wasm/c';
import { O_CREAT, O_RDONLY, O_WRONLY } from 'liburing-wasm/linux';
import { openAwaited, openRing } from './batches.js';
import { argument, type Loop, measure, variant } from './harness.js';
import { callbacks, inTurn, must, promises } from './ways.js';

const BLOCK = 128 * 1024;
const BLOCKS = 512;
const DEPTH = 8;
const ENTRIES = 64;
const from = argument(3);
const to = argument(4);

// all ways but copyFile overwrite the same copy
const openBoth = (): [number, number] => [openSync(from, O_RDONLY), openSync(to, O_WRONLY | O_CREAT, 0o600)];
const buffers = Array.from({ length: DEPTH }, () => allocArray(BLOCK));
let turn = 0;

/** The offset of the next block, which wraps around at the file's end. */
const next = (): number => (turn++ % BLOCKS) * BLOCK;

function whole(bytes: number): void {
  if (bytes !== BLOCK) throw new Error('a short copy');
}

function c(): Loop {
  const [infd, outfd] = openBoth();
  const ring = openRing(ENTRIES);
  const slots = buffers.map((buffer) => ({ buffer, block: 0, isRead: false }));
  const prepare = (index: number): void => {
    const sqe = io_uring_get_sqe(ring);
    const slot = slots[index];
    if (sqe === null || slot === undefined) throw new Error('the SQ ring is full');
    if (slot.isRead) io_uring_prep_write(sqe, outfd, slot.buffer, BLOCK, slot.block * BLOCK);
    else io_uring_prep_read(sqe, infd, slot.buffer, BLOCK, slot.block * BLOCK);
    io_uring_sqe_set_data64(sqe, index);
  };
  return inTurn(BLOCKS, () => {
    let started = 0;
    let left = BLOCKS;
    for (const [index, slot] of slots.entries()) {
      slot.block = started++;
      slot.isRead = false;
      prepare(index);
    }
    while (left > 0) {
      if (io_uring_submit_and_wait(ring, 1) < 0) throw new Error('io_uring_submit_and_wait');
      let seen = 0;
      for (const cqe of io_uring_for_each_cqe(ring)) {
        const index = io_uring_cqe_get_data(cqe);
        const slot = slots[index];
        whole(cqe.res);
        seen++;
        if (slot === undefined) throw new Error('an unknown slot');
        if (slot.isRead) {
          left--;
          if (started === BLOCKS) continue;
          slot.block = started++;
        }
        slot.isRead = !slot.isRead;
        prepare(index);
      }
      io_uring_cq_advance(ring, seen);
    }
  });
}

function awaited(): Loop {
  const [infd, outfd] = openBoth();
  const ring = openAwaited(ENTRIES);
  return promises(buffers, async (buffer) => {
    const offset = next();
    whole(await ring.read(infd, buffer, BLOCK, offset));
    whole(await ring.write(outfd, buffer, BLOCK, offset));
  });
}

function sync(): Loop {
  const [infd, outfd] = openBoth();
  const buffer = allocArray(BLOCK);
  return inTurn(1, () => {
    const offset = next();
    whole(readSync(infd, buffer, 0, BLOCK, offset));
    whole(writeSync(outfd, buffer, 0, BLOCK, offset));
  });
}

function callback(): Loop {
  const [infd, outfd] = openBoth();
  return callbacks(buffers, (buffer, done) => {
    let offset = 0;
    const written = (error: Error | null, bytes: number): void => {
      must(error);
      whole(bytes);
      done();
    };
    const wasRead = (error: Error | null, bytes: number): void => {
      must(error);
      whole(bytes);
      write(outfd, buffer, 0, BLOCK, offset, written);
    };
    return () => {
      offset = next();
      read(infd, buffer, 0, BLOCK, offset, wasRead);
    };
  });
}

async function promise(): Promise<Loop> {
  const infile = await open(from, O_RDONLY);
  const outfile = await open(to, O_WRONLY | O_CREAT, 0o600);
  return promises(buffers, async (buffer) => {
    const offset = next();
    whole((await infile.read(buffer, 0, BLOCK, offset)).bytesRead);
    whole((await outfile.write(buffer, 0, BLOCK, offset)).bytesWritten);
  });
}

/** Returns a function that copies the whole file. */
function copyAtOnce(copy: () => Promise<void>): Loop {
  return async (operations) => {
    for (let done = 0; done < operations; done += BLOCKS) await copy();
  };
}

const wholeFile = (): Loop => copyAtOnce(() => promisify(copyFile)(from, to));

const streams = (): Loop =>
  copyAtOnce(() => {
    const [infd, outfd] = openBoth();
    const options = { highWaterMark: BLOCK, start: 0 };
    return pipeline(createReadStream(from, { ...options, fd: infd }), createWriteStream(to, { ...options, fd: outfd }));
  });

await measure(
  await variant({ c, await: awaited, sync, callback, promise, copyFile: wholeFile, streams }, argument(2))(),
);
process.exit();
