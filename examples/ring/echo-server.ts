/**
 * A TCP echo server: ../echo-server.ts on a Ring. The multishot accept and the multishot receives are
 * loops, a buffer goes back to its ring when it has been sent, and a receive that found none goes on
 * when there are some again.
 *
 * node build/examples/ring/echo-server.js [port]
 */
import { argv, exit } from 'node:process';
import { type BufferRing, Ring } from 'liburing-wasm';
import { MSG_NOSIGNAL } from 'liburing-wasm/linux';
import { setup_listening_socket } from '../helpers.js';
import { atoi } from '../libc.js';

const QD = 64;
const BUF_SIZE = 4096;
const BUFFERS = 256;
const DEFAULT_PORT = 8000;

async function echo(ring: Ring, buffers: BufferRing, fd: number): Promise<void> {
  try {
    for await (const received of ring.recv_multishot(fd, buffers)) {
      const { bytes } = received;
      for (let sent = 0; sent < bytes.length; ) {
        sent += await ring.send(fd, bytes.subarray(sent), bytes.length - sent, MSG_NOSIGNAL);
      }
      received.release();
    }
  } catch {
    // a connection's error ends that connection
  } finally {
    await ring.close_fd(fd);
  }
}

async function main([, port]: readonly string[]): Promise<number> {
  const number = port === undefined ? DEFAULT_PORT : atoi(port);
  const listen_fd = setup_listening_socket(number, false);
  if (listen_fd < 0) return 1;

  await using ring = new Ring({ entries: QD, cqEntries: QD * 8, deferTaskrun: true });
  using buffers = ring.bufferRing({ entries: BUFFERS, size: BUF_SIZE });
  console.log(`echo server listening on port ${number}`);
  for await (const fd of ring.multishot_accept(listen_fd)) void echo(ring, buffers, fd);
  return 0;
}

exit(await main(argv.slice(1)));
