/** Sockets: from socket(2) to shutdown(2). */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sockaddr_storage } from '../../../src/c.js';
import { decodeSocketAddress } from '../../../src/index.js';
import {
  AF_INET,
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SHUT_RDWR,
  SHUT_WR,
  SOCK_CLOEXEC,
  SOCK_STREAM,
} from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';
import { closing, connection, listen, loopback, named, portOf, udp } from '../../support/sockets.js';

describe('connections', () => {
  it('a server for a client of node:net', async () => {
    const ring = openRing();
    const { fd, port } = await listen(ring);
    const client = connect(port, '127.0.0.1');
    const name = ring.memory.alloc(sockaddr_storage);
    const length = ring.memory.allocArray(1, Int32Array);
    length[0] = 128;
    const server = closing(await ring.accept(fd, name, length, SOCK_CLOEXEC));
    await (client.connecting ? once(client, 'connect') : undefined);
    expect(decodeSocketAddress(name.bytes.subarray(0, length[0]))).toEqual({
      address: client.localAddress,
      port: client.localPort,
    });
    client.write('from Node');
    const buf = Buffer.alloc(100);
    expect(await ring.recv(server, buf)).toBe(9);
    expect(buf.toString('utf8', 0, 9)).toBe('from Node');
    const data = once(client, 'data');
    expect(await ring.send(server, Buffer.from('from the ring'), 13, MSG_NOSIGNAL)).toBe(13);
    expect(String(await data)).toBe('from the ring');
    const end = once(client, 'end');
    expect(await ring.shutdown(server, SHUT_WR)).toBe(0);
    client.resume();
    await end;
    client.end();
    expect(await ring.recv(server, buf)).toBe(0);
    ring.memory.free(name);
    ring.memory.free(length);
  });

  it('a client of a server of node:net', async () => {
    const ring = openRing();
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const fd = closing(await ring.socket(AF_INET, SOCK_STREAM));
    expect(await ring.connect(fd, { address: '127.0.0.1', port: (server.address() as AddressInfo).port })).toBe(0);
    expect(await ring.send(fd, Buffer.from('echo'))).toBe(4);
    const buf = Buffer.alloc(4);
    expect(await ring.recv(fd, buf)).toBe(4);
    expect(buf.toString()).toBe('echo');
    await fails(ring.connect(fd, { address: '127.0.0.1', port: 1 }), 'EISCONN');
  });

  it('by path', async () => {
    const ring = openRing();
    const path = newPath('socket');
    const server = closing(await ring.socket(AF_UNIX, SOCK_STREAM));
    expect(await ring.bind(server, { path })).toBe(0);
    expect(await ring.listen(server, 1)).toBe(0);
    const client = connect(path);
    const accepted = closing(await ring.accept(server));
    const data = once(client, 'data');
    await ring.send(accepted, Buffer.from('hello'));
    expect(String(await data)).toBe('hello');
    client.end();
  });
});

describe('errors', () => {
  it('of setting up', async () => {
    const ring = openRing();
    await fails(ring.socket(9999, SOCK_STREAM), 'EAFNOSUPPORT');
    await fails(ring.socket(AF_INET, SOCK_STREAM, 9999), 'EINVAL');
    const { fd, port } = await listen(ring);
    const other = closing(await ring.socket(AF_INET, SOCK_STREAM));
    await fails(ring.bind(other, { address: '127.0.0.1', port }), 'EADDRINUSE');
    await fails(ring.bind(other, { address: '192.0.2.1', port: 0 }), 'EADDRNOTAVAIL');
    await fails(ring.listen(-1), 'EBADF');
    await fails(ring.listen(closing(await ring.open('/dev/null'))), 'ENOTSOCK');
    await fails(ring.accept(other), 'EINVAL');
    await fails(ring.shutdown(fd, 99), 'EINVAL');
    await fails(ring.shutdown(other, SHUT_RDWR), 'ENOTCONN');
    // bound, but nobody listens
    const silent = closing(await ring.socket(AF_INET, SOCK_STREAM));
    await ring.bind(silent, loopback);
    await ring.listen(silent);
    const gone = portOf(silent);
    await ring.close_fd(silent);
    await fails(ring.connect(other, { address: '127.0.0.1', port: gone }), 'ECONNREFUSED');
  });

  it('of sending and receiving', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const buf = Buffer.alloc(4);
    const unconnected = closing(await ring.socket(AF_INET, SOCK_STREAM));
    await fails(ring.recv(unconnected, buf), 'ENOTCONN');
    await fails(ring.recv(client, buf, 4, MSG_DONTWAIT), 'EAGAIN');
    await ring.shutdown(client, SHUT_WR);
    await fails(ring.send(client, buf, 4, MSG_NOSIGNAL), 'EPIPE');
    await fails(ring.send(unconnected, buf, 4, MSG_NOSIGNAL), 'EPIPE');
    expect(await ring.recv(server, buf)).toBe(0);
  });
});

describe('messages', () => {
  it('sendmsg and recvmsg with vectors and addresses', async () => {
    const ring = openRing();
    const [one, two] = [await udp(ring), await udp(ring)];
    const to = { address: '127.0.0.1', port: two.port };
    const sent = await ring.sendmsg(one.fd, { name: to, iov: [Buffer.from('in '), Buffer.from('parts')] });
    expect(sent).toBe(8);
    const name = Buffer.alloc(16);
    const parts = [Buffer.alloc(5), Buffer.alloc(100)];
    expect(await ring.recvmsg(two.fd, { name, iov: parts })).toBe(8);
    expect(Buffer.concat(parts).toString('utf8', 0, 8)).toBe('in parts');
    expect(decodeSocketAddress(name)).toEqual({ address: '127.0.0.1', port: one.port });
    await ring.sendmsg(one.fd, { name: to, iov: [Buffer.from('cut off')] });
    expect(await ring.recvmsg(two.fd, { iov: [Buffer.alloc(3)] }, MSG_TRUNC)).toBe(7);
  });

  it('sendto', async () => {
    const ring = openRing();
    const [one, two] = [await named(ring), await named(ring)];
    expect(await ring.sendto(one.fd, Buffer.from('to a name'), 9, 0, two.address)).toBe(9);
    const buf = Buffer.alloc(100);
    expect(await ring.recv(two.fd, buf)).toBe(9);
    expect(buf.toString('utf8', 0, 9)).toBe('to a name');
    await fails(ring.sendto(one.fd, buf, 1, 0, { path: '\0nobody has this name' }), 'ECONNREFUSED');
  });

  it('EMSGSIZE, EDESTADDRREQ, ENOTSOCK', async () => {
    const ring = openRing();
    const { fd, port } = await udp(ring);
    await fails(ring.sendmsg(fd, { name: { address: '127.0.0.1', port }, iov: [Buffer.alloc(70_000)] }), 'EMSGSIZE');
    await fails(ring.sendmsg(fd, { iov: [Buffer.alloc(7)] }), 'EDESTADDRREQ');
    await fails(ring.recvmsg(closing(await ring.open('/dev/null')), { iov: [Buffer.alloc(1)] }), 'ENOTSOCK');
    await fails(ring.recvmsg(fd, { iov: [Buffer.alloc(1)] }, MSG_DONTWAIT), 'EAGAIN');
  });
});
