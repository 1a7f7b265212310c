/**
 * Resident memory, in bytes: of a ring, on average over some; or what ten million NOPs leave behind.
 * Arguments: milliseconds, which nobody needs here, c or await, ring or growth, entries.
 */
import { io_uring_prep_nop } from 'liburing-wasm/c';
import { type Batch, forEach, openAwaited, openRing } from './batches.js';
import { argument, type Loop, report, variant } from './harness.js';
import { inTurn, promisesInBatches } from './ways.js';

const RINGS = 16;
const BATCH = 32;
const OPERATIONS = 10_000_000;
/** Runs until the heap has its size. */
const WARM_UP = 4_000_000;

const batch: Batch = {
  size: BATCH,
  prepare: (sqe) => io_uring_prep_nop(sqe),
  check(cqe) {
    if (cqe.res !== 0) throw new Error('NOP');
  },
};

/** Resident memory after garbage collection. */
function resident(): number {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(synchronous: boolean): void } };
  const collect = gc ?? (Bun && (() => Bun.gc(true)));
  if (collect === undefined) throw new Error('the garbage cannot be collected: start with --expose-gc');
  // the second time collects what finalizers released
  collect();
  collect();
  return process.memoryUsage.rss();
}

/** Opens a ring, and returns the loop that uses it. */
const open = variant(
  {
    c: (entries: number): Loop => inTurn(BATCH, forEach(openRing(entries), batch)),
    await: (entries: number): Loop => {
      const ring = openAwaited(entries);
      return promisesInBatches(BATCH, () => ring.nop());
    },
  },
  argument(2),
);

/** Each ring wraps around once, so that all of it is in memory. */
async function ofRing(): Promise<number> {
  const entries = Number(argument(4));
  await open(entries)(100_000); // the code that all rings share
  const before = resident();
  const loops = [];
  for (let i = 0; i < RINGS; i++) {
    const loop = open(entries);
    await loop(2 * entries);
    loops.push(loop);
  }
  const bytes = resident() - before;
  if (loops.length !== RINGS) throw new Error('a ring is gone');
  return bytes / RINGS;
}

async function growth(): Promise<number> {
  const loop = open(256);
  await loop(WARM_UP);
  const before = resident();
  await loop(OPERATIONS);
  return resident() - before;
}

report(await variant({ ring: ofRing, growth }, argument(3))());
process.exit();
