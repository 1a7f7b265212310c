/**
 * A TCP echo server, until it is ended.
 * Arguments: port, await, net, bun or deno, and for await default or defer.
 */
import { createServer } from 'node:net';
import type { BufferRing, Ring } from 'liburing-wasm';
import { argument, variant } from './harness.js';

const ENTRIES = 4096;
const BUFFERS = 1024;
const SIZE = 16384;
const hostname = '127.0.0.1';
const port = Number(argument(1));

/** The client leaves when its time is up, with messages under way; that error means nothing. */
const gone = (): void => {};

async function serve(ring: Ring, fd: number, buffers: BufferRing, MSG_WAITALL: number): Promise<void> {
  for await (const buffer of ring.recv_multishot(fd, buffers)) {
    await ring.send(fd, buffer.bytes, buffer.length, MSG_WAITALL);
    buffer.release();
  }
  await ring.close_fd(fd);
}

async function awaited(): Promise<void> {
  // imported here, to stay out of the other servers' memory
  const { openAwaited } = await import('./batches.js');
  const { listenOn } = await import('./listen.js');
  const { MSG_WAITALL } = await import('liburing-wasm/linux');
  const ring = openAwaited(ENTRIES, argument(3));
  const buffers = ring.bufferRing({ entries: BUFFERS, size: SIZE });
  const fd = await listenOn(ring, port);
  for await (const connection of ring.multishot_accept(fd)) {
    serve(ring, connection, buffers, MSG_WAITALL).catch(gone);
  }
}

function net(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', gone);
    socket.pipe(socket);
  });
  server.listen({ port, host: hostname, backlog: 4096 });
}

interface BunSocket {
  data: Uint8Array[];
  write(data: Uint8Array): number;
}

interface Bun {
  listen(options: {
    hostname: string;
    port: number;
    socket: Record<string, (socket: BunSocket, data: Uint8Array) => void>;
  }): unknown;
}

/** Data that a socket does not take at once waits for its `drain`. */
function bun(): void {
  const { Bun } = globalThis as unknown as { Bun: Bun };
  const drain = (socket: BunSocket): void => {
    for (let [data] = socket.data; data !== undefined; [data] = socket.data) {
      const written = socket.write(data);
      if (written < data.length) {
        socket.data[0] = data.subarray(written);
        return;
      }
      socket.data.shift();
    }
  };
  const open = (socket: BunSocket): void => {
    socket.data = [];
  };
  const data = (socket: BunSocket, received: Uint8Array): void => {
    const written = socket.data.length > 0 ? 0 : socket.write(received);
    if (written < received.length) socket.data.push(received.slice(written));
  };
  Bun.listen({ hostname, port, socket: { open, data, drain } });
}

interface Deno {
  listen(options: { hostname: string; port: number }): AsyncIterable<{
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
    setNoDelay(): void;
  }>;
}

async function deno(): Promise<void> {
  const { Deno } = globalThis as unknown as { Deno: Deno };
  for await (const connection of Deno.listen({ hostname, port })) {
    connection.setNoDelay();
    connection.readable.pipeTo(connection.writable).catch(gone);
  }
}

await variant<() => void | Promise<void>>({ await: awaited, net, bun, deno }, argument(2))();
