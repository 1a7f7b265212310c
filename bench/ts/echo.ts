/**
 * A TCP echo server, until it is ended.
 * Arguments: port, ring or net.
 */
import { createServer } from 'node:net';
import { type BufferRing, Ring, SOCKET_URING_OP_SETSOCKOPT } from 'liburing-wasm';
import { AF_INET, MSG_WAITALL, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';
import { argument, variant } from './harness.js';

const port = Number(argument(1));

async function serve(ring: Ring, fd: number, buffers: BufferRing): Promise<void> {
  for await (const buffer of ring.recv_multishot(fd, buffers)) {
    await ring.send(fd, buffer.bytes, buffer.length, MSG_WAITALL);
    buffer.release();
  }
  await ring.close(fd);
}

async function withRing(): Promise<void> {
  const ring = new Ring({ entries: 4096 });
  const buffers = ring.bufferRing({ entries: 1024, size: 16384 });
  const fd = await ring.socket(AF_INET, SOCK_STREAM);
  await ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]));
  await ring.bind(fd, { address: '127.0.0.1', port });
  await ring.listen(fd, 4096);
  for await (const connection of ring.multishot_accept(fd)) void serve(ring, connection, buffers);
}

async function withNet(): Promise<void> {
  createServer({ noDelay: true }, (socket) => socket.pipe(socket)).listen({ port, host: '127.0.0.1', backlog: 4096 });
}

await variant({ ring: withRing, net: withNet }, argument(2))();
