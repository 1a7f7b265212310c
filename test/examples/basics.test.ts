/** The smallest examples: reading a file, IORING_OP_ZERO, and the demo of both. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IORING_OP_ZERO, io_uring_get_probe, io_uring_opcode_supported } from '../../src/c.js';
import { inRoot } from '../support/paths.js';
import { native, type Program, port, run, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();

describe.each(['io_uring-test', 'io_uring-close-test'])('%s', (name) => {
  for (const size of [1, 100, 4096, 4097, 10_000, 16_384, 50_000]) {
    it(`reads ${size} bytes like the C program`, () => {
      const file = join(folder, `file-${size}`);
      writeFileSync(file, Buffer.alloc(size, 'liburing '), { flush: true });
      // both C programs, and our io_uring-close-test, fail when a short read completes before another one, which is allowed
      const patiently = (program: Program) => {
        let result = run(program, [file]);
        for (let i = 0; i < 20 && /wanted 4096/.test(result.stderr); i++) result = run(program, [file]);
        return result;
      };
      const c = patiently(native(name));
      expect(c).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Submitted=/) });
      expect(patiently(port(name))).toEqual(c);
    });
  }

  it('requires a file, like the C program', () => {
    const ours = run(port(name));
    expect(ours.stdout).toMatch(/: file\n$/);
    expect(ours.status).toBe(run(native(name)).status);
  });
});

describe('zero', () => {
  const probe = io_uring_get_probe();
  const known = probe !== null && io_uring_opcode_supported(probe, IORING_OP_ZERO) !== 0;

  it('zeroes the first five bytes, or reports that the kernel cannot', () => {
    const file = join(folder, 'file_with_stuff');
    writeFileSync(file, '1234567890');
    const { status, stdout } = run(port('zero'), [file]);
    if (known) {
      expect(status).toBe(0);
      expect(readFileSync(file, 'latin1')).toBe('\0\0\0\0\x0067890');
    } else {
      expect(status).toBe(1);
      expect(stdout).toMatch(/^EINVAL: .*IORING_OP_ZERO/m);
      expect(readFileSync(file, 'latin1')).toBe('1234567890');
    }
  });

  it("liburing's own test of it passes natively, or skips where the kernel lacks it", () => {
    const program = join(folder, 'zero');
    const files = ['test/zero.c', 'test/helpers.c'].map((file) => inRoot(`build/liburing/${file}`));
    const includes = ['build/native/src/include', 'build/liburing/src/include'].map((path) => `-I${inRoot(path)}`);
    const flags = ['-O2', '-D_GNU_SOURCE', '-include', inRoot('build/native/config-host.h'), ...includes];
    const libraries = [inRoot('build/native/src/liburing.a'), '-lpthread'];
    execFileSync('gcc', [...flags, ...files, ...libraries, '-o', program], { stdio: 'pipe' });
    expect(run([program], [], { cwd: folder }).status).toBe(known ? 0 : 77);
  });
});

it('the demo reports what it did', () => {
  const { status, stdout, stderr } = run(port('demo'));
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^liburing 2\.\d+ in WebAssembly$/m);
  expect(stdout).toMatch(/^ {3}0 {2}16 +opcode$/m);
  expect(stdout).toMatch(/fs\.readFileSync: the same bytes/);
  expect(stdout).toMatch(/^before: 31 32 33 34 35 36 37 38 39 30/m);
});
