/** A Worker that runs threads of a program, one after another. It never ends. */
import { workerData } from 'node:worker_threads';
import { loadRunHost } from './host.js';
import { instantiate, type Program, run, setStack } from './instance.js';

const host = loadRunHost();
const exports = instantiate(workerData as Program, host, 0);
for (let isNew = true; ; isNew = false) {
  const [start, argument, stack, threadPointer] = host.waitForStart(isNew);
  setStack(exports, stack);
  run(host, () => exports.__start_thread?.(BigInt(start), BigInt(argument), BigInt(threadPointer)));
}
