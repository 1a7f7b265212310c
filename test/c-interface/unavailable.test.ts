/** Where io_uring cannot be used: errors say why, and what needs no kernel works. */
import { afterAll, describe, expect, it } from 'vitest';
import { compileDeny } from '../support/deny.js';
import { type RunOptions, runScript } from '../support/subprocess.js';

/** Runs a program under a filter that refuses one system call. */
const deny = compileDeny();
afterAll(() => deny.clean());

const IO_URING_SETUP = 425;
const MEMFD_CREATE = 319;

/** Sets a ring up, and prints the error as JSON. */
const SETUP = `
  import { alloc, check, io_uring, io_uring_queue_init } from 'liburing-wasm/c';
  try {
    check(io_uring_queue_init(ENTRIES, alloc(io_uring), FLAGS), 'io_uring_queue_init');
    console.log('{}');
  } catch ({ code, errno, syscall, message }) {
    console.log(JSON.stringify({ code, errno, syscall, message }));
  }`;

function setup(options: RunOptions, entries = 8, flags = 0): Record<string, unknown> {
  const script = SETUP.replace('ENTRIES', String(entries)).replace('FLAGS', String(flags));
  const { status, stdout, stderr } = runScript(script, options);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const refusing = (nr: number, errno: number): RunOptions => ({ prefix: [deny.program, String(nr), String(errno)] });

describe('a setup that fails throws code, errno, syscall and advice', () => {
  it('throws nothing where io_uring works', () => {
    expect(setup({})).toEqual({});
  });

  it('EPERM from a seccomp filter', () => {
    const error = setup(refusing(IO_URING_SETUP, 1));
    expect(error).toMatchObject({ code: 'EPERM', errno: -1, syscall: 'io_uring_queue_init' });
    expect(error.message).toMatch(/^EPERM: operation not permitted, io_uring_queue_init\. .*seccomp/);
  });

  it('ENOSYS', () => {
    const error = setup(refusing(IO_URING_SETUP, 38));
    expect(error).toMatchObject({ code: 'ENOSYS', errno: -38 });
    expect(error.message).toMatch(/5\.1/);
  });

  it('a number of entries that the kernel refuses', () => {
    const error = setup({}, 40_000);
    expect(error).toMatchObject({ code: 'EINVAL', errno: -22 });
    expect(error.message).toMatch(/32768/);
  });

  it('a flag that no kernel knows', () => {
    expect(setup({}, 8, 0x80000000)).toMatchObject({ code: 'EINVAL' });
  });

  it('a limit of locked memory', (context) => {
    const limited = { prefix: ['setpriv', '--reuid=65534', '--clear-groups', 'prlimit', '--memlock=4096'] };
    if (runScript('process.exit(process.getuid() === 65534 ? 0 : 1)', limited).status !== 0) {
      return context.skip('only root can become another user, and limits do not hold for root');
    }
    const error = setup(limited, 32768);
    expect(error).toMatchObject({ code: 'ENOMEM', errno: -12 });
    expect(error.message).toMatch(/ulimit -l/);
  });
});

describe('without a host', () => {
  const REPORT = `
    const { alloc, check, hostError, io_uring, io_uring_prep_read, io_uring_queue_init, io_uring_sqe } =
      await import('liburing-wasm/c');
    const sqe = alloc(io_uring_sqe);
    io_uring_prep_read(sqe, 3, 0x12345678, 4096, 5n);
    let thrown = {};
    try {
      io_uring_queue_init(8, alloc(io_uring), 0);
    } catch ({ code, errno, syscall, message }) {
      thrown = { code, errno, syscall, message };
    }
    // the throw leaves the C stack whole
    const ring = alloc(io_uring);
    for (let i = 0; i < 10000; i++) {
      try { io_uring_queue_init(8, ring, 0); } catch (error) { if (error.code !== 'ENOSYS') throw error; }
    }
    console.log(JSON.stringify({ host: hostError?.message, bytes: Buffer.from(sqe.bytes).toString('hex'), thrown }));`;
  const SQE = `1600000003000000${'0500000000000000'}7856341200000000${'00100000'}00000000${'00'.repeat(32)}`;

  function report(options: RunOptions, before = ''): { host: string; bytes: string; thrown: Record<string, unknown> } {
    const { stdout, stderr } = runScript(before + REPORT, options);
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  it("on another system: SQEs are prepared, and a ring's error says what is missing", () => {
    const { host, bytes, thrown } = report({}, "Object.defineProperty(process, 'platform', { value: 'darwin' });");
    expect(host).toMatch(/part of Linux, and this is darwin/);
    expect(bytes).toBe(SQE);
    expect(thrown).toMatchObject({ code: 'ENOSYS', errno: -38, syscall: 'io_uring_setup' });
    expect(thrown.message).toMatch(/darwin/);
  });

  it('on another processor', () => {
    const { host } = report({}, "Object.defineProperty(process, 'arch', { value: 's390x' });");
    expect(host).toMatch(/s390x/);
  });

  it('with native addons switched off', () => {
    const { host, bytes } = report({ nodeFlags: ['--no-addons'] });
    expect(host).toMatch(/addon/);
    expect(bytes).toBe(SQE);
  });

  it('without memory to share', () => {
    const { host } = report(refusing(MEMFD_CREATE, 1));
    expect(host).toMatch(/^EPERM: operation not permitted, memfd_create\./);
  });
});

it('the import says what is missing where addresses are limited', () => {
  const script = `
    import('liburing-wasm').then(
      () => console.log('imported'),
      ({ code, syscall, message }) => console.log(JSON.stringify({ code, syscall, message })));`;
  // enough for Node, and not for a WebAssembly memory
  const { stdout, stderr } = runScript(script, { prefix: ['prlimit', `--as=${1200 * 1000 * 1024}`] });
  expect(stderr).toBe('');
  const error = JSON.parse(stdout) as Record<string, unknown>;
  expect(error).toMatchObject({ code: 'ENOMEM', syscall: 'mmap' });
  expect(error.message).toMatch(/ulimit -v/);
});
