/** The command that starts a process for a program. */
import { fileURLToPath } from 'node:url';

/**
 * V8 has no threads that a forked child would lack, and always maps its memory at the same addresses, none of which are
 * the program's. All wasm is compiled before it runs: another thread may hold the compiler's lock when a process forks,
 * and the child would wait for it for ever.
 */
export const nodeFlags: readonly string[] = [
  '--single-threaded',
  '--v8-pool-size=0',
  '--random-seed=1',
  '--no-wasm-lazy-compilation',
  '--no-warnings',
];

/** The command, which a program and its arguments follow. Its addresses must not be random; see `RunHost.exec`. */
export const runnerCommand: readonly string[] = [
  process.execPath,
  ...nodeFlags,
  fileURLToPath(new URL('../run/main.js', import.meta.url)),
];
