/** A listening socket. */
import type { Ring } from 'liburing-wasm';
import { SOCKET_URING_OP_SETSOCKOPT } from 'liburing-wasm/c';
import { AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';

/** Makes one on a port of loopback, through a ring. Returns its fd. */
export async function listenOn(ring: Ring, port: number): Promise<number> {
  const fd = await ring.socket(AF_INET, SOCK_STREAM);
  await ring.cmd_sock(SOCKET_URING_OP_SETSOCKOPT, fd, SOL_SOCKET, SO_REUSEADDR, new Int32Array([1]));
  await ring.bind(fd, { address: '127.0.0.1', port });
  await ring.listen(fd, 4096);
  return fd;
}
