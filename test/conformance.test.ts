/** That `make conformance` fails when the shim is wrong. The suite itself is run by .ci/run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterAll, expect, it } from 'vitest';
import { root } from './support/subprocess.js';

const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A dist folder whose runner has a line of host/run changed; nothing else is. */
function distWith(name: string, file: string, from: string, to: string): string {
  const copy = join(folder, name);
  for (const part of ['host', 'wasm/libc/arch']) cpSync(join(root, part), join(copy, part), { recursive: true });
  const path = join(copy, 'host/run', file);
  const source = readFileSync(path, 'utf8');
  if (!source.includes(from)) throw new Error(`${file} does not say ${from}`);
  writeFileSync(path, source.replace(from, to));
  const dist = join(copy, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  const sources = readdirSync(join(copy, 'host/run')).filter((each) => each.endsWith('.c'));
  const include = ['node_modules/node-api-headers/include', 'build/native/src/include', 'build/liburing/src/include'];
  execFileSync('gcc', [
    ...['-std=gnu11', '-O2', '-fPIC', '-fvisibility=hidden', '-D_GNU_SOURCE', '-DNAPI_VERSION=8', '-shared'],
    ...include.map((path) => `-I${join(root, path)}`),
    ...sources.map((each) => join(copy, 'host/run', each)),
    ...['ring.c', 'mirror.c'].map((each) => join(copy, 'host', each)),
    ...['-o', join(dist, 'run.node')],
  ]);
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  return dist;
}

function conformance(dist: string): { status: number | null; stdout: string } {
  const harness = join(root, 'build/conformance/harness/main.js');
  const list = ['--test', 'nop', '--limit', '4', '--dist', dist];
  const { status, stdout } = spawnSync(execPath, [harness, ...list], { encoding: 'utf8' });
  return { status, stdout };
}

it.each([
  ['as it is', 'rings.c', 'long rings_enter', 'long rings_enter', true],
  [
    'with an io_uring_enter that drops an argument',
    'rings.c',
    'run_syscall(SYS_io_uring_enter, args)',
    'run_syscall(SYS_io_uring_enter, (const long[6]){ args[0], 0, args[2], args[3], args[4], args[5] })',
    false,
  ],
  [
    'with a window that is not aliased',
    'memory.c',
    'mremap((void *) address, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED,\n\t\t   linear + address)',
    'mmap(linear + address, length, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)',
    false,
  ],
] as const)('a shim %s', (name, file, from, to, passes) => {
  const { status, stdout } = conformance(distWith(name.replaceAll(' ', '-'), file, from, to));
  expect(stdout).toContain(`conformance: ${passes ? 1 : 0} passed, ${passes ? 0 : 1} failed, 0 skipped`);
  expect(status).toBe(passes ? 0 : 1);
});
