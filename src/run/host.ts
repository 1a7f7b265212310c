/** Loads the runner's own part of the host shim. */
import { createRequire } from 'node:module';

/** What a system call's host function asks JavaScript for. */
export const Request = { startSpawner: 1, exitThread: 2 } as const;

/** The shim that gives a program the process's system calls; see host/run. */
export interface RunHost {
  /**
   * Maps the window over `memory`, and takes over the process's signals. `runner` is the command that runs
   * another program, `fds` a list of what the program inherits. 0 or -errno.
   */
  open(program: string, runner: readonly string[], fds: string, memory: Uint8Array): number;
  /** Maps the module's data, from the window's start to `end`. 0 or -errno. */
  mapImage(end: number): number;
  /** Zeroed pages: their address or -errno. */
  map(length: number): number;
  /** Makes the system call that is described at `block`. Returns nothing, or a `Request`. */
  syscall(block: number): number | undefined;
  /** Blocks until a Worker is ready for a thread; the spawner must have been started. */
  prepareThreads(): void;
  /** Blocks until a Worker is wanted. */
  waitForDemand(): void;
  /** Blocks until there is a thread to run. `isNew`: the Worker has run none yet. */
  waitForStart(isNew: boolean): [start: number, argument: number, stack: number, threadPointer: number];
  /** Ends the process by a signal. */
  die(signal: number): never;
  /** Replaces the process, by one whose mappings are not at random addresses. Returns -errno if it cannot. */
  exec(command: readonly string[]): number;
  /** Whether this process is such a one. */
  hasFixedAddresses(): boolean;
}

/** Loads it. */
export function loadRunHost(): RunHost {
  return createRequire(import.meta.url)('../../dist/run.node') as RunHost;
}
