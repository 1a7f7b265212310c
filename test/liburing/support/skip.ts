/** Skips, as C's T_EXIT_SKIP: only where the C test, on the same kernel, skips too. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, TestRunner } from 'vitest';
import { io_uring_free_probe, io_uring_get_probe, io_uring_opcode_supported } from '../../../src/c.js';
import { inRoot } from '../../support/paths.js';

const T_EXIT_PASS = 0;
const T_EXIT_FAIL = 1;
const T_EXIT_SKIP = 77;

interface Native {
  status: number | null;
  /** Its output: when all is well, C's tests print nothing. */
  output: string;
}

/** The outcome of each C test that was asked for. */
const known = new Map<string, Native>();

/** Builds liburing's own test natively and runs it. */
export function runNative(name: string): Native {
  const directory = inRoot('build/native/test');
  let native = known.get(name);
  if (native === undefined) {
    execFileSync('make', ['-s', '-C', directory, `${name}.t`], { stdio: 'pipe' });
    // some of them wait for no longer than a fraction of a second, which a busy machine may take
    for (let attempts = 3; attempts > 0 && (native?.status ?? T_EXIT_FAIL) === T_EXIT_FAIL; attempts--) {
      // no pipes, which Node makes of sockets: C takes its first descriptors for something else
      const log = join(directory, `${name}.log`);
      const output = openSync(log, 'w');
      const stdio = ['ignore', output, output] as const;
      const { status } = spawnSync(join(directory, `${name}.t`), {
        cwd: directory,
        stdio: [...stdio],
        timeout: 50_000,
      });
      closeSync(output);
      native = { status, output: readFileSync(log, 'utf8') };
    }
    if (native === undefined) throw new Error(`${name}.t did not run`);
    known.set(name, native);
  }
  return native;
}

function skipIf(allowed: (native: Native) => boolean, reason: string): never {
  const test = TestRunner.getCurrentTest();
  if (!test) throw new Error('skip is for tests');
  const name = basename(test.file.filepath, '.test.ts');
  const native = runNative(name);
  expect(allowed(native), `${name} does not skip natively, with ${JSON.stringify(native)}: ${reason}`).toBe(true);
  return test.context.skip(reason);
}

/** The kernel lacks what a test of ours is about, as the test has just seen; there is no C beside it. */
export function lacking(reason: string): never {
  const test = TestRunner.getCurrentTest();
  if (!test) throw new Error('lacking is for tests');
  return test.context.skip(reason);
}

/** Skips where the kernel does not have an operation: what the operation answers is for the test to judge. */
export function needs(opcode: number, name: `IORING_OP_${string}`): void {
  const probe = io_uring_get_probe();
  const supported = probe !== null && io_uring_opcode_supported(probe, opcode);
  if (probe) io_uring_free_probe(probe);
  if (!supported) lacking(`no ${name}`);
}

/** The kernel lacks what the whole C test is about, which ends with T_EXIT_SKIP. */
export const skip = (reason: string): never => skipIf(({ status }) => status === T_EXIT_SKIP, reason);

/** The kernel lacks what a case is about: C says so, and goes on to the next one. */
export const skipCase = (reason: string): never =>
  skipIf(({ status, output }) => status === T_EXIT_SKIP || (status === T_EXIT_PASS && output !== ''), reason);

/** The same, where C continues silently. */
export const skipSilently = (reason: string): never =>
  skipIf(({ status }) => status === T_EXIT_SKIP || status === T_EXIT_PASS, reason);
