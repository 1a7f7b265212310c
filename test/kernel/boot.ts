/** Runs commands under another kernel, by kernel-patch/boot. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { root } from '../support/subprocess.js';

/** The folder of the kernel under test; `make test-kernel` sets it. */
export const kernel: string = env.KERNEL ?? join(root, 'build/kernel');

/** The folder of a kernel in which 65 is another operation and ZERO is 66. */
export const renumbered: string = join(root, 'build/kernel-renumbered');

/** The result of a run. */
export interface GuestRun {
  /** The command's exit code, or one of boot's: see `kernel-patch/boot --help`. */
  status: number | null;
  stdout: string;
  stderr: string;
  /** The kernel's messages. */
  log: string;
}

/** Settings of a run. */
export interface BootOptions {
  /** A folder that the guest can write to, as /mnt/out. */
  out?: string;
  /** Variables for the command. */
  env?: Record<string, string>;
  /** Seconds. Default: 120 */
  timeout?: number;
}

/** Runs a command as root in a guest, in the repository's folder. */
export async function boot(
  folder: string,
  command: readonly string[],
  { out, env: variables = {}, timeout = 120 }: BootOptions = {},
): Promise<GuestRun> {
  const scratch = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  const log = join(scratch, 'log');
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  try {
    const result = await run(
      join(root, 'kernel-patch/boot'),
      [join(folder, 'bzImage'), 'env', ...settings, ...command],
      {
        BOOT_TIMEOUT: `${timeout}`,
        BOOT_LOG: log,
        ...(out === undefined ? {} : { BOOT_OUT: out }),
      },
    );
    return { ...result, log: readFileSync(log, 'latin1') };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Runs a program of this machine in the repository's folder, and waits without blocking other tests. */
export function run(
  file: string,
  list: readonly string[],
  variables: Record<string, string> = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, list, { cwd: root, env: { ...env, ...variables }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject).on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
