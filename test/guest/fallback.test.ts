/** prepZero() on a kernel with IORING_OP_ZERO, and where the kernel cannot be asked for the name. */
import { execFileSync, spawnSync } from 'node:child_process';
import { execPath } from 'node:process';
import { describe, expect, it } from 'vitest';
import { IORING_OP_ZERO, prepZero, zeroOperation } from '../../src/c.js';
import { openRing } from '../support/ring.js';
import { root } from '../support/subprocess.js';
import { disks, expectBytes, pattern, request, scratchFile, zeroed } from './support.js';

describe.each(Object.entries(disks))('prepZero on %s', (_name, disk) => {
  it('prepares IORING_OP_ZERO, with and without a fallback', () => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(4096));
    for (const options of [{}, { fallback: 'fallocate' as const }]) {
      const offset = 'fallback' in options ? 100 : 200;
      const result = request(ring, (sqe) => {
        expect(prepZero(sqe, file.fd, offset, 50, options)).toBe('zero');
        expect(sqe.opcode).toBe(IORING_OP_ZERO);
      });
      expect(result).toBe(0);
    }
    expectBytes(file.read(), zeroed(zeroed(pattern(4096), 100, 50), 200, 50));
  });
});

it('refuses to guess where the kernel cannot be asked for the name', () => {
  // the shell hides its own fdinfo, and then becomes node
  const script = `
    import { zeroOperation } from 'liburing-wasm';
    for (const options of [{}, { fallback: 'fallocate' }]) {
      try { console.log(zeroOperation(options)); } catch ({ code, message }) { console.log(code, message); }
    }`;
  const hide = 'mount -t tmpfs none /proc/$$/fdinfo && exec "$@"';
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', hide, 'sh', execPath, '--input-type=module', '-e', script],
    { cwd: root, encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    expect(line).toMatch(/^EOPNOTSUPP .*opcode 65 .*cannot be told, as \/proc\/self\/fdinfo\/\d+ cannot be read/);
  }
});

it('leaves no ring behind after it asked the kernel', () => {
  const fds = (): string => execFileSync('ls', [`/proc/${process.pid}/fd`], { encoding: 'utf8' });
  const before = fds();
  expect(zeroOperation()).toBe('zero');
  expect(fds()).toBe(before);
});
