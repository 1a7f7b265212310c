/**
 * Exercise 7: many clients of one multishot accept and a multishot receive each. A client sends what
 * it likes and shuts its side down; it is answered with the SHA-256 of that, as sha256sum(1) prints it.
 *
 * node build/examples/course/07-many-clients.js PORT
 * nc -N 127.0.0.1 PORT < FILE
 */
import { createHash } from 'node:crypto';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type BufferRing, Ring } from 'liburing-wasm';
import { SOCKET_URING_OP_SETSOCKOPT } from 'liburing-wasm/c';
import { AF_INET, MSG_NOSIGNAL, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';

/** One client. The loop ends when the client has shut down its side; leaving it early would cancel the receive. */
async function serve(ring: Ring, buffers: BufferRing, connection: number): Promise<void> {
  try {
    const hash = createHash('sha256');
    for await (const received of ring.recv_multishot(connection, buffers)) {
      hash.update(received.bytes);
      received.release();
    }
    await ring.send(connection, Buffer.from(`${hash.digest('hex')}  -\n`), undefined, MSG_NOSIGNAL);
  } finally {
    await ring.close_fd(connection);
  }
}

/** All clients. One request accepts them all, and one each receives all that they send. */
export async function manyClients(port: number): Promise<never> {
  await using ring = new Ring({ entries: 1024, cqEntries: 8192 });
  const buffers = ring.bufferRing({ entries: 1024, size: 4096 });
  const listener = await ring.socket(AF_INET, SOCK_STREAM);
  await ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, listener, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1));
  await ring.bind(listener, { address: '127.0.0.1', port });
  await ring.listen(listener);
  console.log(`listening on port ${port}`);
  for await (const connection of ring.multishot_accept(listener)) {
    serve(ring, buffers, connection).catch((error: unknown) => console.error(`${error}`));
  }
  throw new Error('the accept has ended');
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, program, port] = argv;
  if (port === undefined) {
    console.error(`${program}: PORT`);
    exit(1);
  }
  await manyClients(Number(port));
}
