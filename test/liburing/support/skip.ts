/** Skips, as C's T_EXIT_SKIP: only where the C test, on the same kernel, skips too. */
import { execFileSync, spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { expect, TestRunner } from 'vitest';
import { inRoot } from '../../support/paths.js';

const T_EXIT_PASS = 0;
const T_EXIT_SKIP = 77;

/** The exit status of each C test that was asked for. */
const known = new Map<string, number | null>();

/** Builds liburing's own test natively and runs it. Returns its exit status. */
export function nativeStatus(name: string): number | null {
  const directory = inRoot('build/native/test');
  let status = known.get(name);
  if (status === undefined) {
    execFileSync('make', ['-s', '-C', directory, `${name}.t`], { stdio: 'pipe' });
    status = spawnSync(join(directory, `${name}.t`), { cwd: directory, stdio: 'ignore', timeout: 50_000 }).status;
    known.set(name, status);
  }
  return status;
}

function skipIf(allowed: readonly number[], reason: string): never {
  const test = TestRunner.getCurrentTest();
  if (!test) throw new Error('skip is for tests');
  const name = basename(test.file.filepath, '.test.ts');
  expect(allowed, `${name} natively, where the port skips: ${reason}`).toContain(nativeStatus(name));
  return test.context.skip(reason);
}

/** The kernel lacks what a test of ours is about, as the test has just seen; there is no C beside it. */
export function lacking(reason: string): never {
  const test = TestRunner.getCurrentTest();
  if (!test) throw new Error('lacking is for tests');
  return test.context.skip(reason);
}

/** The kernel lacks what the whole C test is about, which ends with T_EXIT_SKIP. */
export const skip = (reason: string): never => skipIf([T_EXIT_SKIP], reason);

/** The kernel lacks what a case is about, and C goes on to the next one without a word in its status. */
export const skipCase = (reason: string): never => skipIf([T_EXIT_PASS, T_EXIT_SKIP], reason);
