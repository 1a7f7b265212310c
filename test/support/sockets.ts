/** Sockets for tests, all on loopback. */
import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { Ring } from '../../src/index.js';
import { AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_STREAM } from '../../src/linux.js';

/** Any free port. */
export const loopback = { address: '127.0.0.1', port: 0 };

/** Closes an fd when the test is over, if it is still open. */
export function closing(fd: number): number {
  onTestFinished(() => {
    try {
      closeSync(fd);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
    }
  });
  return fd;
}

/** The port of a listening TCP or bound UDP socket, from the kernel's list. */
export function portOf(fd: number, protocol: 'tcp' | 'udp' = 'tcp'): number {
  const inode = /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0];
  for (const line of readFileSync(`/proc/self/net/${protocol}`, 'utf8').split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[9] === inode) return Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
  }
  throw new Error(`fd ${fd} has no ${protocol} port`);
}

/** Makes a TCP socket that listens. */
export async function listen(ring: Ring): Promise<{ fd: number; port: number }> {
  const fd = closing(await ring.socket(AF_INET, SOCK_STREAM));
  await ring.bind(fd, loopback);
  await ring.listen(fd);
  return { fd, port: portOf(fd) };
}

/** Makes both ends of a TCP connection. */
export async function connection(ring: Ring): Promise<[client: number, server: number]> {
  const { fd, port } = await listen(ring);
  const client = closing(await ring.socket(AF_INET, SOCK_STREAM));
  const accepting = ring.accept(fd);
  await ring.connect(client, { address: '127.0.0.1', port });
  return [client, closing(await accepting)];
}

/** Makes a UDP socket with a port. */
export async function udp(ring: Ring): Promise<{ fd: number; port: number }> {
  const fd = closing(await ring.socket(AF_INET, SOCK_DGRAM));
  await ring.bind(fd, loopback);
  return { fd, port: portOf(fd, 'udp') };
}

let names = 0;

/** An abstract name that no other process uses. */
export const abstractName = (): { path: string } => ({ path: `\0liburing-wasm-${process.pid}-${names++}` });

/** Makes a datagram socket with an abstract name. */
export async function named(ring: Ring): Promise<{ fd: number; address: { path: string } }> {
  const fd = closing(await ring.socket(AF_UNIX, SOCK_DGRAM));
  const address = abstractName();
  await ring.bind(fd, address);
  return { fd, address };
}
