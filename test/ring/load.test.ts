/** Rings under load. Every byte is checked. */
import { describe, expect, it } from 'vitest';
import { type Run, runScript } from '../support/subprocess.js';

function run(source: string): unknown {
  const { status, signal, stdout, stderr }: Run = runScript(`import { Ring } from 'liburing-wasm';\n${source}`);
  expect(stderr).toBe('');
  expect({ status, signal }).toEqual({ status: 0, signal: null });
  return JSON.parse(stdout);
}

describe('under load', () => {
  it('a million reads at depth 128, each buffer checked', () => {
    // each block of the file contains its own offset
    const result = run(`
      import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
      import { tmpdir } from 'node:os';
      import { join } from 'node:path';
      const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
      const SIZE = 512, BLOCKS = 8192, READS = 1_000_000, DEPTH = 128;
      const fd = openSync(join(folder, 'file'), 'w+');
      const contents = new Uint32Array(SIZE * BLOCKS / 4).map((_, word) => Math.imul(word, 2654435761));
      writeSync(fd, contents);
      const ring = new Ring({ entries: DEPTH });
      let next = 0, wrong = 0, most = 0;
      const reader = async (seed) => {
        const block = new Uint32Array(SIZE / 4);
        let state = seed;
        while (next < READS) {
          next++;
          state = Math.imul(state, 1664525) + 1013904223 >>> 0;
          const first = (state >>> 8) % BLOCKS * (SIZE / 4);
          block.fill(0);
          const count = await ring.read(fd, block, SIZE, first * 4);
          if (count !== SIZE) wrong++;
          for (let word = 0; word < SIZE / 4; word++) if (block[word] !== contents[first + word]) wrong++;
        }
      };
      const readers = Array.from({ length: DEPTH }, (_, index) => reader(index + 1));
      most = ring.pending;
      await Promise.all(readers);
      console.log(JSON.stringify({ reads: next, wrong, most, pending: ring.pending }));
      await ring.close();
      closeSync(fd);
      rmSync(folder, { recursive: true });
    `);
    expect(result).toEqual({ reads: 1_000_000, wrong: 0, most: 128, pending: 0 });
  }, 120_000);

  it('1,000 echo clients, each byte checked', () => {
    const result = run(`
      import { closeSync, readFileSync } from 'node:fs';
      const CLIENTS = 1000, ROUNDS = 5;
      const [AF_INET, SOCK_STREAM, MSG_WAITALL, SHUT_WR] = [2, 1, 0x100, 1];
      const server = new Ring({ entries: 1024, cqEntries: 8192 });
      const clients = new Ring({ entries: 1024, cqEntries: 8192 });
      const fd = await server.socket(AF_INET, SOCK_STREAM);
      await server.bind(fd, { address: '127.0.0.1', port: 0 });
      await server.listen(fd, 4096);
      const inode = /\\d+/.exec((await import('node:fs')).readlinkSync('/proc/self/fd/' + fd))[0];
      const row = readFileSync('/proc/self/net/tcp', 'utf8').split('\\n').map((line) => line.trim().split(/\\s+/)).find((columns) => columns[9] === inode);
      const port = parseInt(row[1].split(':')[1], 16);
      const buffers = server.bufferRing({ entries: 512, size: 1024 });
      let echoed = 0, most = 0, open = 0;
      const serve = async (socket) => {
        open++;
        most = Math.max(most, open);
        for await (const data of server.recv_multishot(socket, buffers)) {
          const { bytes } = data;
          for (let sent = 0; sent < bytes.length;) sent += await server.send(socket, bytes.subarray(sent));
          echoed += bytes.length;
          data.release();
        }
        open--;
        await server.close_fd(socket);
      };
      const accepting = server.multishot_accept(fd, 0, { highWaterMark: CLIENTS });
      const served = (async () => {
        const all = [];
        for await (const socket of accepting) if (all.push(serve(socket)) === CLIENTS) break;
        await Promise.all(all);
      })();
      let wrong = 0, bytes = 0, connected = 0, go;
      const everybody = new Promise((resolve) => { go = resolve; });
      const client = async (id) => {
        const socket = await clients.socket(AF_INET, SOCK_STREAM);
        await clients.connect(socket, { address: '127.0.0.1', port });
        if (++connected === CLIENTS) go();
        await everybody;
        for (let round = 0; round < ROUNDS; round++) {
          const message = Buffer.alloc(100 + (id * 37 + round * 211) % 3000);
          for (let at = 0; at < message.length; at++) message[at] = id * 7 + round * 13 + at * 31;
          const back = Buffer.alloc(message.length);
          const receiving = clients.recv(socket, back, back.length, MSG_WAITALL);
          for (let sent = 0; sent < message.length;) sent += await clients.send(socket, message.subarray(sent));
          if (await receiving !== message.length || !back.equals(message)) wrong++;
          bytes += message.length;
        }
        await clients.shutdown(socket, SHUT_WR);
        if (await clients.recv(socket, Buffer.alloc(1)) !== 0) wrong++;
        await clients.close_fd(socket);
      };
      await Promise.all([...Array(CLIENTS).keys()].map(client));
      await served;
      console.log(JSON.stringify({ wrong, same: bytes === echoed, most, held: buffers.held, pending: [server.pending, clients.pending] }));
      await Promise.all([server.close(), clients.close()]);
      closeSync(fd);
    `);
    expect(result).toEqual({ wrong: 0, same: true, most: 1000, held: 0, pending: [0, 0] });
  }, 120_000);
});
