/**
 * liburing's own tests that need what the machine outside may lack: a newer kernel, a device, a kernel configured for
 * tests. Each runs natively and in wasm.
 */
import { spawnSync } from 'node:child_process';
import { execPath } from 'node:process';
import { describe, expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';
import { cases, whyNot, whyNotInWasm } from './liburing-cases.js';
import { scratchFolder } from './support.js';

/** The command that runs unmodified C in wasm. */
const runner = [inRoot('dist/cli/main.js'), 'run'];

function run(command: string, list: readonly string[], cwd: string): void {
  const { status, signal, stdout, stderr } = spawnSync(command, list, { cwd, encoding: 'utf8', timeout: 200_000 });
  expect({ status: signal ?? status, output: `${stdout}${stderr}`.slice(-2000) }).toMatchObject({ status: 0 });
}

describe.each(cases.map((one) => [one.name, one.needs, one] as const))('%s, which needs %s', (name, _needs, one) => {
  const { argument } = one;
  const list = argument === undefined ? [] : [argument];

  it('natively', ({ skip }) => {
    const why = whyNot(one);
    if (why !== undefined) skip(why);
    run(inRoot(`build/native/test/${name}.t`), list, scratchFolder('/mnt/ext4'));
  });

  it('in wasm', ({ skip }) => {
    const why = whyNotInWasm(one);
    if (why !== undefined) skip(why);
    const program = inRoot(`build/conformance/wasm/test/${name}.t`);
    run(execPath, [...runner, program, ...list], scratchFolder('/mnt/ext4'));
  });
});
