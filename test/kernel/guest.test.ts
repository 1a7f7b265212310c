/** The tests of test/guest, run under the patched kernel. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { GuestResult } from '../guest/results.js';
import { boot, kernel } from './boot.js';

const out = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(out, { recursive: true }));

const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--configLoader', 'runner'];
const run = await boot(kernel, ['node', ...vitest, '--config', 'test/guest/vitest.config.ts'], {
  out,
  env: { RESULTS: '/mnt/out/results.json' },
  timeout: 1500,
});

const readResults = (): GuestResult[] => {
  try {
    return JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as GuestResult[];
  } catch {
    return [];
  }
};
const results = readResults();

it('the guest ran them all, and its kernel reported no error', () => {
  const failed = results.some(({ state }) => state === 'failed');
  expect(run, 'the output of the guest').toMatchObject({ status: failed ? 1 : 0 });
  expect(results.length).toBeGreaterThan(100);
});

/** Defines the guest's tests whose paths begin alike. */
function define(group: readonly GuestResult[], depth: number): void {
  const names = new Map<string, GuestResult[]>();
  for (const result of group) {
    const name = result.path[depth] ?? '';
    names.set(name, [...(names.get(name) ?? []), result]);
  }
  for (const [name, members] of names) {
    const leaves = members.filter(({ path }) => path.length === depth + 1);
    const deeper = members.filter(({ path }) => path.length > depth + 1);
    for (const { state, note, errors } of leaves) {
      it(name, ({ skip }) => {
        if (state === 'skipped') skip(note);
        if (state !== 'passed') throw new Error(`in the guest: ${errors.join('\n') || state}`);
      });
    }
    if (deeper.length > 0) describe(name, () => define(deeper, depth + 1));
  }
}
define(results, 0);
