/** The command line tool, as a process of its own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { type Run, root } from './subprocess.js';

/** The built tool's entry. */
export const entry = join(root, 'dist/cli/main.js');

export interface CliOptions {
  input?: string;
  /** A wrapper and its arguments, which start node. */
  prefix?: readonly string[];
}

/** Runs `liburing-wasm` with arguments. */
export function cli(args: readonly string[], { input = '', prefix = [] }: CliOptions = {}): Run {
  const [program = '', ...rest] = [...prefix, execPath, entry, ...args];
  const options = { input, encoding: 'utf8', timeout: 60_000, maxBuffer: 1 << 26 } as const;
  const { status, signal, stdout, stderr } = spawnSync(program, rest, options);
  return { status, signal, stdout, stderr };
}
