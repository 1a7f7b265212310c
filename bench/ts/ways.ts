/** Ways to run many operations at once. */
import type { Loop } from './harness.js';

/** Runs batches through the C interface, or single operations. */
export function inTurn(perCall: number, run: () => void): Loop {
  return (operations) => {
    if (operations % perCall !== 0) throw new Error(`${operations} operations in calls of ${perCall}`);
    for (let done = 0; done < operations; done += perCall) run();
  };
}

/** Awaits a number of promises, then the next ones. */
export function promisesInBatches(batch: number, start: () => Promise<unknown>): Loop {
  return async (operations) => {
    for (let done = 0; done < operations; done += batch) {
      const results = [];
      for (let i = 0; i < batch; i++) results.push(start());
      await Promise.all(results);
    }
  };
}

/** Keeps a number of promises pending: when one is settled, the next takes its slot. */
export function promises<Slot>(slots: readonly Slot[], run: (slot: Slot) => Promise<void>): Loop {
  let left = 0;
  const work = async (slot: Slot): Promise<void> => {
    while (left-- > 0) await run(slot);
  };
  return async (operations) => {
    left = operations;
    await Promise.all(slots.map(work));
  };
}

/** The same with callbacks. `run` calls `done`, of which each slot has one. */
export function callbacks<Slot>(slots: readonly Slot[], run: (slot: Slot, done: () => void) => () => void): Loop {
  let left = 0;
  let running = 0;
  let finished = (): void => {};
  const starts = slots.map((slot) => {
    const next = (): void => {
      if (left-- > 0) start();
      else if (--running === 0) finished();
    };
    const start = run(slot, next);
    return next;
  });
  return (operations) =>
    new Promise((resolve) => {
      left = operations;
      running = slots.length;
      finished = resolve;
      for (const next of starts) next();
    });
}

/** Throws an error of a callback where it ends the program. */
export function must(error: Error | null): void {
  if (error !== null) throw error;
}
