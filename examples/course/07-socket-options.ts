/**
 * Exercise 7: getsockopt(2) and setsockopt(2) through IORING_OP_URING_CMD. A direct descriptor has no
 * number that those system calls would take, so that for it this is the only way.
 *
 * node build/examples/course/07-socket-options.js
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type DirectFile, Ring } from 'liburing-wasm';
import { SOCKET_URING_OP_GETSOCKOPT, SOCKET_URING_OP_SETSOCKOPT } from 'liburing-wasm/c';
import { AF_INET, SO_KEEPALIVE, SO_RCVBUF, SO_REUSEADDR, SO_TYPE, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';

/** Options of SOL_SOCKET; the kernel has no others here. */
const options = { SO_REUSEADDR, SO_KEEPALIVE, SO_RCVBUF, SO_TYPE };
export type OptionName = keyof typeof options;

export async function getOption(ring: Ring, socket: DirectFile | number, name: OptionName): Promise<number> {
  const value = new Int32Array(1);
  // the result is the length of the value, as getsockopt(2) has it in *optlen
  const length = await ring.cmd_sock(SOCKET_URING_OP_GETSOCKOPT, socket, SOL_SOCKET, options[name], value);
  if (length !== value.byteLength) throw new Error(`${name} has ${length} bytes`);
  return value[0] as number;
}

export async function setOption(
  ring: Ring,
  socket: DirectFile | number,
  name: OptionName,
  value: number,
): Promise<void> {
  await ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, socket, SOL_SOCKET, options[name], Int32Array.of(value));
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  await using ring = new Ring();
  const socket = ring.registerFiles(1).at(0);
  await ring.socket_direct(AF_INET, SOCK_STREAM, 0, socket);
  const show = async (): Promise<void> => {
    for (const name of Object.keys(options) as OptionName[]) {
      console.log(`${name.padEnd(12)} ${await getOption(ring, socket, name)}`);
    }
  };
  await show();
  await setOption(ring, socket, 'SO_REUSEADDR', 1);
  await setOption(ring, socket, 'SO_KEEPALIVE', 1);
  // the kernel doubles it, see socket(7)
  await setOption(ring, socket, 'SO_RCVBUF', 32768);
  console.log();
  await show();
}
