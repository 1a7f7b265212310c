/**
 * A program in several worker threads at once.
 * Arguments: milliseconds, threads, the program, its arguments.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { argument, report } from './harness.js';

const count = Number(argument(2));
const waiting = new Int32Array(new SharedArrayBuffer(4)).fill(count);
const argv = [argument(1), ...process.argv.slice(5)];

const times = await Promise.all(
  Array.from({ length: count }, async () => {
    const worker = new Worker(new URL(`${argument(3)}.js`, import.meta.url), { argv, workerData: waiting });
    const [ns] = (await once(worker, 'message')) as [number];
    return ns;
  }),
);
report(1 / times.reduce((rate, ns) => rate + 1 / ns, 0));
