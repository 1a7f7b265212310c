/** The exercises whose chain the kernel works off alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, isBound, type Program, port, run, start, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();

/** Runs a program under strace(1), and returns the system calls that it made. */
function traced(program: Program, ...names: string[]): { program: Program; calls(): string[] } {
  const log = join(folder, `trace-${Math.random()}`);
  return {
    program: ['strace', '-f', '-qq', '-e', `trace=${names.join(',')}`, '-o', log, ...program],
    calls: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .map((line) => line.replace(/^\d+ +/, ''))
        .filter((line) => /^[a-z]/.test(line)),
  };
}

/** How many SQEs each io_uring_enter(2) took, without those that took none. */
const submitted = (calls: readonly string[]): number[] =>
  calls.flatMap((call) => Number(/^io_uring_enter\(\d+, (\d+),/.exec(call)?.[1] ?? 0) || []);

describe('hello-later', () => {
  it('prints its text when the time is up', () => {
    const before = performance.now();
    expect(run(port('course/02-hello-later'), ['1500'])).toEqual({ status: 0, stdout: 'Hello World\n', stderr: '' });
    expect(performance.now() - before).toBeGreaterThan(1500);
  });

  it('submits both by one io_uring_enter, and writes nothing itself', () => {
    const { program, calls } = traced(port('course/02-hello-later'), 'io_uring_enter', 'write', 'writev');
    expect(run(program, ['300'])).toEqual({ status: 0, stdout: 'Hello World\n', stderr: '' });
    expect(submitted(calls())).toEqual([2]);
    expect(calls().filter((call) => call.includes('Hello'))).toEqual([]);
  });
});

describe('direct-file', () => {
  it('writes a file that has no ordinary descriptor while it is open', () => {
    const file = join(folder, 'direct');
    const { program, calls } = traced(port('course/03-direct-file'), 'io_uring_enter', 'open', 'openat', 'openat2');
    const { status, stdout, stderr } = run(program, [file, 'some text']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(file, 'utf8')).toBe('some text');
    const lines = stdout.split('\n').filter((line) => line !== '');
    // the kernel's list of the ring's files, and /proc/self/fd, which has at least the ring
    expect(lines[0]).toBe(`registered 0: ${file}`);
    expect(lines).toContainEqual(expect.stringMatching(/^fd \d+ anon_inode:\[io_uring\]$/));
    expect(lines.filter((line) => line.startsWith('fd ') && line.includes(file))).toEqual([]);
    expect(calls().filter((call) => call.includes(file))).toEqual([]);
    // the chain, and the futex_wake that continues it
    expect(submitted(calls())).toEqual([6, 1]);
  });

  it('fails with the error of the member that failed', () => {
    const { status, stdout, stderr } = run(port('course/03-direct-file'), [join(folder, 'nowhere/file'), 'text']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('ENOENT: no such file or directory, openat_direct');
  });
});

describe('echo-once', () => {
  const echo = port('course/04-echo-once');

  /** Makes nc send what a shell command prints. Returns what comes back, and how the server ended. */
  async function exchange(server: Program, list: readonly string[], command: string) {
    const number = await freePort();
    const running = start(server, [`${number}`, ...list]);
    await running.until(() => isBound('tcp', number), 'listening');
    const { stdout } = run(['sh', '-c', `{ ${command}; } | nc -N 127.0.0.1 ${number}`]);
    return { back: stdout, ...(await running.result()) };
  }

  it.each([
    ['of a size that it knows', ['13']],
    ['of any size', []],
  ])('sends a message back to nc %s', async (_, list) => {
    expect(await exchange(echo, list, 'printf "hello, world\\n"')).toEqual({
      back: 'hello, world\n',
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it.each([
    [['5'], 9],
    [[], 11],
  ])('is one submit, and no other system call: %j', async (list, members) => {
    const { program, calls } = traced(echo, 'io_uring_enter', 'socket', 'setsockopt', 'bind', 'listen', 'accept4');
    expect(await exchange(program, list, 'printf hello')).toMatchObject({ back: 'hello', status: 0 });
    expect(submitted(calls())).toEqual([members]);
    expect(calls().filter((call) => !call.startsWith('io_uring_enter'))).toEqual([]);
  });

  it('waits for all of a message that comes in pieces', async () => {
    const command = 'printf he; sleep 0.3; printf l; sleep 0.3; printf lo';
    expect(await exchange(echo, ['5'], command)).toMatchObject({ back: 'hello', status: 0 });
  });

  it('sends nothing back for a message that is too short: the receive breaks the link', async () => {
    const { back, status, stderr } = await exchange(echo, ['5'], 'printf hell');
    expect({ back, status }).toEqual({ back: '', status: 1 });
    expect(stderr).toContain('ECANCELED: operation canceled, write');
  });

  it('ends when there is no message', async () => {
    expect(await exchange(echo, [], 'true')).toMatchObject({ back: '', status: 0, stderr: '' });
  });
});

describe('skip-success', () => {
  it('has one completion for each chain', () => {
    const file = join(folder, 'pieces');
    const stdout = '1000 writes, 32 completions\n';
    expect(run(port('course/07-skip-success'), [file])).toEqual({ status: 0, stdout, stderr: '' });
    expect(readFileSync(file, 'utf8')).toBe(Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join(''));
  });

  it('reports a write that fails', () => {
    const { status, stderr } = run(port('course/07-skip-success'), ['/dev/full', '100']);
    expect(status).toBe(1);
    expect(stderr).toContain('ENOSPC: no space left on device, write');
    expect(stderr).toContain('index: 0');
  });
});
