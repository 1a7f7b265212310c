/**
 * Exercise 6: ten thousand connections, most of them idle, and buffers for the few that are not. A
 * receive that waits has no buffer; the kernel takes one from the ring of buffers when there is data.
 *
 * node build/examples/course/06-idle-connections.js PORT [CONNECTIONS]
 * node build/examples/course/06-idle-connections.js --own PORT [CONNECTIONS]
 *
 * With --own, each connection has a buffer of its own, as it must without a ring of buffers: to compare.
 * A line on stdin is answered with what is held.
 */
import { argv, exit, memoryUsage, stdin } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type DirectFile, type ReceivedBuffer, Ring, type SystemError } from 'liburing-wasm';
import { SOCKET_URING_OP_SETSOCKOPT } from 'liburing-wasm/c';
import { AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';

/** Bytes of a buffer: what a connection may send at once. */
const SIZE = 16 * 1024;
/** How many the kernel has to take from. More than that many connections with data at once wait. */
const BUFFERS = 64;

/** What the server holds at a moment. */
export interface Held {
  /** Open connections. */
  connections: number;
  /** Buffers with data that is not yet sent back; with --own, all of them. */
  buffers: number;
  /** The most of them that there have been. */
  most: number;
  /** The process's resident memory in bytes. */
  rss: number;
}

/** An echo server whose connections are direct descriptors: the table is its only list of them. */
export class Server {
  private readonly ring = new Ring({ entries: 1024, cqEntries: 65536 });
  private readonly buffers = this.ring.bufferRing({ entries: BUFFERS, size: SIZE });
  private readonly own: boolean;
  private connections = 0;
  private inUse = 0;
  private most = 0;

  constructor(own: boolean) {
    this.own = own;
  }

  async serve(port: number, connections: number): Promise<void> {
    const { ring } = this;
    const listener = ring.registerFiles(connections + 1).at(0);
    await ring.socket_direct(AF_INET, SOCK_STREAM, 0, listener);
    await ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, listener, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1));
    await ring.bind(listener, { address: '0.0.0.0', port });
    await ring.listen(listener, 4096);
    for await (const connection of ring.multishot_accept_direct(listener, 0, { highWaterMark: connections })) {
      this.connections++;
      (this.own ? this.echoFromOwn(connection) : this.echo(connection))
        .catch((error: unknown) => console.error(error))
        .finally(() => this.connections--);
    }
  }

  /** A connection has a buffer from the data's arrival until it is sent back, and one at most. */
  private async echo(connection: DirectFile): Promise<void> {
    for (;;) {
      const received = await this.receive(connection);
      this.most = Math.max(this.most, this.buffers.held);
      try {
        if (received.length === 0) break;
        await this.sendAll(connection, received.bytes);
      } finally {
        received.release();
      }
    }
    await this.ring.close_direct(connection);
  }

  private async receive(connection: DirectFile): Promise<ReceivedBuffer> {
    for (;;) {
      try {
        return await this.ring.recv(connection, this.buffers);
      } catch (error) {
        if ((error as SystemError).code !== 'ENOBUFS') throw error;
        await this.buffers.available();
      }
    }
  }

  /** The buffer is there for as long as the connection. */
  private async echoFromOwn(connection: DirectFile): Promise<void> {
    const buffer = Buffer.alloc(SIZE);
    this.most = Math.max(this.most, ++this.inUse);
    for (;;) {
      const length = await this.ring.recv(connection, buffer);
      if (length === 0) break;
      await this.sendAll(connection, buffer.subarray(0, length));
    }
    await this.ring.close_direct(connection);
    this.inUse--;
  }

  private async sendAll(connection: DirectFile, bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length; ) sent += await this.ring.send(connection, bytes.subarray(sent));
  }

  held(): Held {
    const { connections, most } = this;
    return { connections, buffers: this.own ? this.inUse : this.buffers.held, most, rss: memoryUsage.rss() };
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ options: { own: { type: 'boolean' } }, allowPositionals: true });
  const [port, connections = '10000'] = positionals;
  if (port === undefined) {
    console.error(`${argv[1]}: [--own] PORT [CONNECTIONS]`);
    exit(1);
  }
  const server = new Server(values.own ?? false);
  createInterface(stdin)
    .on('line', () => console.log(JSON.stringify(server.held())))
    .on('close', () => exit());
  await server.serve(Number(port), Number(connections));
}
