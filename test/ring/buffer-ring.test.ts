/** Buffer rings: buffers are taken for data, and go back when they are released. */
import { writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ReceivedBuffer } from '../../src/index.js';
import { AF_INET, MSG_DONTWAIT, SHUT_WR, SOCK_STREAM } from '../../src/linux.js';
import { kernelHas } from '../support/kernel.js';
import { fails, openRing } from '../support/observed.js';
import { closing, connection } from '../support/sockets.js';
import { until } from '../support/until.js';

const text = (buffer: ReceivedBuffer): string => Buffer.from(buffer.bytes).toString();

describe('a buffer ring', () => {
  it('gives buffers to read and recv', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 4, size: 8 });
    expect([buffers.entries, buffers.size, buffers.held]).toEqual([4, 8, 0]);
    for (let round = 0; round < 20; round++) {
      writeSync(output, `read ${round}`);
      const read = await ring.read(input, buffers);
      expect(text(read)).toBe(`read ${round}`);
      await ring.send(client, Buffer.from(`recv ${round}`));
      const received = await ring.recv(server, buffers, 6);
      expect(text(received)).toBe(`recv ${round}`.slice(0, 6));
      if (round >= 10) await ring.recv(server, buffers).then((rest) => rest.release());
      expect(buffers.held).toBe(2);
      read.release();
      read.release();
      received[Symbol.dispose]();
      expect(buffers.held).toBe(0);
      expect(() => read.bytes).toThrow('buffer must be held, not released');
    }
    await ring.shutdown(client, SHUT_WR);
    const end = await ring.recv(server, buffers);
    expect(end.length).toBe(0);
    end.release();
    expect(buffers.held).toBe(0);
  });

  it('resumes as many receives as there are buffers', async () => {
    const ring = openRing();
    const buffers = ring.bufferRing({ entries: 2, size: 4 });
    const pairs = await Promise.all(Array.from({ length: 5 }, () => connection(ring)));
    const streams = pairs.map(([, server]) => ring.recv_multishot(server, buffers));
    // one by one, so that the order in which they get buffers is known
    for (const [client] of pairs) await ring.send(client, Buffer.from('data'));
    const first = await Promise.all(streams.slice(0, 2).map((stream) => stream.next()));
    const rest = streams.slice(2).map((stream) => stream.next());
    await until(() => ring.pending === 2);
    expect(buffers.held).toBe(2);
    // three wait
    first[0]?.value?.release();
    expect(ring.pending).toBe(3);
    const third = await rest[0];
    expect(buffers.held).toBe(2);
    // the next in line ends without a need for the buffer, so the one behind it gets it
    expect(await ring.recv(pairs[3]?.[1] as number, Buffer.alloc(4))).toBe(4);
    first[1]?.value?.release();
    expect(ring.pending).toBe(4);
    await streams[3]?.return();
    const fifth = await rest[2];
    expect(fifth?.value && text(fifth.value)).toBe('data');
    third?.value?.release();
    fifth?.value?.release();
    await Promise.all(streams.map((stream) => stream.return()));
    expect([ring.pending, buffers.held]).toEqual([0, 0]);
  });

  it('fails with ENOBUFS when all are held, with ECANCELED, and with errors of the operation', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 2, size: 4 });
    await ring.send(client, Buffer.from('0123456789'));
    const held = [await ring.recv(server, buffers), await ring.recv(server, buffers)];
    await expect(ring.recv(server, buffers)).rejects.toMatchObject({ code: 'ENOBUFS', syscall: 'recv' });
    for (const buffer of held) buffer.release();
    expect(text(await ring.recv(server, buffers))).toBe('89');
    const unconnected = closing(await ring.socket(AF_INET, SOCK_STREAM));
    await fails(ring.recv(unconnected, buffers), 'ENOTCONN');
    await fails(ring.read(-1, buffers), 'EBADF');
    await fails(ring.recv(server, buffers, 4, MSG_DONTWAIT), 'EAGAIN');
    const controller = new AbortController();
    const receiving = ring.recv(server, buffers, 4, 0, { signal: controller.signal });
    ring.submit();
    controller.abort(new Error('enough'));
    await expect(receiving).rejects.toThrow('enough');
    expect(buffers.held).toBe(1);
    expect(ring.pending).toBeLessThanOrEqual(1);
  });

  it('gives no access to the memory of a buffer that was held when it was closed', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 2, size: 4 });
    await ring.send(client, Buffer.from('data'));
    const held = await ring.recv(server, buffers);
    expect(text(held)).toBe('data');
    buffers.close();
    expect(() => held.bytes).toThrow('buffer must be held, not one of a closed buffer ring');
    expect(held.length).toBe(4);
    held.release();
  });

  it('has a group of its own', async () => {
    const ring = openRing();
    const [one, two, three] = [0, 1, 7].map((group, index) =>
      ring.bufferRing({ entries: 1, size: 1, ...(index === 2 ? { group } : {}) }),
    );
    expect([one?.group, two?.group, three?.group]).toEqual([0, 1, 7]);
    expect(() => ring.bufferRing({ entries: 1, size: 1, group: 7 })).toThrow(
      'group must be one that is not in use, not 7',
    );
    expect(() => ring.bufferRing({ entries: 1, size: 1, group: 65536 })).toThrow(
      'group must be an integer from 0 to 65535',
    );
    three?.close();
    three?.close();
    expect(ring.bufferRing({ entries: 1, size: 1, group: 7 }).group).toBe(7);
    expect(() => ring.bufferRing({ entries: 3, size: 1 })).toThrow(
      'entries must be a power of two from 1 to 32768, not 3',
    );
    expect(() => ring.bufferRing({ entries: 65536, size: 1 })).toThrow(TypeError);
    expect(() => ring.bufferRing({ entries: 2, size: 0 })).toThrow('size must be a positive number of bytes, not 0');
    expect(() => ring.recv_multishot(0, {} as never)).toThrow('buffers must be a BufferRing, not Object');
    expect(() => openRing().recv_multishot(0, ring.bufferRing({ entries: 1, size: 1 }))).toThrow(/same ring/);
    expect(() => ring.bufferRing({ entries: 32768, size: 4096 })).toThrow('ENOMEM');
    expect(ring.pending).toBe(0);
  });

  it('can have 32768 buffers, all held at once', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const buffers = ring.bufferRing({ entries: 32768, size: 1 });
    const reading = ring.read_multishot(input, buffers, 0, -1, { highWaterMark: 100_000 });
    const all: ReceivedBuffer[] = [];
    const block = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 31) & 0xff));
    for (let round = 0; round < 8; round++) {
      writeSync(output, block);
      while (all.length < (round + 1) * 4096) {
        const { value } = await reading.next();
        if (value) all.push(value);
      }
    }
    expect(buffers.held).toBe(32768);
    expect(all.every(({ bytes }, index) => bytes[0] === block[index & 4095])).toBe(true);
    for (const buffer of all) buffer.release();
    expect(buffers.held).toBe(0);
    await reading.return();
  });
});

describe('incremental', () => {
  it.skipIf(!kernelHas('6.12'))('one buffer serves many receives (not before Linux 6.12)', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 2, size: 64, incremental: true });
    let sent = '';
    let received = '';
    const first: ReceivedBuffer[] = [];
    for (let round = 0; round < 100; round++) {
      const part = `part ${round};`;
      await ring.send(client, Buffer.from(part));
      sent += part;
      while (received.length < sent.length) {
        const buffer = await ring.recv(server, buffers);
        received += text(buffer);
        if (round < 3) {
          first.push(buffer);
          // all in the same buffer
          expect(buffers.held).toBe(1);
          if (round === 2) for (const each of first) each.release();
        } else buffer.release();
      }
    }
    expect(received).toBe(sent);
    expect(buffers.held).toBe(0);
  });

  it.skipIf(!kernelHas('6.12'))('a buffer goes back only when all of its parts are released', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 1, size: 8, incremental: true });
    await ring.send(client, Buffer.from('abcdefghijklmnop'));
    const one = await ring.recv(server, buffers, 4);
    const two = await ring.recv(server, buffers, 4);
    expect(text(one) + text(two)).toBe('abcdefgh');
    await expect(ring.recv(server, buffers)).rejects.toMatchObject({ code: 'ENOBUFS' });
    two.release();
    expect(text(one)).toBe('abcd');
    await expect(ring.recv(server, buffers)).rejects.toMatchObject({ code: 'ENOBUFS' });
    one.release();
    expect(text(await ring.recv(server, buffers))).toBe('ijklmnop');
  });

  it.skipIf(!kernelHas('6.12'))('with multishot, and few buffers', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buffers = ring.bufferRing({ entries: 2, size: 100, incremental: true });
    const data = Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7) & 0xff));
    const sending = (async () => {
      for (let at = 0; at < data.length; at += 33) await ring.send(client, data.subarray(at, at + 33));
      await ring.shutdown(client, SHUT_WR);
    })();
    const parts: Buffer[] = [];
    for await (const buffer of ring.recv_multishot(server, buffers)) {
      parts.push(Buffer.from(buffer.bytes));
      buffer.release();
    }
    await sending;
    expect(Buffer.concat(parts).equals(data)).toBe(true);
    expect(buffers.held).toBe(0);
  });
});

describe('bundles', () => {
  for (const incremental of [false, true]) {
    it.skipIf(!kernelHas('6.12'))(`several buffers a completion${incremental ? ', incremental' : ''}`, async () => {
      const ring = openRing();
      const [client, server] = await connection(ring);
      const buffers = ring.bufferRing({ entries: 8, size: 16, incremental });
      const data = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 13) & 0xff));
      const sending = (async () => {
        for (let at = 0; at < data.length; at += 77) await ring.send(client, data.subarray(at, at + 77));
        await ring.shutdown(client, SHUT_WR);
      })();
      const parts: Buffer[] = [];
      let most = 0;
      for await (const buffer of ring.recv_multishot(server, buffers, 0, { bundle: true })) {
        most = Math.max(most, buffers.held);
        parts.push(Buffer.from(buffer.bytes));
        buffer.release();
      }
      await sending;
      expect(Buffer.concat(parts).equals(data)).toBe(true);
      expect(most).toBeGreaterThan(1);
      expect(buffers.held).toBe(0);
    });
  }
});
