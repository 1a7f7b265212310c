/** Runs a side once, and returns its value. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Program, Side } from './case.js';
import type { Runtime } from './runtimes.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const run = promisify(execFile);
/** The time limit of a program that prints; the longest counts ten million operations. */
const TIMEOUT = 300_000;

/** A side in a runtime; null for C. */
export interface Entrant {
  readonly side: Side;
  readonly runtime: Runtime | null;
  /** The value of each round; NaN where the program failed. */
  readonly samples: number[];
}

type Command = [program: string, ...args: string[]];

function command({ language, name }: Program, runtime: Runtime | null, collects = false): Command {
  if (language === 'c') return [join(here, 'c', name)];
  if (runtime === null) throw new Error(`${name} has no runtime`);
  return [...runtime.command, ...(collects ? runtime.collects : []), join(here, 'ts', `${name}.js`)];
}

async function printed([program, ...args]: Command, env: NodeJS.ProcessEnv): Promise<number> {
  const { stdout } = await run(program, args, { timeout: TIMEOUT, env });
  return (JSON.parse(stdout) as { value: number }).value;
}

/** The average time from start to end, over the measured time. */
async function started([program, ...args]: Command, env: NodeJS.ProcessEnv, ms: number): Promise<number> {
  const start = performance.now();
  let times = 0;
  for (; times < 3 || performance.now() - start < ms; times++) {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${program} ended with ${code}`);
  }
  return (performance.now() - start) / times;
}

/** A port that is free now. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' ? address?.port : '');
}

async function served(side: Side, [program, ...before]: Command, env: NodeJS.ProcessEnv, ms: number): Promise<number> {
  if (side.client === undefined) throw new Error(`${side.label} has no client`);
  const port = await freePort();
  const server: ChildProcess = spawn(program, [...before, port, ...side.args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  const ended = once(server, 'exit');
  try {
    const client = command(side.client, null);
    return await printed([...client, String(ms), port, String(server.pid), ...side.client.args], process.env);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}

export function measure({ side, runtime }: Entrant, ms: number): Promise<number> {
  const base = command(side, runtime, side.collects);
  const env = { ...process.env, ...side.env };
  if (side.measured === 'serves') return served(side, base, env, ms);
  if (side.measured === 'started') return started([...base, ...side.args], env, ms);
  return printed([...base, String(ms), ...side.args], env);
}
