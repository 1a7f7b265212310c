/** The kernel and the library mean the same operation; and what happens where they do not. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../support/subprocess.js';
import { boot, kernel, renumbered, run } from './boot.js';

const library = join(root, 'build/liburing/src/include/liburing/io_uring.h');
const headerOf = (folder: string): string => join(folder, 'include/linux/io_uring.h');
const checkOpcodes = (header: string) => run(join(root, 'kernel-patch/check-opcodes'), [header, library]);

describe('check-opcodes', () => {
  /** The kernel's header with a change, beside the headers that it includes. */
  function changed(from: string, to: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'linux/io_uring'), { recursive: true });
    const zcrx = 'linux/io_uring/zcrx.h';
    writeFileSync(join(folder, zcrx), readFileSync(join(kernel, 'include', zcrx)));
    const header = join(folder, 'linux/io_uring.h');
    const text = readFileSync(headerOf(kernel), 'utf8');
    expect(text).toContain(from);
    writeFileSync(header, text.replace(from, to));
    return header;
  }

  it('finds that the headers agree', async () => {
    expect(await checkOpcodes(headerOf(kernel))).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('reports that the kernel has no such operation', async () => {
    const { status, stderr } = await checkOpcodes(changed('\tIORING_OP_ZERO,\n', ''));
    expect(stderr).toBe('check-opcodes: the kernel has no IORING_OP_ZERO, which is 65 in liburing\n');
    expect(status).toBe(1);
  });

  it('reports that the operation has another number', async () => {
    const { status, stderr } = await checkOpcodes(headerOf(renumbered));
    expect(stderr).toBe('check-opcodes: IORING_OP_ZERO is 66 in the kernel and 65 in liburing\n');
    expect(status).toBe(1);
  });

  it('reports any operation that differs', async () => {
    const { status, stderr } = await checkOpcodes(changed('\tIORING_OP_NOP128,\n', '\tIORING_OP_NOP128 = 70,\n'));
    expect(stderr).toContain('check-opcodes: IORING_OP_NOP128 is 70 in the kernel and 63 in liburing\n');
    expect(status).toBe(1);
  });
});

describe('under a kernel that has another operation at 65', () => {
  it('prepZero() names it, and uses FALLOCATE if it may', { timeout: 300_000 }, async () => {
    const script = `
      import { readFileSync, openSync, writeFileSync } from 'node:fs';
      import * as u from 'liburing-wasm/c';
      try { u.zeroOperation(); } catch ({ code, message }) { console.log(code, message); }
      writeFileSync('/mnt/ext4/file_with_stuff', '1234567890');
      const ring = u.alloc(u.io_uring);
      u.check(u.io_uring_queue_init(1, ring, 0), 'io_uring_queue_init');
      const fd = openSync('/mnt/ext4/file_with_stuff', 'r+');
      console.log(u.prepZero(u.io_uring_get_sqe(ring), fd, 0, 5, { fallback: 'fallocate' }));
      u.check(u.io_uring_submit_and_wait(ring, 1), 'io_uring_submit_and_wait');
      console.log(readFileSync('/mnt/ext4/file_with_stuff').toString('hex'));`;
    const { status, stdout, stderr } = await boot(renumbered, ['node', '--input-type=module', '-e', script]);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^EOPNOTSUPP .*This kernel has no IORING_OP_ZERO: opcode 65 is OTHER here\./),
      'fallocate',
      '00000000003637383930',
      '',
    ]);
    expect(status).toBe(0);
  });

  it("a bare io_uring_prep_zero() submits it, and the run fails with the kernel's message", {
    timeout: 300_000,
  }, async () => {
    const story = 'printf 1234567890 > /mnt/ext4/file; node build/examples/zero.js /mnt/ext4/file';
    const { status, stdout, stderr } = await boot(renumbered, ['sh', '-c', story]);
    expect(stdout).toMatch(/^EINVAL: /m);
    expect(stderr).toContain('boot: the kernel complained:');
    expect(stderr).toMatch(/WARNING: .*io_other_prep/);
    expect(status).toBe(126);
  });
});
