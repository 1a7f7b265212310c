/**
 * Small files opened, read and closed: through a ring, each as a chain of three linked requests, 32
 * chains in a batch; else 32 files at a time.
 * Arguments: milliseconds, c, await, sync, callback or promise, the tree.
 */
import { close, closeSync, open, openSync, read, readSync } from 'node:fs';
import { open as openHandle } from 'node:fs/promises';
import {
  allocArray,
  allocString,
  check,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  io_uring_cqe_get_data,
  io_uring_prep_close_direct,
  io_uring_prep_openat_direct,
  io_uring_prep_read,
  io_uring_register_files_sparse,
  io_uring_sqe_set_data64,
  io_uring_sqe_set_flags,
} from 'liburing-wasm/c';
import { AT_FDCWD, O_RDONLY } from 'liburing-wasm/linux';
import { forEach, openAwaited, openRing } from './batches.js';
import { argument, type Loop, measure, variant } from './harness.js';
import { Cycle, FILE_SIZE, treePaths } from './tree.js';
import { callbacks, inTurn, must, promises } from './ways.js';

const CHAINS = 32;
const ENTRIES = 128;
const paths = new Cycle(treePaths(argument(3)));

/** A buffer, and the number of the file that is read into it. */
class Slot {
  readonly bytes = allocArray(FILE_SIZE);
  private readonly words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, 1);
  private number = 0;

  /** The path of the next file. */
  next(): string {
    const path = paths.next();
    this.number = paths.number;
    return path;
  }

  /** The same, for paths in C strings. */
  expect(number: number): void {
    this.number = number;
  }

  check(bytesRead: number): void {
    if (bytesRead !== FILE_SIZE || this.words[0] !== this.number) throw new Error('a wrong file was read');
  }
}

const slots = Array.from({ length: CHAINS }, () => new Slot());
const slotAt = (index: number): Slot => slots[index] as Slot;

function c(): Loop {
  const ring = openRing(ENTRIES);
  check(io_uring_register_files_sparse(ring, CHAINS), 'io_uring_register_files_sparse');
  const strings = new Cycle(treePaths(argument(3)).map((path) => allocString(path)));
  return inTurn(
    CHAINS,
    forEach(ring, {
      size: 3 * CHAINS,
      prepare(sqe, index) {
        const chain = Math.floor(index / 3);
        const step = index % 3;
        if (step === 0) {
          io_uring_prep_openat_direct(sqe, AT_FDCWD, strings.next(), O_RDONLY, 0, chain);
          slotAt(chain).expect(strings.number);
          io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
        } else if (step === 1) {
          io_uring_prep_read(sqe, chain, slotAt(chain).bytes, FILE_SIZE, 0);
          io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_IO_LINK);
        } else {
          io_uring_prep_close_direct(sqe, chain);
        }
        io_uring_sqe_set_data64(sqe, index);
      },
      check(cqe) {
        const index = io_uring_cqe_get_data(cqe);
        if (index % 3 === 1) slotAt(Math.floor(index / 3)).check(cqe.res);
        else if (cqe.res !== 0) throw new Error('a file cannot be opened or closed');
      },
    }),
  );
}

function awaited(): Loop {
  const ring = openAwaited(ENTRIES);
  const files = ring.registerFiles(CHAINS);
  const pairs = slots.map((slot, index) => ({ slot, file: files.at(index) }));
  return promises(pairs, async ({ slot, file }) => {
    const [, bytesRead] = await ring
      .chain()
      .openat_direct(AT_FDCWD, slot.next(), O_RDONLY, 0, file)
      .read(file, slot.bytes, FILE_SIZE, 0)
      .close_direct(file)
      .submit();
    slot.check(bytesRead);
  });
}

function sync(): Loop {
  const slot = slotAt(0);
  return inTurn(1, () => {
    const fd = openSync(slot.next(), O_RDONLY);
    slot.check(readSync(fd, slot.bytes, 0, FILE_SIZE, 0));
    closeSync(fd);
  });
}

function callback(): Loop {
  return callbacks(slots, (slot, done) => {
    let fd = -1;
    const closed = (error: Error | null): void => {
      must(error);
      done();
    };
    const wasRead = (error: Error | null, bytes: number): void => {
      must(error);
      slot.check(bytes);
      close(fd, closed);
    };
    const opened = (error: Error | null, number: number): void => {
      must(error);
      fd = number;
      read(fd, slot.bytes, 0, FILE_SIZE, 0, wasRead);
    };
    return () => open(slot.next(), O_RDONLY, opened);
  });
}

function promise(): Loop {
  return promises(slots, async (slot) => {
    const handle = await openHandle(slot.next(), O_RDONLY);
    slot.check((await handle.read(slot.bytes, 0, FILE_SIZE, 0)).bytesRead);
    await handle.close();
  });
}

await measure(variant({ c, await: awaited, sync, callback, promise }, argument(2))());
process.exit();
