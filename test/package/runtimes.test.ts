/** The same build in other JavaScript runtimes: `make runtimes` installs them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runtimeCommand, runtimes } from '../support/runtimes.js';
import { root } from '../support/subprocess.js';

const directory = mkdtempSync(join(root, 'build/runtimes-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

const script = join(directory, 'script.mjs');
writeFileSync(
  script,
  `
import { closeSync, openSync, readFileSync } from 'node:fs';
import * as u from 'liburing-wasm/c';
import { loadEncoder } from 'liburing-wasm/encode';

function assert(condition, what) {
  if (!condition) throw new Error(what);
}
if (u.hostError) throw u.hostError;

const other = u.createInstance({ windowSize: 8 << 20 });
for (const [m, f] of [[u.memory, u], [other.memory, other.functions]]) {
  const ring = m.alloc(u.io_uring);
  const cqe = m.allocPointers(u.io_uring_cqe);
  assert(f.io_uring_queue_init(64, ring, 0) === 0, 'io_uring_queue_init');

  const fd = openSync('package.json');
  const buffers = [m.allocArray(512), Buffer.alloc(512), new Uint8Array(new ArrayBuffer(1000), 8, 512),
    new DataView(new ArrayBuffer(512)), new Uint8Array(16), new Float64Array(4)];
  for (const buffer of buffers) {
    f.io_uring_prep_read(f.io_uring_get_sqe(ring), fd, buffer, buffer.byteLength, 0);
    assert(f.io_uring_submit(ring) === 1, 'io_uring_submit');
    assert(f.io_uring_wait_cqe(ring, cqe) === 0, 'io_uring_wait_cqe');
    assert(cqe.value.res === buffer.byteLength, 'res ' + cqe.value.res);
    const text = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString();
    assert(text === readFileSync('package.json', 'utf8').slice(0, buffer.byteLength), 'contents');
    f.io_uring_cqe_seen(ring, cqe.value);
  }
  closeSync(fd);

  // user_data of all 64 bits, often enough for the compiler to optimize the code
  const userData = (i) => BigInt.asUintN(64, BigInt(i) * 0x0123456789abcdefn);
  for (let round = 0; round < 1000; round++) {
    for (let i = 0; i < 64; i++) {
      const sqe = f.io_uring_get_sqe(ring);
      f.io_uring_prep_nop(sqe);
      sqe.user_data = userData(i);
    }
    assert(f.io_uring_submit_and_wait(ring, 64) === 64, 'io_uring_submit_and_wait');
    let n = 0;
    for (const { user_data } of f.io_uring_for_each_cqe(ring)) assert(user_data === userData(n++), 'user_data');
    assert(n === 64, n + ' CQEs');
    f.io_uring_cq_advance(ring, n);
  }
  f.io_uring_queue_exit(ring);
}
other.close();

try {
  u.io_uring_prep_nop(null);
  throw new Error('null was taken for an SQE');
} catch (error) {
  assert(error instanceof TypeError && error.code === 'ERR_INVALID_ARG_TYPE', error);
}

const { functions, memory } = await loadEncoder();
const sqe = memory.alloc(u.io_uring_sqe);
functions.io_uring_prep_read(sqe, 3, 0x1000, 4096, 2n ** 64n - 1n);
assert(sqe.off === 2n ** 64n - 1n && sqe.addr === 0x1000n, 'encode');
console.log('fine');
`,
);

describe('runs the same in', () => {
  for (const name of runtimes) {
    it(name, (context) => {
      const command = runtimeCommand(name);
      if (command === undefined) return context.skip('it is not installed: make runtimes');
      const [program, ...flags] = command;
      const { status, stdout, stderr } = spawnSync(program, [...flags, script], { cwd: root, encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(stdout).toBe('fine\n');
      expect(status).toBe(0);
    });
  }
});
