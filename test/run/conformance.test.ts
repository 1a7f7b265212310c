/** `make conformance` detects a wrong shim. .ci/run runs the suite itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterAll, expect, it, vi } from 'vitest';
import { hostFlags } from '../support/shim.js';
import { root } from '../support/subprocess.js';

vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Copies dist, with one line of host/run changed. */
function distWith(file: string, from: string, to: string): string {
  const copy = mkdtempSync(join(folder, 'dist-'));
  for (const part of ['host', 'wasm/libc/arch']) cpSync(join(root, part), join(copy, part), { recursive: true });
  const path = join(copy, 'host/run', file);
  const source = readFileSync(path, 'utf8');
  if (!source.includes(from)) throw new Error(`${file} does not say ${from}`);
  writeFileSync(path, source.replace(from, to));
  const dist = join(copy, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  const sources = readdirSync(join(copy, 'host/run')).filter((each) => each.endsWith('.c'));
  const paths = [
    ...sources.map((each) => join(copy, 'host/run', each)),
    ...['ring.c', 'mirror.c'].map((each) => join(copy, 'host', each)),
  ];
  execFileSync('gcc', [...hostFlags, '-shared', ...paths, '-o', join(dist, 'run.node')], { cwd: root, stdio: 'pipe' });
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  return dist;
}

/** The result of one of liburing's tests, and its difference from the native one. */
function conformance(name: string, dist: string, limit = 3): { result: string; reason: string } {
  const harness = join(root, 'build/conformance/harness/main.js');
  const list = ['--test', name, '--repeats', '0', '--limit', `${limit}`, '--dist', dist];
  const { status, stdout } = spawnSync(execPath, [harness, ...list], { encoding: 'utf8' });
  const [, result = stdout, reason = ''] = /^\[1\/1\] \S+: (\w+), .*\n(?: {4}(.*))?/m.exec(stdout) ?? [];
  expect(status).toBe(result === 'passed' ? 0 : 1);
  const counts = ['passed', 'failed', 'skipped'].map((each) => `${each === result ? 1 : 0} ${each}`).join(', ');
  expect(stdout.trim().split('\n').at(-1)).toBe(`conformance: ${counts}`);
  return { result, reason };
}

it('nothing is wrong with the shim as it is', () => {
  const dist = distWith('rings.c', 'long rings_enter', 'long rings_enter');
  expect(conformance('nop', dist, 60)).toEqual({ result: 'passed', reason: '' });
});

it.each([
  ['the ring', 0, 'nop'],
  ['how many to submit', 1, 'nop'],
  ['the flags', 3, 'msg-ring'],
] as const)('detects an io_uring_enter that drops %s', (_what, argument, name) => {
  const list = Array.from({ length: 6 }, (_, i) => (i === argument ? '0' : `args[${i}]`));
  const from = 'run_syscall(SYS_io_uring_enter, args)';
  const to = `run_syscall(SYS_io_uring_enter, (const long[6]){ ${list.join(', ')} })`;
  expect(conformance(name, distWith('rings.c', from, to)).result).toBe('failed');
});

it('detects a window that is not aliased', () => {
  const from = `mremap((void *) address, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED,
\t\t   linear + address)`;
  const to = 'mmap(linear + address, length, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)';
  const { result, reason } = conformance('nop', distWith('memory.c', from, to));
  expect(result).toBe('failed');
  expect(reason).toMatch(/^SIG\w+, natively 0/);
});
