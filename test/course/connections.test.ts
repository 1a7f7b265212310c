/** The exercises with many connections. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { describe, expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';
import { compile, freePort, isBound, type Program, port, run, start, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();
const MiB = 1024 * 1024;

describe('idle-connections', () => {
  const CONNECTIONS = 10_000;
  const SIZE = 16 * 1024;
  const ACTIVE = 5;
  const clients = compile(folder, 'idle-clients', readFileSync(inRoot('test/course/idle-clients.c'), 'utf8'));

  interface Held {
    connections: number;
    buffers: number;
    most: number;
    rss: number;
  }

  /**
   * The buffers that the server holds without connections, with idle ones, with a few active ones, and with idle ones
   * again.
   */
  async function measure(...list: string[]): Promise<Record<'empty' | 'idle' | 'active' | 'again', Held>> {
    const number = await freePort();
    const server = start(port('course/06-idle-connections'), [...list, `${number}`, `${CONNECTIONS}`], 'pipe');
    await server.until(() => isBound('tcp', number), 'listening');
    let answers = 0;
    const held = async (): Promise<Held> => {
      server.process.stdin?.write('\n');
      answers++;
      await server.until(() => server.stdout.split('\n').length > answers, 'an answer');
      return JSON.parse(server.stdout.split('\n')[answers - 1] as string) as Held;
    };
    const empty = await held();
    const client = start(clients, [`${number}`, `${CONNECTIONS}`, `${SIZE}`], 'pipe');
    const say = async (line: string | undefined, answer: string, times: number): Promise<void> => {
      if (line) client.process.stdin?.write(`${line}\n`);
      await client.until(() => client.stdout.split(answer).length > times, answer);
    };
    await say(undefined, 'idle', 1);
    const idle = await held();
    await say(`${ACTIVE}`, 'active', 1);
    const active = await held();
    await say('0', 'active', 2);
    const again = await held();
    expect(client.stderr).toBe('');
    expect(server.stderr).toBe('');
    return { empty, idle, active, again };
  }

  it(`holds as many buffers as there are connections with data, of ${CONNECTIONS}`, async () => {
    const shared = await measure();
    expect(shared.empty).toMatchObject({ connections: 0, buffers: 0 });
    // each has sent and received a buffer full of bytes, and the client has checked them all
    expect(shared.idle).toMatchObject({ connections: CONNECTIONS, buffers: 0 });
    expect(shared.active).toMatchObject({ connections: CONNECTIONS, buffers: ACTIVE, most: ACTIVE });
    expect(shared.again).toMatchObject({ connections: CONNECTIONS, buffers: 0 });

    const own = await measure('--own');
    expect(own.idle).toMatchObject({ connections: CONNECTIONS, buffers: CONNECTIONS });
    const [a, b] = [shared, own].map(({ empty, idle }) => idle.rss - empty.rss) as [number, number];
    console.log(`${CONNECTIONS} idle connections take ${a / MiB} MiB; with a buffer each, ${b / MiB} MiB`);
    // the buffers' bytes are most of the difference; the rest of a connection is the same
    expect(b - a).toBeGreaterThan(0.75 * CONNECTIONS * SIZE);
    expect(a).toBeLessThan((CONNECTIONS * SIZE) / 2);
  }, 180_000);
});

describe('many-clients', () => {
  const program = port('course/07-many-clients');

  async function listening(): Promise<number> {
    const number = await freePort();
    const server = start(program, [`${number}`]);
    await server.until(() => server.stdout.includes('listening'), 'listening');
    return number;
  }

  it('answers 500 clients at once with the hash of what each has sent', async () => {
    const number = await listening();
    const ask = (data: Buffer): Promise<string> =>
      new Promise((resolve, reject) => {
        let answer = '';
        const socket = connect({ port: number, host: '127.0.0.1', allowHalfOpen: true });
        socket.setEncoding('utf8').on('error', reject);
        socket.on('data', (text: string) => (answer += text)).on('end', () => resolve(answer));
        // in pieces, so that those of different clients alternate
        for (let at = 0; at < data.length; at += 30_000) socket.write(data.subarray(at, at + 30_000));
        socket.end();
      });
    const sent = Array.from({ length: 500 }, (_, i) => randomBytes(i * 400));
    const answers = await Promise.all(sent.map(ask));
    expect(answers).toEqual(sent.map((data) => `${createHash('sha256').update(data).digest('hex')}  -\n`));
  });

  it('reports the hash that sha256sum computes for a file that nc sends', async () => {
    const number = await listening();
    const file = join(folder, 'hashed');
    writeFileSync(file, randomBytes(3_000_000));
    const theirs = run(['sh', '-c', `sha256sum < '${file}'`]);
    expect(run(['sh', '-c', `nc -N 127.0.0.1 ${number} < '${file}'`])).toEqual(theirs);
  });
});

describe('socket-options', () => {
  it('reports what it reads, before and after it sets something', () => {
    const { status, stdout } = run(port('course/07-socket-options'));
    expect(status).toBe(0);
    const [before, after] = stdout.split('\n\n').map((part) => part.trim().split(/\s+/));
    expect(before).toEqual(['SO_REUSEADDR', '0', 'SO_KEEPALIVE', '0', 'SO_RCVBUF', expect.any(String), 'SO_TYPE', '1']);
    expect(after).toEqual(['SO_REUSEADDR', '1', 'SO_KEEPALIVE', '1', 'SO_RCVBUF', '65536', 'SO_TYPE', '1']);
  });

  it('agrees with getsockopt(2) and setsockopt(2) of another process with the same socket', () => {
    const inC: Program = compile(
      folder,
      'options',
      `#include <stdio.h>
       #include <sys/socket.h>
       static int get(int name) {
         int value = -1;
         socklen_t length = sizeof(value);
         getsockopt(3, SOL_SOCKET, name, &value, &length);
         return value;
       }
       int main(void) {
         int one = 1;
         printf("%d %d %d %d", get(SO_REUSEADDR), get(SO_KEEPALIVE), get(SO_RCVBUF), get(SO_TYPE));
         return setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
       }`,
    );
    const text = `
      import { execFileSync } from 'node:child_process';
      import { Ring } from 'liburing-wasm';
      import { AF_INET, SOCK_DGRAM } from 'liburing-wasm/linux';
      import { getOption, setOption } from './build/examples/course/07-socket-options.js';
      const ring = new Ring();
      const socket = ring.registerFiles(1).at(0);
      await ring.socket_direct(AF_INET, SOCK_DGRAM, 0, socket);
      await setOption(ring, socket, 'SO_REUSEADDR', 1);
      await setOption(ring, socket, 'SO_RCVBUF', 10000);
      // an ordinary descriptor of the same socket, for the process to inherit
      const fd = await ring.fixed_fd_install(socket, 0);
      console.log(execFileSync(${JSON.stringify(inC[0])}, { stdio: ['ignore', 'pipe', 'inherit', fd], encoding: 'utf8' }));
      console.log(await getOption(ring, socket, 'SO_KEEPALIVE'));
      await ring.close();`;
    const { stdout, stderr } = spawnSync(execPath, ['--input-type=module', '-e', text], {
      cwd: inRoot(''),
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: '1 0 20000 2\n1\n', stderr: '' });
  });
});
