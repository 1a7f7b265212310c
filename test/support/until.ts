/** Waits for a condition that nothing announces. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until the condition holds. The test's time limit is the only other end. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}
