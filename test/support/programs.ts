/** Runs the examples, and the C programs that they are ports of. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, onTestFinished } from 'vitest';
import { inRoot } from './paths.js';

/** Seconds to wait for a program. Without KVM, a guest is slow. */
const PATIENCE = Number(process.env.PATIENCE ?? 20);

/** A command line, which the arguments follow. */
export type Program = readonly [string, ...string[]];

/** The command line of an example. */
export const port = (name: string): Program => [execPath, inRoot(`build/examples/${name}.js`)];

/** The command line of liburing's program, built natively from the same tree. */
export const native = (name: string): Program => [inRoot(`build/native/examples/${name}`)];

/** Both command lines, with names for tests. */
export const both = (name: string): { language: string; program: Program }[] => [
  { language: 'TypeScript', program: port(name) },
  { language: 'C', program: native(name) },
];

/** And that of the example on a Ring, where there is one. */
export const all = (name: string): { language: string; program: Program }[] => [
  ...both(name),
  { language: 'Ring style', program: port(`ring/${name}`) },
];

/** Makes a folder that is removed when the file's tests are over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

export interface Result {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export function run([command, ...first]: Program, list: readonly string[] = [], options: object = {}): Result {
  const { error, status, stdout, stderr } = spawnSync(command, [...first, ...list], {
    encoding: 'utf8',
    timeout: 50_000,
    ...options,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}

/** A program that runs while the test does, and ends with it. */
export class Running {
  readonly process: ChildProcess;
  /** Its output so far. */
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor([command, ...first]: Program, list: readonly string[], stdin: 'ignore' | 'pipe') {
    // C's stdout would be fully buffered, as it is no terminal
    this.process = spawn('stdbuf', ['-oL', command, ...first, ...list], { stdio: [stdin, 'pipe', 'pipe'] });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => this.process.once('close', resolve));
    onTestFinished(async () => {
      this.process.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Waits for a condition; throws with the program's output when that takes too long. */
  async until(is: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (const deadline = Date.now() + PATIENCE * 1000; Date.now() < deadline && this.process.exitCode === null; ) {
      if (await is()) return;
      await sleep(10);
    }
    if (await is()) return;
    throw new Error(`${what} did not happen.\nstdout: ${this.stdout}\nstderr: ${this.stderr}`);
  }

  /** Waits for the program to end, and returns its output. */
  async result(): Promise<Result> {
    const status = await Promise.race([this.ended, sleep(40_000, 'late' as const, { ref: false })]);
    if (status === 'late') throw new Error(`still running.\nstdout: ${this.stdout}\nstderr: ${this.stderr}`);
    return { status, stdout: this.stdout, stderr: this.stderr };
  }
}

export const start = (program: Program, list: readonly string[] = [], stdin: 'ignore' | 'pipe' = 'ignore'): Running =>
  new Running(program, list, stdin);

/** Finds a TCP port of loopback that is free; the kernel does not hand it out again at once. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether a socket of that protocol is bound to a port, by /proc/net/tcp, where 0A means listening. */
export function isBound(protocol: 'tcp' | 'tcp6' | 'udp' | 'udp6', port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync(`/proc/net/${protocol}`, 'utf8').split('\n').slice(1);
  return lines.some((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return local.endsWith(`:${hex}`) && (protocol.startsWith('udp') || state === '0A');
  });
}

/** Changes a C source of the tree, and compiles it like the examples. */
export function compileChanged(folder: string, name: string, from: string, to: string): Program {
  const source = readFileSync(inRoot(`build/liburing/examples/${name}.c`), 'utf8');
  if (!source.includes(from)) throw new Error(`${name}.c does not say ${from}`);
  return compile(folder, name, source.replace(from, to));
}

/** Compiles C natively, with the tree's library. */
export function compile(folder: string, name: string, source: string): Program {
  const program = join(folder, name);
  const flags = ['-O2', '-D_GNU_SOURCE', '-x', 'c', '-', '-o', program];
  const includes = ['build/native/src/include', 'build/liburing/src/include'].map((path) => `-I${inRoot(path)}`);
  execFileSync('gcc', [...includes, ...flags, '-x', 'none', inRoot('build/native/src/liburing.a')], { input: source });
  return [program];
}
