/**
 * A UDP echo server: ../io_uring-udp.ts on a Ring. One multishot recvmsg receives all datagrams, each
 * in a provided buffer, from which it is sent back.
 *
 * node build/examples/ring/io_uring-udp.js [-p port] [-b log2(BufferSize)] [-6] [-v]
 */
import { argv, exit } from 'node:process';
import { type BufferRing, type DirectFile, type ReceivedMessage, Ring } from 'liburing-wasm';
import { sockaddr_in, sockaddr_in6 } from 'liburing-wasm/c';
import { AF_INET, AF_INET6, MSG_TRUNC, SOCK_DGRAM } from 'liburing-wasm/linux';
import { atoi, getopt, perror, portOfUdpSocket, print_error } from '../libc.js';

const QD = 64;
const BUF_SHIFT = 12; /* 4k */
const BUFFERS = QD * 16;

async function setUpSocket(ring: Ring, af: number, port: number): Promise<number> {
  const fd = await ring.socket(af, SOCK_DGRAM);
  await ring.bind(fd, { address: af === AF_INET6 ? '::' : '0.0.0.0', port: Math.max(port, 0) });
  if (port <= 0) print_error(`port bound to ${portOfUdpSocket(fd)}`);
  return fd;
}

/** What the C program says of a datagram with -v. */
function describe({ bytes, name }: ReceivedMessage, af: number): string {
  const { address, port } = name as { address: string; port: number };
  const { size } = af === AF_INET6 ? sockaddr_in6 : sockaddr_in;
  return `received ${bytes.length} bytes ${size} from [${address}]:${port}`;
}

async function echo(ring: Ring, socket: DirectFile, buffers: BufferRing, af: number, verbose: boolean): Promise<void> {
  for await (const message of ring.recvmsg_multishot(socket, buffers, MSG_TRUNC, { highWaterMark: BUFFERS })) {
    const { bytes, name, flags, payloadLength } = message;
    if (flags & MSG_TRUNC) {
      print_error(`truncated msg need ${payloadLength} received ${bytes.length}`);
      message.release();
      continue;
    }
    if (verbose) print_error(describe(message, af));
    // not awaited: the next datagram may be another one's
    ring
      .sendmsg(socket, { name: name ?? null, iov: [bytes] })
      .catch((error: Error) => print_error(`bad send ${error.message}`))
      .finally(() => message.release());
  }
}

async function main(args: readonly string[]): Promise<number> {
  let port = -1;
  let af: number = AF_INET;
  let shift = BUF_SHIFT;
  let verbose = false;
  for (const { opt, optarg } of getopt(args, '6vp:b:').options) {
    if (opt === '6') af = AF_INET6;
    else if (opt === 'p') port = atoi(optarg);
    else if (opt === 'b') shift = atoi(optarg);
    else if (opt === 'v') verbose = true;
    else {
      print_error(`Usage: ${args[0]} [-p port] [-b log2(BufferSize)] [-6] [-v]`);
      return -1;
    }
  }

  await using ring = new Ring({ entries: QD, cqEntries: QD * 8 });
  let fd: number;
  try {
    fd = await setUpSocket(ring, af, port);
  } catch (error) {
    perror('sock_bind', (error as { errno: number }).errno);
    return 1;
  }
  const socket = ring.registerFiles([fd]).at(0);
  using buffers = ring.bufferRing({ entries: BUFFERS, size: 1 << shift });
  await echo(ring, socket, buffers, af, verbose);
  return 0;
}

exit(await main(argv.slice(1)));
