/** liburing's unmodified C examples, compiled by uring-cc and run by the runner, do their work. */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { describe, expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';
import { freePort, isBound, native, type Program, run, start, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();

/** The command line of liburing's program in wasm. */
const wasm = (name: string): Program => [
  execPath,
  inRoot('dist/cli/main.js'),
  'run',
  inRoot(`build/uring/examples/${name}`),
];

const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

function makeFile(name: string, size: number): string {
  const file = join(folder, name);
  writeFileSync(file, randomBytes(size), { flush: true });
  return file;
}

describe.each(['io_uring-test', 'io_uring-close-test'])('%s', (name) => {
  it.each([100, 4096, 50_000])('reads %i bytes, and reports them like the native program', (size) => {
    const file = makeFile(`${name}-${size}`, size);
    // both fail when a short read completes before another one, which is allowed
    const patiently = (program: Program) => {
      let result = run(program, [file]);
      for (let i = 0; i < 20 && /wanted 4096/.test(result.stderr); i++) result = run(program, [file]);
      return result;
    };
    const theirs = patiently(native(name));
    expect(theirs.status).toBe(0);
    expect(patiently(wasm(name))).toEqual(theirs);
  });
});

describe.each(['io_uring-cp', 'link-cp'])('%s', (name) => {
  it.each([1, 100_000, 5_000_000])('copies %i bytes', (size) => {
    const file = makeFile(`${name}-${size}`, size);
    expect(run(wasm(name), [file, `${file}.copy`])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(digest(`${file}.copy`)).toBe(digest(file));
  });

  it('reports a missing file like the native program', () => {
    const list = [join(folder, 'nothing'), join(folder, 'copy')];
    expect(run(wasm(name), list)).toEqual(run(native(name), list));
  });
});

it.each(['poll-bench', 'rsrc-update-bench'])('%s counts operations', (name) => {
  const { status, stderr } = run(wasm(name));
  expect(status).toBe(0);
  expect(Number(/^[a-z ]+\/s: (\d+)\n$/.exec(stderr)?.[1])).toBeGreaterThan(1000);
});

it('reg-wait waits like the native program', () => {
  const theirs = run(native('reg-wait'));
  const { status, stdout } = run(wasm('reg-wait'));
  expect(status).toBe(theirs.status);
  const words = (text: string): string => text.replace(/\d+/g, '#');
  expect(words(stdout)).toBe(words(theirs.stdout));
});

it('kdigest reports like the native program, even where the kernel has no AF_ALG', () => {
  const file = makeFile('digest', 100_000);
  const theirs = run(native('kdigest'), ['sha256', file]);
  expect(run(wasm('kdigest'), ['sha256', file])).toEqual(theirs);
});

/** Sends bytes to a server, and returns its answer. */
function answer(port: number, sent: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect(port, '127.0.0.1', () => socket.write(sent));
    socket.on('error', reject).on('data', (data: Buffer) => {
      chunks.push(data);
      length += data.length;
      if (length >= sent.length) socket.end(() => resolve(Buffer.concat(chunks)));
    });
  });
}

it('echo-server serves several clients', async () => {
  const port = await freePort();
  const server = start(wasm('echo-server'), [`${port}`]);
  await server.until(() => isBound('tcp', port), 'listening');
  const sent = Array.from({ length: 5 }, () => randomBytes(2000));
  expect(await Promise.all(sent.map((bytes) => answer(port, bytes)))).toEqual(sent);
});

it('io_uring-udp sends datagrams back', async () => {
  const server = start(wasm('io_uring-udp'), ['-v']);
  await server.until(() => /port bound to \d+/.test(server.stderr), 'binding');
  const port = Number(/port bound to (\d+)/.exec(server.stderr)?.[1]);
  const sent = randomBytes(1000);
  const socket = createSocket('udp4');
  const back = new Promise((resolve) => socket.once('message', resolve));
  socket.send(sent, port, '127.0.0.1');
  expect(await back).toEqual(sent);
  socket.close();
});

it('napi-busy-poll: a client in wasm, a native server', async () => {
  const port = await freePort();
  const common = ['-a', '127.0.0.1', '-p', `${port}`, '-n', '100'];
  const server = start(native('napi-busy-poll-server'), ['-l', ...common]);
  await server.until(() => isBound('udp', port), 'listening');
  const client = await start(wasm('napi-busy-poll-client'), common).result();
  expect(client.stdout).toMatch(/ rtt\(us\) min\/avg\/max\/mdev = (\d+\.\d{3}\/){3}\d+\.\d{3}\n$/);
  expect({ client: client.status, server: (await server.result()).status }).toEqual({ client: 0, server: 0 });
});

it('send-zerocopy: a thread in wasm sends to a native receiver', async () => {
  const port = await freePort();
  const common = ['-4', '-p', `${port}`, '-t', '0'];
  const receiver = start(native('send-zerocopy'), [...common, '-R', 'tcp']);
  await receiver.until(() => isBound('tcp', port), 'listening');
  const sender = await start(wasm('send-zerocopy'), [...common, '-D', '127.0.0.1', '-n', '1', 'tcp']).result();
  expect({ status: sender.status, stderr: sender.stderr }).toEqual({ status: 0, stderr: '' });
  expect(Number(/^packets=(\d+)/m.exec(sender.stdout)?.[1])).toBeGreaterThan(0);
});

it('proxy counts what it receives, in its own threads, until SIGINT', async () => {
  const port = await freePort();
  const proxy = start(wasm('proxy'), ['-r', `${port}`, '-H', '127.0.0.1', '-s1', '-b4096']);
  await proxy.until(() => isBound('tcp', port), 'listening');
  // its stdout, a pipe, is written at its end; it closes a connection after it has counted
  for (const size of [100_000, 500_000]) {
    const socket = connect(port, '127.0.0.1').resume().end(randomBytes(size));
    await new Promise((resolve) => socket.once('close', resolve));
  }
  proxy.process.kill('SIGINT');
  const { status, stdout, stderr } = await proxy.result();
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
  expect(stdout).toContain('in_bytes=100000 (Kb 97), out_bytes=0 (Kb 0)');
  expect(stdout).toContain('in_bytes=500000 (Kb 488), out_bytes=0 (Kb 0)');
});
