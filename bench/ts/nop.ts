/**
 * NOPs, which cost what a request costs when it does nothing, in one or several rings by turns.
 * Arguments: milliseconds, for_each, peek or await, default, defer or sqpoll, NOPs in a batch,
 * entries of a ring, rings.
 */
import { io_uring_prep_nop } from 'liburing-wasm/c';
import { type Batch, forEach, openAwaited, openRing, peeking } from './batches.js';
import { argument, type Loop, measure, variant } from './harness.js';
import { inTurn, promisesInBatches } from './ways.js';

const setup = argument(3);
const size = Number(argument(4));
const entries = Number(argument(5));
const count = Number(argument(6));

const batch: Batch = {
  size,
  prepare: (sqe) => io_uring_prep_nop(sqe),
  check(cqe) {
    if (cqe.res !== 0) throw new Error('NOP');
  },
};

function byTurns(how: typeof forEach): Loop {
  const runs = Array.from({ length: count }, () => how(openRing(entries, setup), batch));
  const [first] = runs;
  if (first !== undefined && count === 1) return inTurn(size, first);
  return inTurn(size * count, () => {
    for (const run of runs) run();
  });
}

function awaited(): Loop {
  const rings = Array.from({ length: count }, () => openAwaited(entries, setup));
  const [first] = rings;
  if (first !== undefined && count === 1) return promisesInBatches(size, () => first.nop());
  let turn = 0;
  // a batch for each ring, all in one turn
  return promisesInBatches(size * count, () => {
    const ring = rings[turn++ % count];
    if (ring === undefined) throw new Error('there is no ring');
    return ring.nop();
  });
}

const loop = variant({ for_each: () => byTurns(forEach), peek: () => byTurns(peeking), await: awaited }, argument(2));
await measure(loop());
