/** The iterators of multishot operations: pausing, leaving the loop, waiting for buffers, signals. */
import { closeSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Multishot, type ReceivedBuffer } from '../../src/index.js';
import { AF_INET, POLLIN, SOCK_STREAM } from '../../src/linux.js';
import { openFiles } from '../support/descriptors.js';
import { openRing } from '../support/observed.js';
import { closing, connection, listen, udp } from '../support/sockets.js';
import { until } from '../support/until.js';

const text = (buffer: ReceivedBuffer): string => Buffer.from(buffer.bytes).toString();

describe('back-pressure', () => {
  it('pauses when more than highWaterMark items wait, and loses nothing', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 64, size: 1 });
    const receiving = ring.recv_multishot(server, buffers, 0, { highWaterMark: 4 });
    const all = Buffer.from(Array.from({ length: 200 }, (_, index) => index));
    await ring.send(client, all);
    await until(() => receiving.length >= 4 && ring.pending === 0);
    // more items had come before the kernel handled the cancellation
    expect(buffers.held).toBeLessThanOrEqual(64);
    const bytes: number[] = [];
    for await (const buffer of receiving) {
      expect(buffer.length).toBe(1);
      bytes.push(buffer.bytes[0] ?? -1);
      buffer.release();
      if (bytes.length === 200) break;
    }
    expect(bytes).toEqual([...all]);
    expect(buffers.held).toBe(0);
    expect(ring.pending).toBe(0);
  });

  it('pauses accepting connections, and continues later', async () => {
    const ring = openRing();
    const { fd, port } = await listen(ring);
    const accepting = ring.multishot_accept(fd, 0, { highWaterMark: 2 });
    const clients: number[] = [];
    for (let index = 0; index < 10; index++) {
      const client = closing(await ring.socket(AF_INET, SOCK_STREAM));
      await ring.connect(client, { address: '127.0.0.1', port });
      clients.push(client);
    }
    await until(() => ring.pending === 0);
    expect(accepting.length).toBeGreaterThanOrEqual(2);
    let count = 0;
    for await (const connected of accepting) {
      closing(connected);
      if (++count === 10) break;
    }
    expect(count).toBe(10);
  });

  it('refuses a mark that is no positive integer', () => {
    const ring = openRing();
    for (const highWaterMark of [0, -1, 1.5, Number.NaN, '4' as never]) {
      expect(() => ring.poll_multishot(0, POLLIN, { highWaterMark })).toThrow(
        'highWaterMark must be a positive integer',
      );
    }
    expect(ring.pending).toBe(0);
  });
});

describe('leaving the loop', () => {
  it('ends the request, gives buffers back, and closes connections that nobody took', async () => {
    const ring = openRing();
    const { fd, port } = await listen(ring);
    const clients = await Promise.all([1, 2, 3].map(async () => closing(await ring.socket(AF_INET, SOCK_STREAM))));
    const before = openFiles();
    const accepting = ring.multishot_accept(fd);
    for (const client of clients) await ring.connect(client, { address: '127.0.0.1', port });
    await until(() => accepting.length === 3);
    expect(openFiles()).toBe(before + 3);
    for await (const connected of accepting) {
      closeSync(connected);
      break;
    }
    expect(openFiles()).toBe(before);
    expect(ring.pending).toBe(0);
    expect(await accepting.next()).toEqual({ done: true, value: undefined });

    const buffers = ring.bufferRing({ entries: 8, size: 4 });
    const [client, server] = await connection(ring);
    const receiving = ring.recv_multishot(server, buffers);
    await ring.send(client, Buffer.from('sixteen bytes...'));
    await until(() => receiving.length === 4);
    expect(buffers.held).toBe(4);
    await receiving.return();
    expect(buffers.held).toBe(0);
    expect(ring.pending).toBe(0);
  });

  it('closes direct descriptors that nobody took', async () => {
    const ring = openRing();
    const files = ring.registerFiles(2);
    const { fd, port } = await listen(ring);
    for (let round = 0; round < 5; round++) {
      const accepting = ring.multishot_accept_direct(fd);
      const client = closing(await ring.socket(AF_INET, SOCK_STREAM));
      await ring.connect(client, { address: '127.0.0.1', port });
      await until(() => accepting.length === 1);
      await accepting.return();
      await until(() => ring.pending === 0);
    }
    // all slots are free
    await ring.open_direct('/dev/null', 0, 0, files.at(0));
    expect((await ring.open_direct('/dev/null')).index).toBe(1);
  });

  it('by an exception in its body', async () => {
    const ring = openRing();
    const loop = async (): Promise<void> => {
      for await (const tick of ring.timeout_multishot(1)) if (tick === 2) throw new Error('in the body');
    };
    await expect(loop()).rejects.toThrow('in the body');
    expect(ring.pending).toBe(0);
  });

  it('by asyncDispose, while next() waits', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const polling = ring.poll_multishot(input, POLLIN);
    expect(polling).toBeInstanceOf(Multishot);
    const next = polling.next();
    ring.submit();
    await polling[Symbol.asyncDispose]();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(ring.pending).toBe(0);
    await polling.return();
  });
});

describe('buffers that run out', () => {
  it('and come back: the iteration continues', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 2, size: 4 });
    const receiving = ring.recv_multishot(server, buffers);
    await ring.send(client, Buffer.from('0123456789abcdefghij'));
    await until(() => buffers.held === 2 && ring.pending === 0);
    let all = '';
    const held: ReceivedBuffer[] = [];
    while (all.length < 20) {
      const { value } = await receiving.next();
      if (!value) break;
      all += text(value);
      held.push(value);
      // always one late
      if (held.length === 2) for (const buffer of held.splice(0)) buffer.release();
    }
    expect(all).toBe('0123456789abcdefghij');
    for (const buffer of held) buffer.release();
    await receiving.return();
    expect(buffers.held).toBe(0);
  });

  it('are shared by several iterations that wait', async () => {
    const ring = openRing();
    const pairs = [await connection(ring), await connection(ring), await connection(ring)];
    const buffers = ring.bufferRing({ entries: 2, size: 8 });
    const received = pairs.map(async ([, server]) => {
      let all = '';
      for await (const buffer of ring.recv_multishot(server, buffers)) {
        await sleep(1);
        all += text(buffer);
        buffer.release();
      }
      return all;
    });
    const sent = pairs.map((_, index) => `${index}`.repeat(100));
    await Promise.all(
      pairs.map(async ([client], index) => {
        await ring.send(client, Buffer.from(sent[index] ?? ''));
        await ring.shutdown(client, 1);
      }),
    );
    expect(await Promise.all(received)).toEqual(sent);
  });

  it('the loop is left while it waits for some', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 1, size: 4 });
    const receiving = ring.recv_multishot(server, buffers);
    await ring.send(client, Buffer.from('12345678'));
    await until(() => buffers.held === 1 && ring.pending === 0);
    const { value } = await receiving.next();
    await receiving.return();
    value?.release();
    expect(ring.pending).toBe(0);
    expect(await ring.nop()).toBe(0);
  });

  it('and never come back, as the ring is closed', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 1, size: 4 });
    const receiving = ring.recv_multishot(server, buffers);
    await ring.send(client, Buffer.from('12345678'));
    await until(() => buffers.held === 1 && ring.pending === 0);
    await receiving.next();
    const next = receiving.next();
    buffers.close();
    await expect(next).rejects.toMatchObject({ code: 'ENOBUFS', syscall: 'recv' });
    expect(ring.pending).toBe(0);
  });
});

describe('AbortSignal', () => {
  it('ends the iteration with the reason', async () => {
    const ring = openRing();
    const { fd } = await udp(ring);
    const buffers = ring.bufferRing({ entries: 2, size: 256 });
    for (const start of [
      (signal: AbortSignal) => ring.poll_multishot(fd, POLLIN, { signal }),
      (signal: AbortSignal) => ring.recvmsg_multishot(fd, buffers, 0, { signal }),
      (signal: AbortSignal) => ring.timeout_multishot(100_000, 0, 0, { signal }),
    ]) {
      const controller = new AbortController();
      const iterator = start(controller.signal);
      const next = iterator.next();
      ring.submit();
      controller.abort(new Error('enough'));
      await expect(next).rejects.toThrow('enough');
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      await until(() => ring.pending === 0);
      expect(() => start(controller.signal)).toThrow('enough');
    }
    expect(ring.pending).toBe(0);
  });
});

describe('closing the ring', () => {
  it('ends the loop with ECANCELED', async () => {
    const ring = openRing();
    const { fd } = await listen(ring);
    const next = ring.multishot_accept(fd).next();
    ring.submit();
    await ring.close();
    await expect(next).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'accept' });
  });

  it('also where it was paused, or waited for buffers', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 16, size: 1 });
    const paused = ring.recv_multishot(server, buffers, 0, { highWaterMark: 1 });
    await ring.send(client, Buffer.from('123456'));
    await until(() => paused.length > 0 && ring.pending === 0);

    const [other, another] = await connection(ring);
    const few = ring.bufferRing({ entries: 1, size: 1 });
    const starved = ring.recv_multishot(another, few);
    await ring.send(other, Buffer.from('12'));
    await until(() => few.held === 1 && ring.pending === 0);
    await starved.next();
    const waiting = starved.next();

    const count = paused.length;
    await ring.close();
    for (let index = 0; index < count; index++) expect((await paused.next()).done).toBe(false);
    await expect(paused.next()).rejects.toMatchObject({ code: 'ECANCELED' });
    await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
  });
});

it('continues after the CQ ring was full', async () => {
  const ring = openRing({ entries: 4, cqEntries: 4 });
  const [input, output] = (await ring.pipe()).map(closing) as [number, number];
  const buffers = ring.bufferRing({ entries: 64, size: 1 });
  const reading = ring.read_multishot(input, buffers, 0, -1, { highWaterMark: 1000 });
  ring.submit();
  let all = '';
  for (let round = 0; round < 20; round++) {
    const part = String.fromCharCode(97 + round).repeat(32);
    writeSync(output, part);
    for (let index = 0; index < 32; index++) {
      const { value } = await reading.next();
      if (value) all += text(value);
      value?.release();
    }
  }
  expect(all).toBe(Array.from({ length: 20 }, (_, round) => String.fromCharCode(97 + round).repeat(32)).join(''));
  await reading.return();
});

it('many at once each get their own items', async () => {
  const ring = openRing();
  const counts = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      let count = 0;
      for await (const tick of ring.timeout_multishot(1, 0, 0, { highWaterMark: 1 + (index % 3) })) {
        count = tick;
        if (tick === index + 1) break;
      }
      return count;
    }),
  );
  expect(counts).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(ring.pending).toBe(0);
});
