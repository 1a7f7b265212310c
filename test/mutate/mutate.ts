/**
 * Breaks the arguments of the prep functions one at a time, and sees whether the tests in test/liburing
 * that call the function notice. `make mutate`; FUNCTIONS= is a pattern for their names.
 */
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { callers } from '../liburing/readme.js';
import { inRoot } from '../support/paths.js';
import { countArguments, describeMutant, type Mutant } from './plugin.js';

const JOBS = 2;
const MOST_FILES = 4;

const bindings = readFileSync(inRoot('src/generated/functions.ts'), 'utf8');
const wanted = new RegExp(process.env.FUNCTIONS ?? '^io_uring_prep_');

/** The test files of a function, the quickest to read first. */
function filesOf(tests: readonly string[]): string[] {
  const paths = tests.map((test) => `test/liburing/${test}.test.ts`);
  return paths.sort((a, b) => statSync(inRoot(a)).size - statSync(inRoot(b)).size).slice(0, MOST_FILES);
}

/** All mutants of a function: its SQE is left alone. */
function mutantsOf(name: string): Mutant[] {
  const count = countArguments(bindings, name);
  const indices = Array.from({ length: Math.max(count - 1, 0) }, (_, i) => i + 1);
  return [
    ...indices.map((index) => ({ name, index, change: 'drop' as const })),
    ...indices.slice(0, -1).map((index) => ({ name, index, change: 'swap' as const })),
  ];
}

/** Whether the tests fail with it. */
function killed(mutant: Mutant, files: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const args = ['run', '--bail', '1', '--config', 'test/mutate/vitest.mutant.ts', ...files];
    const child = spawn(inRoot('node_modules/.bin/vitest'), args, {
      cwd: inRoot('.'),
      env: { ...process.env, MUTANT: describeMutant(mutant) },
      stdio: 'ignore',
      detached: true,
    });
    // a test that waits in the kernel for what never comes has noticed, too
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), 60_000);
    child.once('exit', (status) => {
      clearTimeout(timer);
      resolve(status !== 0);
    });
  });
}

it('the tests notice what is broken', async () => {
  const work = [...callers()].flatMap(([name, tests]) =>
    wanted.test(name) ? mutantsOf(name).map((mutant) => ({ mutant, files: filesOf(tests) })) : [],
  );
  const survivors: string[] = [];
  let done = 0;
  const queue = [...work];
  const next = async (): Promise<void> => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      if (!(await killed(job.mutant, job.files))) survivors.push(describeMutant(job.mutant));
      done++;
      const report = `${done} of ${work.length} mutants tried, ${done - survivors.length} killed\n${survivors.join('\n')}\n`;
      writeFileSync(inRoot('build/mutate.txt'), report);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, next));
  console.log(readFileSync(inRoot('build/mutate.txt'), 'utf8'));
  expect(done - survivors.length).toBeGreaterThanOrEqual(0.95 * done);
}, 7_200_000);
