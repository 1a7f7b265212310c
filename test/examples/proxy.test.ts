/** proxy, in both languages, between a client and a receiver that are written here. */
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  both,
  freePort,
  isBound,
  native,
  type Program,
  port,
  type Result,
  type Running,
  run,
  start,
} from '../support/programs.js';

/** Sends bytes, and ends; resolves when the other side has closed. */
function exchange(port: number, sent: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end(sent));
    socket.on('error', reject).on('close', () => resolve());
  });
}

/** Sends messages, each after the previous one has come back; resolves to what came back. */
function pingPong(port: number, messages: readonly Buffer[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const left = [...messages];
  let length = 0;
  let expected = 0;
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const message = left.shift();
      if (message) socket.write(message);
      else socket.destroy();
      expected += message?.length ?? 0;
    };
    const socket = connect({ port, host: '127.0.0.1' }, next);
    socket.on('data', (data: Buffer) => {
      chunks.push(data);
      length += data.length;
      if (length === expected) next();
    });
    socket.on('error', reject).on('close', () => resolve(Buffer.concat(chunks)));
  });
}

/** A server that keeps what it receives, of one connection. */
async function receiver(): Promise<{ port: number; received: Promise<Buffer> }> {
  const server = createServer();
  const received = new Promise<Buffer>((resolve, reject) => {
    server.on('connection', (socket) => {
      const chunks: Buffer[] = [];
      socket.on('data', (data: Buffer) => chunks.push(data)).on('error', reject);
      socket.on('end', () => {
        resolve(Buffer.concat(chunks));
        socket.end();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as { port: number }).port, received };
}

async function started(program: Program, list: readonly string[]): Promise<{ port: number; proxy: Running }> {
  const port = await freePort();
  const proxy = start(program, ['-r', `${port}`, '-H', '127.0.0.1', ...list]);
  await proxy.until(() => isBound('tcp', port), 'listening');
  return { port, proxy };
}

/** Interrupts the proxy when it has reported each direction, and returns its output. */
async function interrupted(proxy: Running, directions = 2, extended = false): Promise<Result> {
  const last = extended ? /Packets per recv\/send:\n/g : /mshot_snd=\d+\n/g;
  await proxy.until(() => (proxy.stdout.match(last) ?? []).length >= directions, 'the statistics');
  proxy.process.kill('SIGINT');
  return proxy.result();
}

/** The part of the output that does not depend on how the bytes arrived. */
function steady(stdout: string): string {
  return stdout
    .replace(/\d+(?=Mbit)|(?<=(qps|msec|rcv|snd|short|busy|enobufs|mshot_rcv|mshot_snd|in_fd|out_fd)=)\d+/g, 'N')
    .replace(/^Bandwidth.*\n|^\t bucket.*\n|^\tBW=.*\n/gm, '')
    .replace(/(?<=(send_port|receive_port)=)\d+/g, 'PORT')
    .replace(/^Event loops: \d+, events \d+, events per loop \d+\.\d+$/m, 'Event loops')
    .replace(/,(?=\d{3})/g, '');
}

const modes: [string, string[]][] = [
  ['with its defaults', []],
  ['with one receive at a time', ['-m0']],
  ['without a ring of buffers to send', ['-u0']],
  ['with sendmsg', ['-u0', '-M1']],
  ['with zero copy', ['-u0', '-z1']],
  ['with recvmsg', ['-R1', '-m0']],
  ['with bundles', ['-c1', '-C1', '-u1']],
  ['with buffers that are consumed piece by piece', ['-i1']],
  ['without deferred completions', ['-d0']],
  ['with threads that submit', ['-d0', '-S1']],
  ['with batches of completions', ['-w8', '-t250', '-x1']],
];

describe('proxy in one direction', () => {
  it.each(modes)('%s forwards what C forwards', async (_, list) => {
    // with -i1 only full buffers are forwarded, in C as well
    const sent = randomBytes(1000 * 1500);
    const outputs: string[] = [];
    for (const { language, program } of both('proxy')) {
      const { port: target, received } = await receiver();
      const { port, proxy } = await started(program, ['-p', `${target}`, '-b1500', ...list]);
      await exchange(port, sent);
      expect((await received).equals(sent), language).toBe(true);
      const { status, stdout, stderr } = await interrupted(proxy, 2, list.includes('-x1'));
      expect({ status, stderr }, language).toEqual({ status: 1, stderr: '' });
      expect(stdout).toContain('in_bytes=1500000 (Kb 1464), out_bytes=0 (Kb 0)');
      expect(stdout).toContain('in_bytes=0 (Kb 0), out_bytes=1500000 (Kb 1464)');
      outputs.push(steady(stdout));
    }
    expect(outputs[0]).toBe(outputs[1]);
  });

  it('serves several connections, each in a thread', async () => {
    const { port: target } = await receiver();
    for (const { program } of both('proxy')) {
      const { port, proxy } = await started(program, ['-p', `${target}`, '-b4096']);
      const sizes = [10_000, 20_000, 30_000];
      await Promise.all(sizes.map((size) => exchange(port, randomBytes(size))));
      const { stdout } = await interrupted(proxy, 2 * sizes.length);
      for (const size of sizes) {
        expect(stdout).toContain(`in_bytes=${size} (Kb ${size >> 10}), out_bytes=0`);
        expect(stdout).toContain(`in_bytes=0 (Kb 0), out_bytes=${size} (Kb ${size >> 10})`);
      }
    }
  });
});

describe.each(both('proxy'))('proxy as a sink in $language', ({ program }) => {
  it.each([[[]], [['-m0']], [['-c1']], [['-x1']]])('counts what it receives, with %j', async (list) => {
    const { port, proxy } = await started(program, ['-s1', '-b4096', ...list]);
    await exchange(port, randomBytes(500_000));
    const { status, stdout, stderr } = await interrupted(proxy, 1, list[0] === '-x1');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toContain('is_sink=1');
    expect(stdout).toContain('in_bytes=500000 (Kb 488), out_bytes=0 (Kb 0)');
    expect(stdout.includes('Packets per recv/send:')).toBe(list[0] === '-x1');
  });
});

it.each([
  ['TypeScript, C, TypeScript', port('proxy'), native('proxy'), port('echo-server')],
  ['C, TypeScript, C', native('proxy'), port('proxy'), native('echo-server')],
] as const)('two proxies in both directions and an echo server, in %s', async (_, first, second, echo) => {
  const echoPort = await freePort();
  const server = start(echo, [`${echoPort}`]);
  await server.until(() => isBound('tcp', echoPort), 'listening');
  const { port: inner } = await started(second, ['-B1', '-b4096', '-p', `${echoPort}`]);
  const { port: outer } = await started(first, ['-B1', '-b4096', '-p', `${inner}`]);
  // one at a time: the two directions share a buffer ring, and C relies on its order
  const sent = Array.from({ length: 200 }, (_, i) => randomBytes(1 + 20 * i));
  expect((await pingPong(outer, sent)).equals(Buffer.concat(sent))).toBe(true);
});

// C's starts a thread for a connection before it tells it the descriptor, and may receive from -1
describe('proxy with ordinary descriptors', () => {
  it('forwards what it receives', async () => {
    const sent = randomBytes(500_000);
    const { port: target, received } = await receiver();
    const { port: number, proxy } = await started(port('proxy'), ['-p', `${target}`, '-f0', '-b1500']);
    await exchange(number, sent);
    expect((await received).equals(sent)).toBe(true);
    expect((await interrupted(proxy)).stderr).toBe('');
  });

  it('can be a sink', async () => {
    const { port: number, proxy } = await started(port('proxy'), ['-s1', '-f0', '-b4096']);
    await exchange(number, randomBytes(500_000));
    const { stdout } = await interrupted(proxy, 1);
    expect(stdout).toContain('in_bytes=500000 (Kb 488), out_bytes=0 (Kb 0)');
  });
});

it.each([[['-h']], [['-B1', '-s1']], [['-K']], [['-b']]])('proxy reports like C for the arguments %j', (list) => {
  const [ours, theirs] = both('proxy').map(({ program }) => run(program, list));
  expect(theirs?.status).toBe(1);
  expect(ours?.status).toBe(1);
  expect(ours?.stdout.replace(/^\S+:$/m, 'PROGRAM:')).toBe(theirs?.stdout.replace(/^\S+:$/m, 'PROGRAM:'));
  // getopt(3) itself names the letter that it does not know
  expect(theirs?.stderr.replace(/^.*: (invalid option|option requires).*\n/m, '')).toBe(ours?.stderr);
});
