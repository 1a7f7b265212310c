/** A thread's instance of a program, and how the thread ends. */
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Request, type RunHost } from './host.js';

/** What all threads of a program share. */
export interface Program {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** The exports of uring-cc's crt1. */
export interface ProgramExports {
  readonly __stack_pointer: WebAssembly.Global;
  _start(stack: bigint): void;
  /** Exported only by programs that start threads. */
  __start_thread?(start: bigint, argument: bigint, threadPointer: bigint): void;
}

const SIGILL = 4;
const SIGABRT = 6;
const SIGFPE = 8;
const SIGSEGV = 11;

/** Thrown through wasm, to unwind its frames. */
const exitThread = Symbol('exit');

/** Starts the Worker that makes Workers for threads. */
export function startSpawner(program: Program): void {
  new Worker(new URL('./spawner.js', import.meta.url), { workerData: program });
}

/** Instantiates the program for the calling thread, with a stack of its own. */
export function instantiate(program: Program, host: RunHost, stackTop: number): ProgramExports {
  const syscall = (block: number): void => {
    let request = host.syscall(block);
    while (request !== undefined) {
      if (request === Request.exitThread) throw exitThread;
      startSpawner(program);
      request = host.syscall(block);
    }
  };
  const { exports } = new WebAssembly.Instance(program.module, { env: { memory: program.memory }, host: { syscall } });
  const ours = exports as unknown as ProgramExports;
  setStack(ours, stackTop);
  return ours;
}

/** Sets where the stack of the instance's thread ends. */
export function setStack({ __stack_pointer }: ProgramExports, top: number): void {
  __stack_pointer.value = typeof __stack_pointer.value === 'bigint' ? BigInt(top) : top;
}

/** The signal that a native program would have got, for an exception of the wasm engine. */
function signalOf(error: unknown): number | undefined {
  if (error instanceof RangeError) return SIGSEGV; // the engine's own stack overflowed
  if (!(error instanceof WebAssembly.RuntimeError)) return undefined;
  if (/divide|remainder|unrepresentable/.test(error.message)) return SIGFPE;
  if (/unreachable/.test(error.message)) return SIGILL;
  return SIGSEGV;
}

/** Runs wasm until the thread ends. A trap ends the process, as it does natively. */
export function run(host: RunHost, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (error === exitThread) return;
    const signal = signalOf(error);
    if (signal === undefined || process.env.LIBURING_WASM_TRAPS !== undefined)
      writeSync(2, `${(error as Error).stack}\n`);
    host.die(signal ?? SIGABRT);
  }
}
