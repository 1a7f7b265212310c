/** The ways to have many operations carried out, whatever they are. */
import type { Loop } from './harness.js';

/** In batches through the C interface, or one by one. */
export function inTurn(perCall: number, run: () => void): Loop {
  return (operations) => {
    if (operations % perCall !== 0) throw new Error(`${operations} operations in calls of ${perCall}`);
    for (let done = 0; done < operations; done += perCall) run();
  };
}

/** So many promises at once, then the next so many. */
export function promisesInBatches(batch: number, start: () => Promise<unknown>): Loop {
  return async (operations) => {
    for (let done = 0; done < operations; done += batch) {
      const results = [];
      for (let i = 0; i < batch; i++) results.push(start());
      await Promise.all(results);
    }
  };
}

/** So many at any time: each promise that is settled is followed by the next of its slot. */
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

/** The same with callbacks; `run` calls `done`, made once for each slot. */
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

/** Passes an error of a callback on, to where it ends the program. */
export function must(error: Error | null): void {
  if (error !== null) throw error;
}
