/** Rings in worker threads, beside those of the main thread. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runScript } from '../support/subprocess.js';

const NOPS = `
  import { alloc, allocPointers, check, io_uring, io_uring_cqe, io_uring_cqe_seen, io_uring_get_sqe, io_uring_prep_nop, io_uring_queue_init, io_uring_submit_and_wait, io_uring_wait_cqe, memory } from 'liburing-wasm/c';
  const ring = alloc(io_uring);
  const cqe = allocPointers(io_uring_cqe);
  check(io_uring_queue_init(32, ring, 0), 'io_uring_queue_init');
  function nops(rounds) {
    let sum = 0;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 32; i++) {
        const sqe = io_uring_get_sqe(ring);
        io_uring_prep_nop(sqe);
        sqe.user_data = i;
      }
      check(io_uring_submit_and_wait(ring, 32), 'io_uring_submit_and_wait');
      for (let i = 0; i < 32; i++) {
        check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
        sum += Number(cqe.value.user_data);
        io_uring_cqe_seen(ring, cqe.value);
      }
    }
    return sum;
  }`;

function run(script: string): string {
  const { status, signal, stdout, stderr } = runScript(script);
  expect(stderr).toBe('');
  expect(signal).toBeNull();
  expect(status).toBe(0);
  return stdout.trim();
}

it('four workers and the main thread each have a window', () => {
  const output = run(`
    ${NOPS}
    import { Worker } from 'node:worker_threads';
    const source = ${JSON.stringify(NOPS)} + \`
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ start: memory.start, sum: nops(500) });
      parentPort.once('message', () => parentPort.close());\`;
    const url = new URL('data:text/javascript,' + encodeURIComponent(source.replaceAll("'liburing-wasm/c'",
      JSON.stringify(import.meta.resolve('liburing-wasm/c')))));
    const workers = Array.from({ length: 4 }, () => new Worker(url));
    const reports = workers.map((worker) => new Promise((resolve, reject) =>
      worker.on('message', resolve).on('error', reject)));
    const mine = { start: memory.start, sum: nops(500) };
    const all = [mine, ...await Promise.all(reports)];
    // all workers are alive until here
    for (const worker of workers) worker.postMessage('end');
    console.log(new Set(all.map(({ start }) => start)).size, new Set(all.map(({ sum }) => sum)).size, mine.sum);`);
  expect(output).toBe(`5 1 ${(500 * (31 * 32)) / 2}`);
});

it('a worker that ends with a read in flight gives its ring and window back', () => {
  const output = run(`
    import { Worker } from 'node:worker_threads';
    import { readdirSync } from 'node:fs';
    ${NOPS}
    const url = new URL('data:text/javascript,' + encodeURIComponent(\`
      import { alloc, allocArray, io_uring, io_uring_get_sqe, io_uring_prep_pipe, io_uring_prep_read,
        io_uring_queue_init, io_uring_submit, io_uring_submit_and_wait, io_uring_cq_advance } from
        \${JSON.stringify(import.meta.resolve('liburing-wasm/c'))};
      import { parentPort } from 'node:worker_threads';
      const ring = alloc(io_uring);
      io_uring_queue_init(8, ring, 0);
      const fds = allocArray(2, Int32Array);
      io_uring_prep_pipe(io_uring_get_sqe(ring), fds, 0);
      io_uring_submit_and_wait(ring, 1);
      io_uring_cq_advance(ring, 1);
      io_uring_prep_read(io_uring_get_sqe(ring), fds[0], allocArray(4096), 4096, 0);
      io_uring_submit(ring);
      parentPort.postMessage([...fds]);
    \`));
    const links = () => readdirSync('/proc/self/fd').length;
    const before = links();
    const { closeSync, writeSync } = await import('node:fs');
    for (let i = 0; i < 50; i++) {
      const worker = new Worker(url);
      const exit = new Promise((resolve) => worker.on('exit', resolve));
      const [input, output] = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
      if (i % 2) await worker.terminate();
      else await exit;
      // the request is cancelled: nothing reads this
      writeSync(output, 'nobody is there');
      closeSync(input);
      closeSync(output);
    }
    nops(10);
    console.log(links() - before);`);
  expect(Number(output)).toBeLessThanOrEqual(1);
  expect(readdirSync('/proc/self/fd').length).toBeGreaterThan(0);
});
