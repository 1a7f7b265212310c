/** Runs scripts against the built package, in processes of their own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Run {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** A wrapper and its arguments, which start node. */
  prefix?: readonly string[];
  nodeFlags?: readonly string[];
  env?: Record<string, string>;
}

/** Runs the text of an ES module with node. It may import 'liburing-wasm'. */
export function runScript(source: string, { prefix = [], nodeFlags = [], env = {} }: RunOptions = {}): Run {
  const command = [...prefix, execPath, ...nodeFlags, '--input-type=module', '-e', source];
  const { status, signal, stdout, stderr } = spawnSync(command[0] ?? '', command.slice(1), {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 120_000,
  });
  return { status, signal, stdout, stderr };
}

/** Compiles a C program natively, and returns its path. `clean` removes it. */
export function compileC(source: string, flags: readonly string[] = []): { program: string; clean(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  const file = join(directory, 'program.c');
  const program = join(directory, 'program');
  writeFileSync(file, source);
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', ...flags, file, '-o', program], {
    stdio: 'pipe',
  });
  return { program, clean: () => rmSync(directory, { recursive: true }) };
}
