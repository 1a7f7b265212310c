/** README.md says what is so; `make liburing-readme` writes it. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';
import { callers, readme, upstreamTests } from './readme.js';

it('README.md is what readme.ts makes of the tests that there are', async () => {
  await expect(readme()).toMatchFileSnapshot(inRoot('test/liburing/README.md'));
});

it('lists all tests of liburing', () => {
  const makefile = readFileSync(inRoot('build/liburing/test/Makefile'), 'utf8');
  const tests = upstreamTests();
  expect(tests).toContain('nop.c');
  expect(tests.length).toBeGreaterThan(250);
  for (const name of tests) expect(makefile).toContain(name);
});

it('each public function is called by a test', () => {
  const without = [...callers()].filter(([, tests]) => tests.length === 0).map(([name]) => name);
  expect(without).toEqual([]);
});
