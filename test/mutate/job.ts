/** A worker process of main: runs a test file with a mutant whenever it is told to, each time in a new process. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliOptions, createVitest, type TestProject, type Vitest } from 'vitest/node';
import type { Mutant } from './mutant.js';

/** A task from main. */
export interface Task {
  file: string;
  /** null: the bindings are not changed. */
  mutant: Mutant | null;
  /** Milliseconds. A test that takes longer waits in the kernel for what never comes. */
  limit: number;
}

/** The result of a task. */
export interface Outcome {
  end: 'passed' | 'failed' | 'hung';
  /** The failure, in a line. */
  reason: string;
  ms: number;
}

const root = process.cwd();

/** Makes the bindings take their functions from exports.ts. */
const plugin = {
  name: 'mutant',
  enforce: 'pre' as const,
  transform(code: string, id: string): string | undefined {
    if (!id.endsWith('/src/generated/functions.ts')) return undefined;
    const from = 'export function bind(exported: Record<string, unknown>, memory: Memory): Functions {';
    if (!code.includes(from)) throw new Error('the bindings have changed: job.ts does not find bind()');
    const module = JSON.stringify(join(root, 'test/mutate/exports.ts'));
    return `import { mutated as $mutated } from ${module};\n${code.replace(from, `${from} exported = $mutated(exported);`)}`;
  },
};

async function start(): Promise<Vitest> {
  const options: CliOptions = {
    config: false,
    watch: false,
    root,
    include: ['test/liburing/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    bail: 1,
    reporters: [{}],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  };
  const vitest = await createVitest('test', options, { plugins: [plugin] });
  await vitest.standalone();
  return vitest;
}

/** Reads a file of /proc, whose thread or process may have ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Ends the process that runs the tests. There is one at a time. */
function killTests(): void {
  for (const task of readdirSync('/proc/self/task')) {
    for (const child of read(`/proc/self/task/${task}/children`).split(' ').filter(Boolean)) {
      if (/vitest.*workers/.test(read(`/proc/${child}/cmdline`))) process.kill(Number(child), 'SIGKILL');
    }
  }
}

const firstLine = (text: string | undefined): string => text?.split('\n')[0] ?? '';

async function run(vitest: Vitest, project: TestProject, { file, mutant, limit }: Task): Promise<Outcome> {
  project.provide('mutant' as never, mutant as never);
  const start = performance.now();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    killTests();
  }, limit);
  // vitest keeps results of earlier runs, and would report them
  vitest.state.filesMap.clear();
  vitest.state.clearErrors();
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([
    project.createSpecification(join(root, file)),
  ]);
  clearTimeout(timer);
  const ms = performance.now() - start;
  if (hung) return { end: 'hung', reason: '', ms };
  const tests = testModules.flatMap((module) => [...module.children.allTests()]);
  const failed = tests.find((test) => test.result().state === 'failed');
  if (failed)
    return { end: 'failed', reason: `${failed.fullName}: ${firstLine(failed.result().errors?.[0]?.message)}`, ms };
  const errors = [...unhandledErrors, ...testModules.flatMap((module) => module.errors())] as { message?: string }[];
  if (errors.length > 0 || tests.length === 0) return { end: 'failed', reason: firstLine(errors[0]?.message), ms };
  return { end: 'passed', reason: '', ms };
}

const vitest = await start();
const project = vitest.getRootProject();
process.on('message', (task: Task) => {
  void run(vitest, project, task).then(
    (outcome) => process.send?.(outcome),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once('disconnect', () => {
  killTests();
  process.exit();
});
process.send?.('ready');
