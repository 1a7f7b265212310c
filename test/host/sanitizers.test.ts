/** The shim under AddressSanitizer and UndefinedBehaviorSanitizer. */
import { execFileSync } from 'node:child_process';
import { afterAll, expect, it } from 'vitest';
import { copyPackage } from '../support/shim.js';

const shim = copyPackage();
afterAll(() => shim.clean());

/** Compiles the shim with both sanitizers, and with an extra fault if asked. */
const build = (fault?: string): void =>
  shim.build(['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'], fault);

const runtime = (name: string): string =>
  execFileSync('gcc', [`-print-file-name=lib${name}.so`], { encoding: 'utf8' }).trim();

const run = (source: string) =>
  shim.run(source, {
    nodeFlags: ['--expose-gc'],
    env: {
      LD_PRELOAD: `${runtime('asan')} ${runtime('ubsan')}`,
      // V8 leaks at exit; this test counts the shim's own allocations
      ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0:exitcode=66',
    },
  });

it('detect a fault', () => {
  build(`
    #include <stdlib.h>
    __attribute__((constructor)) static void fault(void)
    {
      volatile char *block = malloc(8);
      block[8] = 1;
      free((void *) block);
    }`);
  const { status, stderr } = run("import * as liburing from 'liburing-wasm';");
  expect(stderr).toMatch(/heap-buffer-overflow|runtime error: store to address/);
  expect(status).not.toBe(0);
});

it('report nothing about everything that the shim does', () => {
  build();
  const { status, signal, stdout, stderr } = run(`
    import { io_uring, io_uring_cqe, io_uring_params, memory, createInstance, hostError } from 'liburing-wasm/c';
    import { createRequire } from 'node:module';
    if (hostError) throw hostError;
    const shim = createRequire(import.meta.url)(${JSON.stringify(shim.file)});
    for (let i = 0; i < 20; i++) {
      const { functions: u, memory: m, close } = createInstance({ windowSize: 32 << 20 });
      const rings = [1, 64, 4096].map((entries) => {
        const ring = m.alloc(io_uring);
        if (u.io_uring_queue_init(entries, ring, 0x3000) !== 0) throw new Error('no ring');
        return ring;
      });
      const p = m.alloc(io_uring_params);
      p.sq_entries = 128;
      p.cq_entries = 256;
      u.io_uring_resize_rings(rings[1], p);
      u.io_uring_queue_init(0, m.alloc(io_uring), 0);
      u.io_uring_queue_init(32768, m.alloc(io_uring), 0x40000000);
      u.io_uring_ring_dontfork(rings[0]);
      u.io_uring_free_probe(u.io_uring_get_probe_ring(rings[0]));
      const err = m.allocArray(1, Int32Array);
      const br = u.io_uring_setup_buf_ring(rings[0], 64, 1, 0, err);
      u.io_uring_free_buf_ring(rings[0], br, 64, 1);
      const cqe = m.allocPointers(io_uring_cqe);
      for (const ring of rings) {
        u.io_uring_prep_nop(u.io_uring_get_sqe(ring));
        if (u.io_uring_submit_and_wait(ring, 1) !== 1) throw new Error('not submitted');
        if (u.io_uring_wait_cqe(ring, cqe) !== 0) throw new Error('no CQE');
        u.io_uring_cqe_seen(ring, cqe.value);
      }
      u.io_uring_queue_exit(rings[1]);
      if (i % 2) close();
      gc();
    }
    // everything that JavaScript can pass wrongly
    const wrong = [undefined, null, -1, 1.5, NaN, Infinity, 2 ** 53, 2 ** 40, 'x', {}, [], 1n, Symbol(), () => {},
      new Uint8Array(4), new ArrayBuffer(4), 4096, 0, 4097];
    const attempt = (f) => { try { return f(); } catch (error) { if (!(error instanceof Error)) throw error; } };
    for (const value of wrong) {
      attempt(() => shim.openWindow(value));
      attempt(() => shim.addressOf(value));
      const window = shim.openWindow(65536);
      attempt(() => window.attach(value));
      for (const name of ['syscall', 'mmap', 'munmap', 'map']) {
        for (const second of wrong) attempt(() => window[name](value, second));
        attempt(() => window[name]());
      }
      window.close();
      window.close();
      for (const name of ['attach', 'syscall', 'mmap', 'munmap', 'map']) attempt(() => window[name](value));
      const { syscall } = window;
      attempt(() => syscall.call(undefined, value));
    }
    console.log('done', memory.start > 0);`);
  expect(stderr).toBe('');
  expect(signal).toBeNull();
  expect(status).toBe(0);
  expect(stdout).toBe('done true\n');
});

it('watches rings by the loop and by threads, and releases them', () => {
  build();
  const { status, signal, stdout, stderr } = run(`
    import { Worker } from 'node:worker_threads';
    import { createRequire } from 'node:module';
    import { readdirSync, writeSync } from 'node:fs';
    import { Ring } from 'liburing-wasm';
    const shim = createRequire(import.meta.url)(${JSON.stringify(shim.file)});
    const tasks = () => readdirSync('/proc/self/task').length;

    for (const options of [{}, { deferTaskrun: true }]) {
      for (let i = 0; i < 10; i++) {
        const ring = new Ring(options);
        const [readEnd, writeEnd] = await ring.pipe();
        const bytes = Buffer.alloc(4);
        const reading = ring.read(readEnd, bytes);
        await ring.timeout(1);
        writeSync(writeEnd, 'four');
        if ((await reading) !== 4) throw new Error('read');
        ring.read(readEnd, bytes).catch(() => {});
        await Promise.all([ring.close_fd(readEnd), ring.close_fd(writeEnd)]);
        await ring.close();
      }
    }

    const before = tasks();
    for (let i = 0; i < 20; i++) {
      const watch = await new Promise((resolve) => {
        const made = shim.watch(-1, () => resolve(made), false);
        made.ref();
        writeSync(made.eventfd, new Uint8Array(new BigUint64Array([1n]).buffer));
      });
      watch.unref();
      watch.close();
      watch.close();
      watch.ref();
    }
    let dropped = [true, false, true, false].map((loop) => shim.watch(-1, () => {}, loop));
    dropped = null;
    for (let i = 0; i < 10 && tasks() > before; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (tasks() > before) throw new Error('a thread is left');

    const attempt = (f) => { try { return f(); } catch (error) { if (!(error instanceof Error)) throw error; } };
    for (const value of [undefined, null, 1.5, 'x', {}, 1n, 2 ** 40, 12345]) {
      // some of these are converted to 0 or 1: stdin and stdout, which Node watches itself
      attempt(() => shim.watch(value, () => {}, true)?.close());
      attempt(() => shim.watch(value, () => {}, false)?.close());
      attempt(() => shim.watch(-1, value, true)?.close());
      attempt(() => shim.watch(-1, value, false)?.close());
      attempt(() => shim.watch(-1, () => {}, value));
    }

    const source = \`
      import { createRequire } from 'node:module';
      const shim = createRequire(${JSON.stringify(shim.file)})(${JSON.stringify(shim.file)});
      globalThis.kept = [shim.watch(-1, () => {}, true), shim.watch(-1, () => {}, false)];
      globalThis.kept.forEach((watch) => watch.ref());
      const { parentPort } = await import('node:worker_threads');
      parentPort.postMessage('watching');\`;
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)));
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
    }
    console.log('done');`);
  expect(stderr).toBe('');
  expect(signal).toBeNull();
  expect(status).toBe(0);
  expect(stdout).toBe('done\n');
});
