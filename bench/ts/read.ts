/**
 * Random 4 KiB reads.
 * Arguments: milliseconds, c, await, sync, callback or promise, the file, cached or direct, plain or
 * registered, reads in a batch or in flight.
 */
import { constants, openSync, read, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  alloc,
  allocArray,
  check,
  IOSQE_FIXED_FILE,
  io_uring_cqe_get_data,
  io_uring_prep_read,
  io_uring_prep_read_fixed,
  io_uring_register_buffers,
  io_uring_register_files,
  io_uring_sqe_set_data64,
  io_uring_sqe_set_flags,
  iovec,
} from 'liburing-wasm/c';
import { type Batch, forEach, openAwaited, openRing } from './batches.js';
import { argument, type Loop, measure, nextBlock, READ_SIZE, variant } from './harness.js';
import { callbacks, inTurn, must, promises } from './ways.js';

const ENTRIES = 256;
const file = argument(3);
const flags = variant({ cached: constants.O_RDONLY, direct: constants.O_RDONLY | constants.O_DIRECT }, argument(4));
const registered = variant({ plain: false, registered: true }, argument(5));
const depth = Number(argument(6));

/** A buffer, page-aligned for O_DIRECT, and a view to check what was read. */
class Slot {
  readonly bytes = allocArray(READ_SIZE);
  private readonly words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, 1);
  private block = 0;

  /** The offset of the next read. */
  next(): number {
    this.block = nextBlock();
    return this.block * READ_SIZE;
  }

  check(bytesRead: number): void {
    if (bytesRead !== READ_SIZE || this.words[0] !== this.block) throw new Error('a wrong block was read');
  }
}

const slots = Array.from({ length: depth }, () => new Slot());
const slotAt = (index: number): Slot => slots[index] as Slot;

function c(): Loop {
  const fd = openSync(file, flags);
  const ring = openRing(ENTRIES);
  const batch: Omit<Batch, 'prepare'> = {
    size: depth,
    check: (cqe) => slotAt(io_uring_cqe_get_data(cqe)).check(cqe.res),
  };
  if (!registered) {
    return inTurn(
      depth,
      forEach(ring, {
        ...batch,
        prepare(sqe, index) {
          const slot = slotAt(index);
          io_uring_prep_read(sqe, fd, slot.bytes, READ_SIZE, slot.next());
          io_uring_sqe_set_data64(sqe, index);
        },
      }),
    );
  }
  const vectors = alloc(iovec, depth);
  for (const [index, { bytes }] of slots.entries()) {
    vectors.at(index).iov_base = bytes;
    vectors.at(index).iov_len = READ_SIZE;
  }
  check(io_uring_register_files(ring, new Int32Array([fd]), 1), 'io_uring_register_files');
  check(io_uring_register_buffers(ring, vectors, depth), 'io_uring_register_buffers');
  return inTurn(
    depth,
    forEach(ring, {
      ...batch,
      prepare(sqe, index) {
        const slot = slotAt(index);
        io_uring_prep_read_fixed(sqe, 0, slot.bytes, READ_SIZE, slot.next(), index);
        io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
        io_uring_sqe_set_data64(sqe, index);
      },
    }),
  );
}

function awaited(): Loop {
  const fd = openSync(file, flags);
  const ring = openAwaited(ENTRIES);
  if (!registered) {
    return promises(slots, async (slot) => slot.check(await ring.read(fd, slot.bytes, READ_SIZE, slot.next())));
  }
  const direct = ring.registerFiles([fd]).at(0);
  const buffers = ring.registerBuffers(slots.map(({ bytes }) => bytes));
  const pairs = buffers.map((buffer, index) => ({ buffer, slot: slotAt(index) }));
  return promises(pairs, async ({ slot, buffer }) =>
    slot.check(await ring.read_fixed(direct, buffer, READ_SIZE, slot.next())),
  );
}

function sync(): Loop {
  const fd = openSync(file, flags);
  const slot = slotAt(0);
  return inTurn(1, () => slot.check(readSync(fd, slot.bytes, 0, READ_SIZE, slot.next())));
}

function callback(): Loop {
  const fd = openSync(file, flags);
  return callbacks(slots, (slot, done) => {
    const completed = (error: Error | null, bytesRead: number): void => {
      must(error);
      slot.check(bytesRead);
      done();
    };
    return () => read(fd, slot.bytes, 0, READ_SIZE, slot.next(), completed);
  });
}

async function promise(): Promise<Loop> {
  const handle = await open(file, flags);
  return promises(slots, async (slot) =>
    slot.check((await handle.read(slot.bytes, 0, READ_SIZE, slot.next())).bytesRead),
  );
}

await measure(await variant({ c, await: awaited, sync, callback, promise }, argument(2))());
process.exit();
