/** The examples, beside the C programs that they are ports of. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { IORING_OP_ZERO, io_uring_get_probe, io_uring_opcode_supported } from '../src/index.js';
import { root } from './support/subprocess.js';

const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Compiles a program of the patched tree against its native library. */
function native(source: string, extra: readonly string[] = []): string {
  const program = join(directory, source.replace(/\W/g, '-'));
  execFileSync(
    'gcc',
    [
      '-O2',
      '-D_GNU_SOURCE',
      '-include',
      `${root}/build/native/config-host.h`,
      `-I${root}/build/native/src/include`,
      `-I${root}/build/liburing/src/include`,
      join(root, 'build/liburing', source),
      ...extra.map((file) => join(root, 'build/liburing', file)),
      `${root}/build/native/src/liburing.a`,
      '-lpthread',
      '-o',
      program,
    ],
    { stdio: 'pipe' },
  );
  return program;
}

const run = (command: string, ...list: string[]) => {
  const { status, stdout, stderr } = spawnSync(command, list, { encoding: 'utf8', cwd: directory });
  return { status, stdout, stderr };
};
const runExample = (name: string, ...list: string[]) => run(execPath, join(root, 'build/examples', name), ...list);

describe('io_uring-test', () => {
  const program = native('examples/io_uring-test.c');
  for (const size of [1, 100, 4096, 4097, 10_000, 16_384, 50_000]) {
    it(`reads ${size} bytes as the C program does`, () => {
      const file = join(directory, `file-${size}`);
      writeFileSync(file, Buffer.alloc(size, 'liburing '), { flush: true });
      // the C program fails when a short read completes before another: it may
      let c = run(program, file);
      for (let i = 0; i < 20 && /wanted 4096/.test(c.stderr); i++) c = run(program, file);
      expect(c.status).toBe(0);
      expect(runExample('io_uring-test.js', file)).toEqual(c);
    });
  }

  it('wants a file, as the C program does', () => {
    const ours = runExample('io_uring-test.js');
    expect(ours.stdout).toMatch(/: file\n$/);
    expect(ours.status).toBe(run(program).status);
  });
});

describe('zero', () => {
  const probe = io_uring_get_probe();
  const known = probe !== null && io_uring_opcode_supported(probe, IORING_OP_ZERO) !== 0;

  it('zeroes the first five bytes, or says that the kernel does not know how', () => {
    const file = join(directory, 'file_with_stuff');
    writeFileSync(file, '1234567890');
    const { status, stdout } = runExample('zero.js', file);
    if (known) {
      expect(status).toBe(0);
      expect(readFileSync(file, 'latin1')).toBe('\0\0\0\0\x0067890');
    } else {
      expect(status).toBe(1);
      expect(stdout).toMatch(/^EINVAL: .*IORING_OP_ZERO/m);
      expect(readFileSync(file, 'latin1')).toBe('1234567890');
    }
  });

  it("liburing's own test of it passes natively, or skips where the kernel does not know it", () => {
    const program = native('test/zero.c', ['test/helpers.c']);
    expect(run(program).status).toBe(known ? 0 : 77);
  });
});

it('demo says what it did', () => {
  const { status, stdout, stderr } = runExample('demo.js');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^liburing 2\.\d+ in WebAssembly$/m);
  expect(stdout).toMatch(/^ {3}0 {2}16 +opcode$/m);
  expect(stdout).toMatch(/fs\.readFileSync: the same bytes/);
  expect(stdout).toMatch(/^before: 31 32 33 34 35 36 37 38 39 30/m);
});
