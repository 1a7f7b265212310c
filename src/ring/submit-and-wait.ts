/** Blocks the thread until requests are complete. */
import { checkOptions, invalidNumber, invalidType, outOfRange } from '../checks/errors.js';
import { __kernel_timespec } from '../structs/generated/structs.js';
import { setTime } from './conversions.js';
import type { Engine } from './engine/engine.js';
import { type RegisteredWait, waitIndex } from './registered-waits.js';

/** How long {@link Ring.submitAndWait} waits. */
export interface WaitOptions {
  /** Milliseconds at most. Default: for ever. */
  readonly timeout?: number | undefined;
  /** Milliseconds after which one completion is enough, however many are waited for. Linux 6.12. */
  readonly minWait?: number | undefined;
  /** A registered wait, which has both times, instead. */
  readonly registered?: RegisteredWait | undefined;
}

const known: ReadonlySet<string> = new Set(['timeout', 'minWait', 'registered'] satisfies (keyof WaitOptions)[]);

function checkTime(time: number | undefined, name: string): void {
  if (time === undefined) return;
  if (typeof time !== 'number') throw invalidType(name, 'milliseconds', time);
  if (!(time >= 0 && time <= Number.MAX_SAFE_INTEGER))
    throw outOfRange(`${name} is ${time}, which is no time in milliseconds`);
}

/** See {@link Ring.submitAndWait}. */
export function submitAndWait(engine: Engine, count: number, options: WaitOptions): number {
  const { requests, ring, waiter } = engine;
  ring.mustBeUsable();
  checkOptions(options, known, 'submitAndWait()');
  checkTime(options.timeout, 'timeout');
  checkTime(options.minWait, 'minWait');
  const most = waiter.listening ? ring.entries : requests.count;
  if (!Number.isInteger(count) || count < 0 || count > most) {
    throw invalidNumber('count', `a number of completions that can come, at most ${most}`, count);
  }
  const total = waiter.block(() => wait(engine, count, options));
  waiter.sleep();
  return total;
}

/** Calls the function of liburing that fits the options. */
function wait(engine: Engine, count: number, { timeout, minWait, registered }: WaitOptions): number {
  const { functions, memory, ring, reaper } = engine;
  const { struct } = ring;
  const { pointers } = reaper;
  if (registered !== undefined) {
    return functions.io_uring_submit_and_wait_reg(struct, pointers, count, waitIndex(registered, engine));
  }
  const time = timeout === undefined ? null : memory.alloc(__kernel_timespec);
  try {
    if (time !== null) setTime(time, timeout ?? 0);
    if (minWait === undefined) return functions.io_uring_submit_and_wait_timeout(struct, pointers, count, time, null);
    const microseconds = Math.round(minWait * 1000);
    return functions.io_uring_submit_and_wait_min_timeout(struct, pointers, count, time, microseconds, null);
  } finally {
    if (time !== null) memory.free(time);
  }
}
