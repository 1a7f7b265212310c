/** SQEs equal those of native C, byte for byte. `make crosscheck` tries many more. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encoders, loadEncoder } from 'liburing-wasm/encode';
import { afterAll, describe, expect, it } from 'vitest';
import { crosscheck, describeMismatch, reference } from '../crosscheck/crosscheck.js';
import { root } from '../support/subprocess.js';

const program = join(root, 'build/reference');
const encoder = await loadEncoder();
const signatureOf = (name: string) => {
  const signature = encoders.get(name);
  if (!signature) throw new Error(`no ${name}`);
  return signature;
};

describe('the bytes are those of native C', () => {
  for (const signature of encoders.values()) {
    it(signature.name, () => {
      const mismatch = crosscheck(encoder, program, signature, 200, 7);
      expect(mismatch && describeMismatch(mismatch)).toBeUndefined();
    });
  }
});

it('the reference is C: its read is what the man page describes', () => {
  const call = { arguments: [3n, 0x1000n, 4096n, 2n ** 64n - 1n], base: new Uint8Array(128), exact: true };
  const [bytes = new Uint8Array()] = reference(program, 'io_uring_prep_read', [call]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  expect(view.getUint8(0)).toBe(22);
  expect(view.getInt32(4, true)).toBe(3);
  expect(view.getBigUint64(8, true)).toBe(2n ** 64n - 1n);
  expect(view.getBigUint64(16, true)).toBe(0x1000n);
  expect(view.getUint32(24, true)).toBe(4096);
});

describe('a damaged build is detected', () => {
  const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  /** Links the module again, with one function's call of liburing changed. */
  function damaged(from: RegExp, to: string): WebAssembly.Module {
    const thunks = readFileSync(join(root, 'build/wasm/generated/thunks.c'), 'utf8');
    const changed = thunks.replace(from, to);
    expect(changed).not.toBe(thunks);
    writeFileSync(join(directory, 'thunks.c'), changed);
    const wasm = join(directory, 'liburing.wasm');
    execFileSync('make', ['relink', `THUNKS=${join(directory, 'thunks.c')}`, `OUT=${wasm}`], {
      cwd: root,
      stdio: 'pipe',
    });
    return new WebAssembly.Module(readFileSync(wasm));
  }

  it('an offset that is off by one is shrunk to a small case', async () => {
    const module = damaged(
      /(\tio_uring_prep_read\(.*)\(__u64\) \(long\) offset\)/,
      '$1(__u64) (long) offset + (offset > 99))',
    );
    const broken = await loadEncoder(module);
    const mismatch = crosscheck(broken, program, signatureOf('io_uring_prep_read'), 500, 7);
    if (!mismatch) throw new Error('not caught');
    const [, native = 0, wasm = 0] = /^ {2}off: native (\d+), wasm (\d+)$/m.exec(describeMismatch(mismatch)) ?? [];
    expect(Number(native)).toBeGreaterThan(99);
    expect(BigInt(wasm)).toBe(BigInt(native) + 1n);
    // the other arguments, and the bytes before the call, do not matter
    expect(mismatch.call.arguments.slice(0, 3)).toEqual([0n, 0n, 0n]);
    expect(mismatch.call.base).toEqual(new Uint8Array(128));
    expect(crosscheck(broken, program, signatureOf('io_uring_prep_write'), 500, 7)).toBeUndefined();
  });

  it('arguments that are swapped', async () => {
    const module = damaged(/(\tio_uring_prep_shutdown\(.*)fd, how\)/, '$1how, fd)');
    const mismatch = crosscheck(await loadEncoder(module), program, signatureOf('io_uring_prep_shutdown'), 500, 7);
    expect(mismatch && describeMismatch(mismatch)).toMatch(/^ {2}(fd|len): native/m);
  });

  it('a write to a byte that C does not write', async () => {
    const module = damaged(
      /\tio_uring_sqe_set_flags\((.*)\);/,
      '\tio_uring_sqe_set_flags($1); ((struct io_uring_sqe *) (unsigned long) sqe)->personality = 0;',
    );
    const mismatch = crosscheck(await loadEncoder(module), program, signatureOf('io_uring_sqe_set_flags'), 500, 7);
    expect(mismatch && describeMismatch(mismatch)).toMatch(/^ {2}personality: native \d+, wasm 0$/m);
  });
});
