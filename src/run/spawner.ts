/** A Worker that makes the other Workers. It never ends. */
import { Worker, workerData } from 'node:worker_threads';
import { loadRunHost } from './host.js';

const host = loadRunHost();
for (;;) {
  host.waitForDemand();
  new Worker(new URL('./thread.js', import.meta.url), { workerData });
}
