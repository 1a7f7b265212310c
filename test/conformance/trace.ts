/**
 * Counts the operations that reach the kernel, by the kernel's tracepoint io_uring_submit_req. It sees every
 * submission, whoever makes it. It needs root, and a kernel with tracefs.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const tracefs = '/sys/kernel/tracing';
const instances = `${tracefs}/instances`;

/** Removes what a killed process left behind: a tracepoint that is on slows every ring of the machine. */
function sweep(): void {
  for (const name of readdirSync(instances)) {
    const pid = /^conformance-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    try {
      rmdirSync(`${instances}/${name}`);
    } catch {
      writeFileSync(`${instances}/${name}/tracing_on`, '0'); // its reader still runs
    }
  }
}

/** Number of operations by name. */
export type Counts = ReadonlyMap<string, number>;

/** `comm-PID [cpu] … event: text`. The comm of an SQPOLL thread names its process. */
const line = /^\s*(.+)-(\d+)\s+\[\d+\].*?: (io_uring_submit_req|sched_process_fork): (.*)$/;
const pollingThread = /^iou-sqp-(\d+)$/;

/** IORING_OP_EPOLL_CTL is not counted: in Node newer than 20, libuv watches its own fds by it. */
const libuvs = Number.parseInt(process.versions.node, 10) > 20 ? 'EPOLL' : undefined;

export class Trace {
  readonly #instance = `${instances}/conformance-${process.pid}`;
  /** Maps each process of a job to the job's first process. */
  readonly #jobs = new Map<number, number>();
  readonly #counts = new Map<number, Map<string, number>>();
  /** The number of lost events when a job started. */
  readonly #lostBefore = new Map<number, number>();
  readonly #reader: ChildProcess;
  readonly #markers = new Map<string, () => void>();

  private constructor() {
    mkdirSync(this.#instance);
    this.#set('buffer_size_kb', '65536');
    this.#set('trace_clock', 'mono');
    this.#set('events/io_uring/io_uring_submit_req/enable', '1');
    this.#set('events/sched/sched_process_fork/enable', '1');
    this.#reader = spawn('cat', [`${this.#instance}/trace_pipe`], { stdio: ['ignore', 'pipe', 'ignore'] });
    const { stdout } = this.#reader;
    if (stdout) createInterface({ input: stdout }).on('line', (text) => this.#read(text));
  }

  /** Starts counting, or returns the reason why it cannot. */
  static open(): Trace | string {
    if (process.getuid?.() !== 0) return 'only root may read the tracepoints';
    try {
      if (!existsSync(instances)) execFileSync('mount', ['-t', 'tracefs', 'none', tracefs], { stdio: 'pipe' });
      if (!existsSync(`${tracefs}/events/io_uring/io_uring_submit_req`)) return 'the kernel has no such tracepoint';
      sweep();
      return new Trace();
    } catch (error) {
      return (error as Error).message;
    }
  }

  #set(file: string, value: string): void {
    writeFileSync(`${this.#instance}/${file}`, value);
  }

  #read(text: string): void {
    const marker = /tracing_mark_write: (\S+)/.exec(text)?.[1];
    if (marker !== undefined) {
      this.#markers.get(marker)?.();
      return;
    }
    const [, comm = '', thread, event, rest = ''] = line.exec(text) ?? [];
    const sqpoll = pollingThread.exec(comm)?.[1];
    const job = this.#jobs.get(Number(sqpoll ?? thread));
    if (job === undefined) return;
    if (event === 'sched_process_fork') {
      const child = /child_pid=(\d+)/.exec(rest)?.[1];
      if (child !== undefined) this.#jobs.set(Number(child), job);
      return;
    }
    const opcode = /opcode (\w+)/.exec(rest)?.[1] ?? '?';
    if (opcode === libuvs) return;
    const counts = this.#counts.get(job);
    counts?.set(opcode, (counts.get(opcode) ?? 0) + 1);
  }

  /** Counts for a process that is about to start, as a child of this one, until `take`. */
  follow(pid: number): void {
    this.#jobs.set(pid, pid);
    this.#counts.set(pid, new Map());
    this.#lostBefore.set(pid, this.#overrun());
  }

  /** The operations that a job and its children submitted; undefined if events were lost. */
  async take(pid: number): Promise<Counts | undefined> {
    const marker = `${pid}-${performance.now()}`;
    const seen = new Promise<void>((resolve) => this.#markers.set(marker, resolve));
    const write = (): void => this.#set('trace_marker', marker);
    write();
    // this event may be lost like any other
    const again = setInterval(write, 1000);
    await seen;
    clearInterval(again);
    this.#markers.delete(marker);
    const counts = this.#counts.get(pid);
    this.#counts.delete(pid);
    for (const [process, job] of this.#jobs) if (job === pid) this.#jobs.delete(process);
    const lost = this.#overrun() > (this.#lostBefore.get(pid) ?? 0);
    this.#lostBefore.delete(pid);
    return lost ? undefined : counts;
  }

  #overrun(): number {
    let sum = 0;
    for (const cpu of readdirSync(`${this.#instance}/per_cpu`)) {
      const stats = readFileSync(`${this.#instance}/per_cpu/${cpu}/stats`, 'utf8');
      sum += Number(/^overrun: (\d+)/m.exec(stats)?.[1] ?? 0);
    }
    return sum;
  }

  /** Removes the instance. It does not wait for the event loop, so that a signal handler can exit after it. */
  close(): void {
    this.#set('tracing_on', '0');
    this.#reader.kill('SIGKILL');
    // it is busy until its reader has ended
    for (const deadline = Date.now() + 5000; Date.now() < deadline; ) {
      try {
        rmdirSync(this.#instance);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      }
    }
    console.error(`conformance: ${this.#instance} is still read, and stays`);
  }
}
