/** A ring in other JavaScript runtimes: `make runtimes` installs them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runtimeCommand, runtimes } from '../support/runtimes.js';
import { root } from '../support/subprocess.js';

const directory = mkdtempSync(join(root, 'build/runtimes-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

const script = join(directory, 'ring.mjs');
writeFileSync(
  script,
  `
import { readFileSync } from 'node:fs';
import { RequestHandle, Ring } from 'liburing-wasm';
import { AF_INET, AT_FDCWD, MSG_WAITALL, O_CREAT, O_RDWR, SHUT_WR, SOCK_STREAM } from 'liburing-wasm/linux';

function same(found, expected, what) {
  const [one, two] = [found, expected].map((value) => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each + 'n' : each)));
  if (one !== two) throw new Error(what + ': ' + one + ', expected ' + two);
}
const code = (promise) => promise.then(() => 'none', ({ code, name }) => (typeof code === 'string' ? code : name));

for (const options of [{}, { deferTaskrun: true }, { sqpoll: true, sqThreadIdle: 10 }, { entries: 4 }]) {
  const ring = new Ring(options);
  const path = process.argv[2] + '-' + JSON.stringify(options).length;

  const fd = await ring.openat(AT_FDCWD, path, O_RDWR | O_CREAT);
  same(await ring.write(fd, new TextEncoder().encode('a file'), 6, 0), 6, 'write');
  const buf = Buffer.alloc(100);
  same(await ring.read(fd, buf, 100, 0), 6, 'read');
  same(buf.toString('utf8', 0, 6), 'a file', 'what was read');
  same((await ring.statx(AT_FDCWD, path)).stx_size, 6n, 'statx');
  same(await code(ring.openat(AT_FDCWD, path + '/none')), 'ENOTDIR', 'openat');
  same(await ring.chain().fsync(fd).close_fd(fd).unlink(path).submit(), [0, 0, 0], 'chain');

  const [input, output] = await ring.pipe();
  const controller = new AbortController();
  const reading = code(ring.read(input, buf, 1, -1, { signal: controller.signal }));
  setTimeout(() => controller.abort(), 5);
  same(await reading, 'AbortError', 'abort');
  const handle = new RequestHandle();
  const late = ring.timeout(100000, 0, 0, { handle });
  ring.submit();
  await ring.timeout_update(5, handle);
  same(await late, true, 'timeout');
  const waiting = ring.read(input, buf);
  ring.submit();
  // nothing else wakes the event loop
  const writer = new Ring();
  setTimeout(() => writer.write(output, Buffer.from('x')), 20);
  same(await waiting, 1, 'pipe');
  await writer.close();

  const server = await ring.socket(AF_INET, SOCK_STREAM);
  // below the ports that the kernel chooses itself
  let port = 20000 + (process.pid * 7 + JSON.stringify(options).length) % 10000;
  while ((await code(ring.bind(server, { address: '127.0.0.1', port }))) === 'EADDRINUSE') port++;
  await ring.listen(server);
  const buffers = ring.bufferRing({ entries: 8, size: 256 });
  const echo = (async () => {
    for await (const socket of ring.multishot_accept(server)) {
      for await (const data of ring.recv_multishot(socket, buffers)) {
        await ring.send(socket, data.bytes, data.length, MSG_WAITALL);
        data.release();
      }
      await ring.close_fd(socket);
      break;
    }
  })();
  const client = await ring.socket(AF_INET, SOCK_STREAM);
  await ring.connect(client, { address: '127.0.0.1', port });
  const message = Buffer.from(Array.from({ length: 5000 }, (_, index) => index * 7));
  const back = Buffer.alloc(message.length);
  const receiving = ring.recv(client, back, back.length, MSG_WAITALL);
  await ring.send_zc(client, message, message.length, MSG_WAITALL);
  same(await receiving, message.length, 'recv');
  same(back.equals(message), true, 'echo');
  await ring.shutdown(client, SHUT_WR);
  await echo;
  same(buffers.held, 0, 'buffers held');

  const other = new Ring();
  const next = other.messages().next();
  await ring.msg_ring(other, 7, 8n);
  same((await next).value.data, 8n, 'message');
  await other.close();

  let ticks = 0;
  for await (const tick of ring.timeout_multishot(1)) if ((ticks = tick) === 5) break;
  same(ticks, 5, 'ticks');
  const nops = await Promise.all(Array.from({ length: 10000 }, () => ring.nop()));
  same(nops.filter((result) => result === 0).length, 10000, 'nops');
  const nop = ring.nop();
  same(ring.submitAndWait(1, { timeout: 1000 }), 1, 'submitAndWait');
  await nop;
  for (const each of [input, output, server, client]) await ring.close_fd(each);

  const [never] = await ring.pipe();
  const ended = code(ring.read(never, buf));
  ring.submit();
  await ring.close();
  same(await ended, 'ECANCELED', 'close');
}
// an open ring with nothing in flight does not keep the process alive
const last = new Ring();
await last.nop();
same(readFileSync(process.argv[1]).length > 0, true, 'the script');
console.log('fine');
`,
);

describe('a ring works in', () => {
  for (const name of runtimes) {
    it(name, (context) => {
      const command = runtimeCommand(name);
      if (command === undefined) return context.skip('it is not installed: make runtimes');
      const [program, ...flags] = command;
      const { status, stdout, stderr } = spawnSync(program, [...flags, script, join(directory, name)], {
        cwd: root,
        encoding: 'utf8',
        timeout: 60_000,
      });
      expect(stderr).toBe('');
      expect(stdout).toBe('fine\n');
      expect(status).toBe(0);
    });
  }
});
