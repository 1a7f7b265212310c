/** The JavaScript runtimes that the tests run in: `make runtimes` installs them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './subprocess.js';

const flags: Readonly<Record<string, readonly string[]>> = { deno: ['run', '--allow-all'] };

/** Names of the runtimes; `node` is the one that runs the tests. */
export const runtimes: readonly string[] = ['node', 'node22', 'node24', 'node26', 'bun', 'deno'];

/** The command of a runtime, which a script's name follows; undefined if it is not installed. */
export function runtimeCommand(name: string): [program: string, ...flags: string[]] | undefined {
  if (name === 'node') return [process.execPath];
  const folder = join(root, 'build/runtimes', name);
  if (!existsSync(join(folder, '.done'))) return undefined;
  return [join(folder, 'node_modules/.bin', name.replace(/\d+$/, '')), ...(flags[name] ?? [])];
}
