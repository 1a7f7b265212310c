/** kernel-patch/fetch without any source. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { root } from '../support/subprocess.js';
import { run } from './boot.js';

it('reports that the archive is out of reach, and leaves nothing behind', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const tree = join(folder, 'linux');
  // an empty cache, and a network namespace without even loopback
  const command = ['--map-root-user', '--net', join(root, 'kernel-patch/fetch'), tree];
  const { status, stdout, stderr } = await run('unshare', command, { HOME: folder, XDG_CACHE_HOME: '' });
  const lines = stderr.trimEnd().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    "kernel: looking in the distribution's archive",
    'kernel: the archive is out of reach, or has no linux-source-7.x for this system:',
  ]);
  expect(lines[2]).toMatch(/^ {2}W: Failed to fetch /);
  expect(lines.at(-1)).toBe('fetch: no source of Linux was found. See kernel-patch/fetch --help');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(existsSync(tree)).toBe(false);
});
