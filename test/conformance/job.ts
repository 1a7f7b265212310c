/** Runs one program, in a folder and a session of its own. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

export interface Outcome {
  /** The exit code, the name of the signal, or that the time was up. */
  readonly verdict: string;
  /** Whether the time was up. */
  readonly late: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  readonly pid: number;
}

export interface Job {
  /** The folder of the program, and of other programs that it may execute. */
  readonly programs: string;
  readonly name: string;
  /** The command that runs it: the program and its arguments follow. */
  readonly command: readonly string[];
  /** A folder that is made for the run, and removed. */
  readonly folder: string;
  /** Seconds. */
  readonly limit: number;
  /** Called with its process, before that has submitted anything. */
  readonly started: (pid: number) => void;
}

/** The processes of a session. /proc/PID/stat has `pid session` behind a name that may contain anything. */
function ofSession(session: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]) === session;
      } catch {
        return false; // it has ended
      }
    });
}

function endSession(session: number): void {
  for (const pid of ofSession(session)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended
    }
  }
}

const running = new Set<number>();

/** Ends all processes of the running jobs. */
export function endJobs(): void {
  for (const session of running) endSession(session);
}

/** The output goes to files: what the program leaves running would keep a pipe open. */
export async function runJob({ programs, name, command, folder, limit, started }: Job): Promise<Outcome> {
  rmSync(folder, { recursive: true, force: true });
  const cwd = join(folder, 'cwd');
  mkdirSync(cwd, { recursive: true });
  const program = `./${name}.t`;
  for (const each of new Set([`${name}.t`, 'exec-target.t'])) symlinkSync(join(programs, each), join(cwd, each));
  const [out, err] = ['stdout', 'stderr'].map((file) => join(folder, file)) as [string, string];
  const fds = [out, err].map((file) => openSync(file, 'w'));
  const [file = program, ...args] = [...command, program];
  const start = performance.now();
  const child = spawn(file, args, { cwd, detached: true, stdio: ['ignore', ...fds] });
  for (const fd of fds) closeSync(fd);
  const pid = child.pid ?? 0;
  running.add(pid);
  started(pid);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endSession(pid);
  }, limit * 1000);
  const verdict = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal ?? String(code)));
  });
  clearTimeout(timer);
  const seconds = (performance.now() - start) / 1000;
  endSession(pid);
  running.delete(pid);
  const outcome = {
    verdict: late ? `no end in ${limit} s` : verdict,
    late,
    stdout: readFileSync(out, 'latin1'),
    stderr: readFileSync(err, 'latin1'),
    seconds,
    pid,
  };
  rmSync(folder, { recursive: true, force: true });
  return outcome;
}
