/** Waits for what is not announced. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Until it is so; the test's time limit is the only other end. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}
