/** The echo servers, in TypeScript and in C, with the same clients. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  all,
  freePort,
  isBound,
  type Program,
  type Running,
  run,
  start,
  temporaryFolder,
} from '../support/programs.js';

const folder = temporaryFolder();

describe.each(all('echo-server'))('echo-server in $language', ({ program }) => {
  async function listening(): Promise<number> {
    const port = await freePort();
    const server = start(program, [`${port}`]);
    await server.until(() => isBound('tcp', port), 'listening');
    return port;
  }

  it('reports where it listens', async () => {
    const port = await freePort();
    const server = start(program, [`${port}`]);
    await server.until(() => server.stdout.includes('\n'), 'a line of stdout');
    expect(server.stdout).toBe(`echo server listening on port ${port}\n`);
  });

  it('sends back what nc sends', async () => {
    const port = await listening();
    const file = join(folder, 'sent');
    writeFileSync(file, randomBytes(100_000));
    // until nothing comes for a second: at a FIN, the server closes although it has data to send, as in C
    const script = `nc -w 1 127.0.0.1 ${port} < '${file}' > '${file}.back'`;
    expect(run(['sh', '-c', script])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(`${file}.back`).equals(readFileSync(file))).toBe(true);
  });

  it('serves 100 clients at the same time', async () => {
    const port = await listening();
    // one message at a time from each: in C, a client that meets an empty buffer ring is not always served again
    const echo = (sent: Buffer): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        let length = 0;
        const send = (): boolean => socket.write(sent.subarray(length, length + 1000));
        const socket = connect(port, '127.0.0.1', send);
        socket.on('error', reject).on('data', (data: Buffer) => {
          chunks.push(data);
          length += data.length;
          if (length >= sent.length) socket.end(() => resolve(Buffer.concat(chunks)));
          else if (length % 1000 === 0) send();
        });
      });
    const sent = Array.from({ length: 100 }, () => randomBytes(50_000));
    const back = await Promise.all(sent.map(echo));
    expect(back.every((bytes, i) => bytes.equals(sent[i] as Buffer))).toBe(true);
  });
});

it('echo-server reports a port that is taken like C', async () => {
  const port = await freePort();
  const programs = all('echo-server').map(({ program }) => program);
  const server = start(programs[0] as Program, [`${port}`]);
  await server.until(() => isBound('tcp', port), 'listening');
  for (const program of programs) {
    expect(run(program, [`${port}`])).toEqual({ status: 1, stdout: '', stderr: 'bind(): Address already in use\n' });
  }
});

describe.each(all('io_uring-udp'))('io_uring-udp in $language', ({ program }) => {
  /** Sends datagrams, and returns what comes back, in the order of sending. */
  function exchange(type: 'udp4' | 'udp6', port: number, sent: readonly Buffer[]): Promise<Buffer[]> {
    const socket = createSocket(type);
    const back: Buffer[] = [];
    return new Promise((resolve, reject) => {
      const next = (): void => {
        const datagram = sent[back.length];
        if (datagram) socket.send(datagram, port, type === 'udp4' ? '127.0.0.1' : '::1');
        else socket.close(() => resolve(back));
      };
      socket.on('error', reject).on('message', (message) => {
        back.push(message);
        next();
      });
      next();
    });
  }

  async function bound(server: Running): Promise<number> {
    await server.until(() => /port bound to \d+/.test(server.stderr), 'binding');
    return Number(/port bound to (\d+)/.exec(server.stderr)?.[1]);
  }

  it.each(['udp4', 'udp6'] as const)('echoes over %s, and reports it with -v', async (type) => {
    const server = start(program, type === 'udp6' ? ['-v', '-6'] : ['-v']);
    const sent = [1, 100, 3000].map((size) => randomBytes(size));
    const port = await bound(server);
    expect(isBound(type === 'udp6' ? 'udp6' : 'udp', port)).toBe(true);
    expect(await exchange(type, port, sent)).toEqual(sent);
    await server.until(() => server.stderr.includes('received 3000'), 'the last line');
    const [size, address] = type === 'udp6' ? [28, '::1'] : [16, '127.0.0.1'];
    expect(server.stderr.replace(/:\d+$/gm, ':PORT').split('\n').slice(1)).toEqual([
      ...[1, 100, 3000].map((length) => `received ${length} bytes ${size} from [${address}]:PORT`),
      '',
    ]);
  });

  it('echoes more datagrams than it has buffers, on the given port', async () => {
    const port = await freePort();
    const server = start(program, ['-p', `${port}`]);
    await server.until(() => isBound('udp', port), 'binding');
    const sent = Array.from({ length: 2500 }, (_, i) => Buffer.from(`datagram ${i}`));
    expect(await exchange('udp4', port, sent)).toEqual(sent);
    expect(server.stderr).toBe('');
  });

  it('reports a datagram that is larger than a buffer', async () => {
    const server = start(program, ['-b', '9']);
    const port = await bound(server);
    const socket = createSocket('udp4');
    socket.send(Buffer.alloc(1000), port, '127.0.0.1', () => socket.close());
    await server.until(() => server.stderr.includes('truncated'), 'a word on that');
    // of the 512 bytes, 16 are the header's and 128 the name's
    expect(server.stderr).toContain('truncated msg need 1000 received 368\n');
  });

  it('prints its usage', () => {
    const { status, stderr } = run(program, ['-x']);
    expect(status).toBe(255);
    expect(stderr).toMatch(/^Usage: \S+ \[-p port\] \[-b log2\(BufferSize\)\] \[-6\] \[-v\]$/m);
  });
});
