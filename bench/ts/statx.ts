/**
 * The metadata of the files of a tree: through a ring statx, 32 in a batch; else stat, 32 at a time.
 * Arguments: milliseconds, c, await, sync, callback or promise, the tree.
 */
import { type Stats, stat, statSync } from 'node:fs';
import { stat as statPromise } from 'node:fs/promises';
import {
  alloc,
  allocString,
  io_uring_cqe_get_data,
  io_uring_prep_statx,
  io_uring_sqe_set_data64,
  statx,
} from 'liburing-wasm/c';
import { AT_FDCWD, STATX_BASIC_STATS } from 'liburing-wasm/linux';
import { forEach, openAwaited, openRing } from './batches.js';
import { argument, type Loop, measure, variant } from './harness.js';
import { Cycle, FILE_SIZE, treePaths } from './tree.js';
import { callbacks, inTurn, must, promises } from './ways.js';

const DEPTH = 32;
const ENTRIES = 64;
const BIG_SIZE = BigInt(FILE_SIZE);
const paths = new Cycle(treePaths(argument(3)));
const slots = Array.from({ length: DEPTH }, (_, index) => index);

function checkSize(isRight: boolean): void {
  if (!isRight) throw new Error('a file has another size');
}

function c(): Loop {
  const results = alloc(statx, DEPTH);
  const each = slots.map((index) => results.at(index));
  const resultAt = (index: number): statx => each[index] as statx;
  const strings = new Cycle(treePaths(argument(3)).map((path) => allocString(path)));
  return inTurn(
    DEPTH,
    forEach(openRing(ENTRIES), {
      size: DEPTH,
      prepare(sqe, index) {
        io_uring_prep_statx(sqe, AT_FDCWD, strings.next(), 0, STATX_BASIC_STATS, resultAt(index));
        io_uring_sqe_set_data64(sqe, index);
      },
      check(cqe) {
        checkSize(cqe.res === 0 && resultAt(io_uring_cqe_get_data(cqe)).stx_size === BIG_SIZE);
      },
    }),
  );
}

function awaited(): Loop {
  const ring = openAwaited(ENTRIES);
  return promises(slots, async () => {
    const { stx_size } = await ring.statx(AT_FDCWD, paths.next(), 0, STATX_BASIC_STATS);
    checkSize(stx_size === BIG_SIZE);
  });
}

function sync(): Loop {
  return inTurn(1, () => checkSize(statSync(paths.next()).size === FILE_SIZE));
}

function callback(): Loop {
  return callbacks(slots, (_, done) => {
    const completed = (error: Error | null, stats: Stats): void => {
      must(error);
      checkSize(stats.size === FILE_SIZE);
      done();
    };
    return () => stat(paths.next(), completed);
  });
}

function promise(): Loop {
  return promises(slots, async () => checkSize((await statPromise(paths.next())).size === FILE_SIZE));
}

await measure(variant({ c, await: awaited, sync, callback, promise }, argument(2))());
process.exit();
