/** Loads the runner's own part of the host shim. */
import { createRequire } from 'node:module';

/** What the host function of system calls asks JavaScript to do. */
export const Request = { startSpawner: 1, exitThread: 2 } as const;

/** The shim that gives a program the system calls of a process; see host/run. */
export interface RunHost {
  /**
   * Maps the window over `memory`, and takes the process's signals over. `runner` is the command that runs another
   * program; `fds` lists the fds that the program inherits. Returns 0 or -errno.
   */
  open(program: string, runner: readonly string[], fds: string, memory: Uint8Array): number;
  /** Maps the module's data, from the window's start to `end`. 0 or -errno. */
  mapImage(end: number): number;
  /** Allocates zeroed pages. Returns their address or -errno. */
  map(length: number): number;
  /** Makes the system call described at `block`. Returns nothing, or a `Request`. */
  syscall(block: number): number | undefined;
  /** Blocks until a Worker is ready for a thread. Precondition: the spawner was started. */
  prepareThreads(): void;
  /** Blocks until a Worker is wanted. */
  waitForDemand(): void;
  /** Blocks until there is a thread to run. `isNew`: the Worker has run none yet. */
  waitForStart(isNew: boolean): [start: number, argument: number, stack: number, threadPointer: number];
  /** Ends the process by a signal. */
  die(signal: number): never;
  /** Replaces the process by one whose mappings are not at random addresses. Returns -errno if it cannot. */
  exec(command: readonly string[]): number;
  /** Whether this process's mappings are not at random addresses. */
  hasFixedAddresses(): boolean;
}

export function loadRunHost(): RunHost {
  return createRequire(import.meta.url)('../../dist/run.node') as RunHost;
}
