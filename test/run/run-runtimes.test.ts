/** C programs in wasm under each version of Node, and the message of other runtimes. `make runtimes` installs them. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/conformance.js';
import { inRoot } from '../support/paths.js';
import { runtimeCommand, runtimes } from '../support/runtimes.js';

const isNode = (name: string): boolean => name.startsWith('node');

/** Runs a script in a runtime; undefined if it is not installed. */
function runIn(runtime: string, script: string, list: readonly string[]) {
  const command = runtimeCommand(runtime);
  if (command === undefined) return undefined;
  const [program, ...flags] = command;
  const options = { encoding: 'utf8', timeout: 120_000 } as const;
  const { status, stdout, stderr } = spawnSync(program, [...flags, inRoot(script), ...list], options);
  return { status, stdout, stderr };
}

const NOT_INSTALLED = 'it is not installed: make runtimes';

describe.each(runtimes.filter(isNode))('in %s', { timeout: 150_000 }, (runtime) => {
  it.for(Object.entries(sample))('%s: verdict, output and operations are those of C', ([, names], context) => {
    const list = names.flatMap((name) => ['--test', name]);
    const result = runIn(runtime, 'build/conformance/harness/main.js', list);
    if (result === undefined) return context.skip(NOT_INSTALLED);
    const { status, stdout, stderr } = result;
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
    // both exit with 0
    for (const name of names) expect(stdout).toMatch(new RegExp(`^\\[\\d/\\d\\] ${name}: passed, 0, `, 'm'));
  });

  it('the command runs a program', (context) => {
    const result = runIn(runtime, 'dist/cli/main.js', ['run', inRoot('build/conformance/wasm/test/nop.t')]);
    if (result === undefined) return context.skip(NOT_INSTALLED);
    expect(result).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

it.for(runtimes.filter((name) => !isNode(name)))('%s says that it is not Node', (runtime, context) => {
  const result = runIn(runtime, 'dist/cli/main.js', ['run', inRoot('build/conformance/wasm/test/nop.t')]);
  if (result === undefined) return context.skip(NOT_INSTALLED);
  const { status, stdout, stderr } = result;
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^liburing-wasm: run works in Node alone, and this is (Bun|Deno) \d+\.\d+\.\d+\S*\n$/);
});
