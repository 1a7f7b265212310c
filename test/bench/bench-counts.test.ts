/**
 * The costs of an operation that can be counted: system calls, calls of wasm and of the shim, bytes allocated. `make
 * bench` measures times; these numbers are the same on any machine.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type RunOptions, runScript } from '../support/subprocess.js';

/** NOPs in a batch. */
const BATCH = 32;

interface Limits {
  readonly entersPerBatch: number;
  /** Calls of the main thread. */
  readonly otherSystemCallsPerBatch: number;
  readonly shimCallsPerBatch: number;
  readonly wasmCallsPerOperation: number;
  /** Bytes beyond what `promise`, below, allocates for those that are awaited. */
  readonly bytesPerOperation: number;
}

/** The maximum of each. */
const limits = {
  /** The C interface: get_sqe, prep, peek_cqe, cqe_seen, and once a batch submit_and_wait. */
  peek: {
    entersPerBatch: 1,
    otherSystemCallsPerBatch: 0,
    shimCallsPerBatch: 1,
    wasmCallsPerOperation: 4.1,
    bytesPerOperation: 0,
  },
  /** The same with for_each_cqe and, once a batch, cq_advance. The bytes are the iterator, once a batch. */
  for_each: {
    entersPerBatch: 1,
    otherSystemCallsPerBatch: 0,
    shimCallsPerBatch: 1,
    wasmCallsPerOperation: 2.2,
    bytesPerOperation: 4,
  },
  /** `await ring.nop()`, nine batches in a turn. The other system call is the loop's epoll_wait(2). */
  await: {
    entersPerBatch: 1,
    otherSystemCallsPerBatch: 1 / 9,
    shimCallsPerBatch: 1,
    wasmCallsPerOperation: 3.2,
    // one small object
    bytesPerOperation: 64,
  },
} satisfies Record<string, Limits>;

type Way = keyof typeof limits;
const ways = Object.keys(limits) as Way[];

const setUp = `
  const ring = u.alloc(u.io_uring);
  const pointer = u.allocPointers(u.io_uring_cqe);
  u.check(u.io_uring_queue_init(256, ring, 0), 'io_uring_queue_init');
  const submit = () => {
    for (let i = 0; i < ${BATCH}; i++) u.io_uring_prep_nop(u.io_uring_get_sqe(ring));
    if (u.io_uring_submit_and_wait(ring, ${BATCH}) !== ${BATCH}) throw new Error('io_uring_submit_and_wait');
  };
  async function run(batches) {
    for (let i = 0; i < batches; i++) batch();
  }`;

const loops: Readonly<Record<Way | 'promise', string>> = {
  peek: `${setUp}
    function batch() {
      submit();
      for (let i = 0; i < ${BATCH}; i++) {
        if (u.io_uring_peek_cqe(ring, pointer) !== 0) throw new Error('io_uring_peek_cqe');
        const cqe = pointer.value;
        if (cqe.res !== 0) throw new Error('NOP');
        u.io_uring_cqe_seen(ring, cqe);
      }
    }`,
  for_each: `${setUp}
    function batch() {
      submit();
      let seen = 0;
      for (const cqe of u.io_uring_for_each_cqe(ring)) if (cqe.res === 0) seen++;
      if (seen !== ${BATCH}) throw new Error(seen + ' completions');
      u.io_uring_cq_advance(ring, seen);
    }`,
  await: `
    const ring = new u.Ring();
    const results = new Array(${BATCH});
    async function run(batches) {
      for (let i = 0; i < batches; i++) {
        for (let j = 0; j < ${BATCH}; j++) results[j] = ring.nop();
        for (let j = 0; j < ${BATCH}; j++) if ((await results[j]) !== 0) throw new Error('NOP');
      }
    }`,
  // the minimum that awaiting something takes
  promise: `
    const results = new Array(${BATCH});
    const resolves = new Array(${BATCH});
    let resolve;
    const capture = (how) => { resolve = how; };
    const settle = () => { for (let j = 0; j < ${BATCH}; j++) resolves[j](0); };
    async function run(batches) {
      for (let i = 0; i < batches; i++) {
        for (let j = 0; j < ${BATCH}; j++) {
          results[j] = new Promise(capture);
          resolves[j] = resolve;
        }
        setImmediate(settle);
        for (let j = 0; j < ${BATCH}; j++) if ((await results[j]) !== 0) throw new Error('promise');
      }
    }`,
};

/** Runs a loop of batches. `source` calls it as run(), and print() with a result. */
function result<T>(way: keyof typeof loops, before: string, source: string, options: RunOptions): T {
  const { status, stdout, stderr } = runScript(
    `import { accessSync } from 'node:fs';
    ${before}
    const u = { ...(await import('liburing-wasm/c')), ...(await import('liburing-wasm')) };
    ${loops[way]}
    const print = (value) => console.log(JSON.stringify(value));
    ${source}`,
    options,
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as T;
}

describe('system calls', () => {
  const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Calls of V8's memory and threads, which come at any time. */
  const V8 = new Set(['madvise', 'mprotect', 'mmap', 'munmap', 'futex', 'sched_yield', 'getpid']);

  /** Names of the main thread's calls while the loop ran. */
  function callsDuring(way: Way, batches: number): string[] {
    const log = join(folder, way);
    // the calls between two that only this test makes
    const mark = (name: string): string => `try { accessSync('/${name}'); } catch {}`;
    // the compilers have told the event loop everything by then
    const source = `await run(2000); ${mark('begin')} await run(${batches}); ${mark('end')} print(null);`;
    result(way, '', source, { prefix: ['strace', '-qq', '-o', log] });
    const lines = readFileSync(log, 'utf8').split('\n');
    const begin = lines.findIndex((line) => line.includes('"/begin"'));
    const end = lines.findIndex((line) => line.includes('"/end"'));
    expect(begin).toBeGreaterThan(0);
    expect(end).toBeGreaterThan(begin);
    return lines.slice(begin + 1, end).flatMap((line) => /^\w+/.exec(line)?.[0] ?? []);
  }

  it.each(ways)('of a batch, %s', (way) => {
    const BATCHES = 1000;
    const calls = callsDuring(way, BATCHES).filter((name) => !V8.has(name));
    const enters = calls.filter((name) => name === 'io_uring_enter').length;
    expect(enters / BATCHES).toBeGreaterThan(0.9);
    expect(enters / BATCHES).toBeLessThanOrEqual(limits[way].entersPerBatch);
    // the loop's own first and last turn, and a file that the runtime sometimes reads
    const others = calls.filter((name) => name !== 'io_uring_enter');
    expect(others.length, others.slice(0, 20).join(' ')).toBeLessThanOrEqual(
      limits[way].otherSystemCallsPerBatch * (BATCHES + 2) + BATCHES / 20,
    );
  });
});

describe('calls across the boundary', () => {
  /** Counts the calls of wasm by JavaScript, and of the shim by wasm. */
  const counting = `
    const { Instance } = WebAssembly;
    let wasm = 0, shim = 0;
    WebAssembly.Instance = function (module, imports) {
      const { syscall } = imports.host;
      const host = { syscall: (block) => { shim++; syscall(block); } };
      const { exports } = new Instance(module, { ...imports, host });
      const count = (value) => typeof value === 'function' ? (...args) => { wasm++; return value(...args); } : value;
      return { exports: Object.fromEntries(Object.entries(exports).map(([name, value]) => [name, count(value)])) };
    };`;

  it.each(ways)('of an operation, %s', (way) => {
    const BATCHES = 1000;
    const source = `await run(10); wasm = shim = 0; await run(${BATCHES}); print({ wasm, shim });`;
    const { wasm, shim } = result<{ wasm: number; shim: number }>(way, counting, source, {});
    expect(wasm).toBeGreaterThan(0);
    expect(shim).toBeGreaterThan(0);
    expect(wasm / BATCHES / BATCH).toBeLessThanOrEqual(limits[way].wasmCallsPerOperation);
    expect(shim / BATCHES).toBeLessThanOrEqual(limits[way].shimCallsPerBatch);
  });
});

describe('allocations', () => {
  // room for everything, so that no collection happens meanwhile
  const nodeFlags = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];

  /** Bytes of an operation. */
  function allocated(way: keyof typeof loops): number {
    const BATCHES = 4000;
    const source = `
      import { getHeapStatistics } from 'node:v8';
      const used = () => getHeapStatistics().used_heap_size;
      await run(20_000); // until the optimizing compiler is done
      const samples = [];
      for (let i = 0; i < 10; i++) {
        gc();
        const before = used();
        await run(${BATCHES});
        samples.push(used() - before);
      }
      print(samples);`;
    const samples = result<number[]>(way, '', source, { nodeFlags });
    // the compiler's own allocations vary: take the minimum
    return Math.min(...samples) / BATCHES / BATCH;
  }

  it.each(ways)('bytes of an operation, %s', (way) => {
    const promise = way === 'await' ? allocated('promise') : 0;
    const bytes = allocated(way) - promise;
    // not exact: something else allocates once in a while
    expect(Math.floor(bytes)).toBeLessThanOrEqual(limits[way].bytesPerOperation);
    // a collection meanwhile would make it negative
    expect(bytes).toBeGreaterThan(way === 'await' ? -promise / 4 : -1);
  });
});
