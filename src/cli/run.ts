import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { loadRunHost } from '../run/host.js';
import { runnerCommand } from '../run/runner.js';
import { UsageError } from './command.js';

export const summary = 'run a C program that uring-cc compiled';

export const help = `usage: liburing-wasm run PROGRAM.wasm [ARGUMENTS]…

Runs a program that wasm/bin/uring-cc compiled, with these arguments, and this environment, folder,
standard input and outputs. It makes Linux's system calls as a native program does: files, sockets,
io_uring, threads, signals, fork and exec.

Exit code, or signal: the program's. 127 if it cannot be started.`;

export function run(args: string[]): never {
  const [program] = args;
  if (program === undefined || program.startsWith('-')) throw new UsageError('run wants a program, then its arguments');
  if (!existsSync(program)) throw new UsageError(`there is no program ${program}`);
  const { bun, deno } = process.versions;
  // the runner relies on V8's flags and on Workers that block, which only Node has
  if (bun !== undefined) throw new UsageError(`run works in Node alone, and this is Bun ${bun}`);
  if (deno !== undefined) throw new UsageError(`run works in Node alone, and this is Deno ${deno}`);
  // the process becomes the program, as with execve(2)
  loadRunHost().exec([...runnerCommand, ...args]);
  throw new UsageError(`Node cannot be started again on ${release()}`);
}
