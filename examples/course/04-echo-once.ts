/**
 * Exercise 4: an echo server for one message, as one linked chain and a single submit. All its sockets
 * are direct descriptors.
 *
 * node build/examples/course/04-echo-once.js PORT SIZE     a message of SIZE bytes
 * node build/examples/course/04-echo-once.js PORT          a message of any size, up to 64 KiB
 */
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type DirectFile, Ring } from 'liburing-wasm';
import { SOCKET_URING_OP_SETSOCKOPT } from 'liburing-wasm/c';
import { AF_INET, MSG_WAITALL, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';

/** The members up to the connection. */
function accepting(ring: Ring, port: number, listener: DirectFile, connection: DirectFile) {
  const on = Int32Array.of(1);
  return ring
    .chain()
    .socket_direct(AF_INET, SOCK_STREAM, 0, listener)
    .cmd_sock(SOCKET_URING_OP_SETSOCKOPT, listener, SOL_SOCKET, SO_REUSEADDR, on)
    .bind(listener, { address: '127.0.0.1', port })
    .listen(listener)
    .accept_direct(listener, null, null, 0, connection);
}

/**
 * Echoes a message whose size is known.
 *
 * All members are prepared before the first one runs, so that the write cannot ask how much was read:
 * its length has to be known. And a read of fewer bytes than it asked for breaks a link. TCP may
 * deliver a message in pieces; so it takes a receive with MSG_WAITALL, which ends when it has all
 * bytes. Should the client send fewer and close, the receive is short, the write and what is behind
 * it are cancelled, and the connection is closed with the ring.
 */
export async function echoSized(port: number, size: number): Promise<void> {
  await using ring = new Ring();
  const files = ring.registerFiles(2);
  const [listener, connection] = [files.at(0), files.at(1)];
  const message = Buffer.alloc(size);
  await accepting(ring, port, listener, connection)
    .recv(connection, message, size, MSG_WAITALL)
    .write(connection, message, size)
    .close_direct(connection)
    .close_direct(listener)
    .submit();
}

/** What a pipe holds, unless it is told otherwise. */
const PIPE = 65536;

/**
 * Echoes a message of any size: what has come when the receive starts, or the first that comes then.
 *
 * A pipe does what the members of a chain cannot: it remembers how much there is. The first splice
 * puts the message into it and the second takes out what is there. Both move less than they ask for,
 * which breaks an ordinary link, so the links behind them are hard ones. The pipe's end is closed in
 * between, so that the second does not wait for a message that has no bytes.
 */
export async function echoAny(port: number): Promise<void> {
  await using ring = new Ring();
  const files = ring.registerFiles(4);
  const [listener, connection, source, sink] = [files.at(0), files.at(1), files.at(2), files.at(3)];
  await accepting(ring, port, listener, connection)
    .pipe_direct(0, source)
    .splice(connection, -1, sink, -1, PIPE, 0, { link: 'hard' })
    .close_direct(sink)
    .splice(source, -1, connection, -1, PIPE, 0, { link: 'hard' })
    .close_direct(connection)
    .close_direct(listener)
    .submit();
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, program, port, size] = argv;
  if (port === undefined) {
    console.error(`${program}: PORT [SIZE]`);
    exit(1);
  }
  if (size === undefined) await echoAny(Number(port));
  else await echoSized(Number(port), Number(size));
}
