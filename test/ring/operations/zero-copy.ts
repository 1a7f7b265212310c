/** Sends that do not copy the data. */
import { describe, expect, it } from 'vitest';
import { MSG_NOSIGNAL, MSG_WAITALL, SHUT_WR } from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';
import { connection, udp } from '../../support/sockets.js';

const pattern = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => (index * 7 + 3) & 0xff));

describe('zero-copy sends', () => {
  it('send_zc and sendmsg_zc', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const data = pattern(100_000);
    const buf = Buffer.alloc(data.length);
    const receiving = ring.recv(server, buf, buf.length, MSG_WAITALL);
    expect(await ring.send_zc(client, data, data.length, MSG_WAITALL)).toBe(data.length);
    expect(await receiving).toBe(data.length);
    expect(buf.equals(data)).toBe(true);
    expect(await ring.sendmsg_zc(client, { iov: [data.subarray(0, 100), data.subarray(100, 200)] })).toBe(200);
    expect(await ring.recv(server, buf, 200, MSG_WAITALL)).toBe(200);
    expect(buf.subarray(0, 200).equals(data.subarray(0, 200))).toBe(true);
  });

  it('send_zc_fixed and sendmsg_zc_fixed', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const data = pattern(10_000);
    const [registered] = ring.registerBuffers([data]);
    if (!registered) throw new Error('no buffer');
    const buf = Buffer.alloc(data.length);
    expect(await ring.send_zc_fixed(client, registered.subarray(1000, 9000))).toBe(8000);
    expect(await ring.recv(server, buf, 8000, MSG_WAITALL)).toBe(8000);
    expect(buf.subarray(0, 8000).equals(data.subarray(1000, 9000))).toBe(true);
    const iov = [data.subarray(0, 10), data.subarray(500, 510)];
    expect(await ring.sendmsg_zc_fixed(client, { iov }, 0, registered)).toBe(20);
    expect(await ring.recv(server, buf, 20, MSG_WAITALL)).toBe(20);
    expect(buf.subarray(0, 20).equals(Buffer.concat(iov))).toBe(true);
    // memory beside the registered buffer
    await fails(ring.sendmsg_zc_fixed(client, { iov: [Buffer.alloc(10)] }, 0, registered), 'EFAULT');
    await ring.shutdown(client, SHUT_WR);
    await fails(ring.send_zc_fixed(client, registered, 10, MSG_NOSIGNAL), 'EPIPE');
  });

  it('fail like other sends', async () => {
    const ring = openRing();
    const [client] = await connection(ring);
    await ring.shutdown(client, SHUT_WR);
    await fails(ring.send_zc(client, pattern(10), 10, MSG_NOSIGNAL), 'EPIPE');
    await fails(ring.send_zc(-1, pattern(10)), 'EBADF');
    const { fd, port } = await udp(ring);
    const name = { address: '127.0.0.1', port };
    await fails(ring.sendmsg_zc(fd, { name, iov: [Buffer.alloc(70_000)] }), 'EMSGSIZE');
    expect(ring.pending).toBe(0);
  });
});
