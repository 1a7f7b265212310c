/** Multishot operations: their items, their end, their errors. multishot.test.ts tests the iterators. */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AF_INET, POLLHUP, POLLIN, SOCK_STREAM } from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';
import { closing, connection, listen, named, portOf, udp } from '../../support/sockets.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('multishot', () => {
  it('multishot_accept', async () => {
    const ring = openRing();
    const { fd, port } = await listen(ring);
    const clients = await Promise.all([1, 2, 3].map(async () => closing(await ring.socket(AF_INET, SOCK_STREAM))));
    const accepting = ring.multishot_accept(fd);
    for (const client of clients) await ring.connect(client, { address: '127.0.0.1', port });
    let count = 0;
    for await (const server of accepting) {
      closing(server);
      await ring.send(server, Buffer.from('hello'));
      if (++count === 3) break;
    }
    for (const client of clients) expect(await ring.recv(client, Buffer.alloc(5))).toBe(5);
    expect(ring.pending).toBe(0);
    await fails(ring.multishot_accept(clients[0] ?? -1).next(), 'EINVAL');
    await fails(ring.multishot_accept(-1).next(), 'EBADF');
  });

  it('multishot_accept_direct', async () => {
    const ring = openRing();
    ring.registerFiles(4);
    const { fd, port } = await listen(ring);
    const client = closing(await ring.socket(AF_INET, SOCK_STREAM));
    const accepting = ring.multishot_accept_direct(fd);
    await ring.connect(client, { address: '127.0.0.1', port });
    const { value: server } = await accepting.next();
    if (!server) throw new Error('no connection');
    expect(await ring.send(server, Buffer.from('hello'))).toBe(5);
    expect(await ring.recv(client, Buffer.alloc(5))).toBe(5);
    await accepting.return();
    await fails(ring.multishot_accept_direct(client).next(), 'EINVAL');
  });

  it('recv_multishot', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 4, size: 16 });
    const receiving = ring.recv_multishot(server, buffers);
    const long = 'a text that needs more than one of the buffers';
    await ring.send(client, Buffer.from(long));
    await ring.shutdown(client, 1);
    let all = '';
    for await (const buffer of receiving) {
      all += text(buffer.bytes);
      buffer.release();
    }
    expect(all).toBe(long);
    expect(buffers.held).toBe(0);
    await fails(
      ring.recv_multishot(await closing(await ring.socket(AF_INET, SOCK_STREAM)), buffers).next(),
      'ENOTCONN',
    );
  });

  it('recvmsg_multishot', async () => {
    const ring = openRing();
    const [one, two, three] = [await udp(ring), await udp(ring), await named(ring)];
    const buffers = ring.bufferRing({ entries: 4, size: 256 });
    const receiving = ring.recvmsg_multishot(one.fd, buffers);
    const name = { address: '127.0.0.1', port: one.port };
    for (const word of ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'])
      await ring.sendto(two.fd, Buffer.from(word), word.length, 0, name);
    const words: string[] = [];
    for await (const message of receiving) {
      expect(message.name).toEqual({ address: '127.0.0.1', port: two.port });
      expect(message.control.length).toBe(0);
      expect(message.flags).toBe(0);
      words.push(text(message.bytes));
      message.release();
      if (words.length === 6) break;
    }
    expect(words).toEqual(['first', 'second', 'third', 'fourth', 'fifth', 'sixth']);
    expect(portOf(one.fd, 'udp')).toBe(one.port);

    const fromNames = ring.recvmsg_multishot(three.fd, buffers);
    const four = await named(ring);
    await ring.sendto(four.fd, Buffer.from('by name'), 7, 0, three.address);
    const { value: message } = await fromNames.next();
    expect(message?.name).toEqual(four.address);
    message?.release();
    await fromNames.return();

    const small = ring.bufferRing({ entries: 2, size: 64 });
    const truncated = ring.recvmsg_multishot(one.fd, small, 0, { nameLength: 16 });
    await ring.sendto(two.fd, Buffer.alloc(100, 'x'), 100, 0, name);
    const { value: cut } = await truncated.next();
    expect(cut?.flags).toBe(0x20); // MSG_TRUNC
    expect(cut && text(cut.bytes)).toBe('x'.repeat(64 - 16 - 16));
    cut?.release();
    await truncated.return();
    // no room for a name of 128 bytes
    const none = ring.recvmsg_multishot(one.fd, small);
    await ring.sendto(two.fd, Buffer.from('x'), 1, 0, name);
    await fails(none.next(), 'EFAULT');
    expect(buffers.held + small.held).toBe(0);
  });

  it('read_multishot', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()) as [number, number];
    closing(input);
    const buffers = ring.bufferRing({ entries: 2, size: 8 });
    const reading = ring.read_multishot(input, buffers);
    writeSync(output, 'through a pipe');
    closeSync(output);
    let all = '';
    for await (const buffer of reading) {
      all += text(buffer.bytes);
      buffer.release();
    }
    expect(all).toBe('through a pipe');
    // a file is always readable
    await fails(ring.read_multishot(closing(await ring.open('/etc/passwd')), buffers).next(), 'EBADFD');
    expect(readFileSync('/etc/passwd').length).toBeGreaterThan(0);
  });

  it('poll_multishot', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()) as [number, number];
    closing(input);
    const polling = ring.poll_multishot(input, POLLIN);
    writeSync(output, 'x');
    expect(await polling.next()).toEqual({ done: false, value: POLLIN });
    const next = polling.next();
    writeSync(output, 'x');
    expect(await next).toEqual({ done: false, value: POLLIN });
    closeSync(output);
    const { value } = await polling.next();
    expect((value ?? 0) & POLLHUP).toBe(POLLHUP);
    await polling.return();
    await fails(ring.poll_multishot(-1, POLLIN).next(), 'EBADF');
    expect(ring.pending).toBe(0);
  });

  it('timeout_multishot', async () => {
    const ring = openRing();
    const ticks: number[] = [];
    const start = performance.now();
    for await (const tick of ring.timeout_multishot(5, 4)) ticks.push(tick);
    expect(ticks).toEqual([1, 2, 3, 4]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(19);
    for await (const tick of ring.timeout_multishot(1)) if (tick === 3) break;
    expect(ring.pending).toBe(0);
    await fails(ring.timeout_multishot(1, 1, 1 << 20).next(), 'EINVAL');
  });
});
