/** Messages of sockets in provided buffers: a multishot recvmsg. */
import { checkOptions, invalidNumber, invalidValue } from '../checks/errors.js';
import type { io_uring_sqe } from '../structs/generated/structs.js';
import { msghdr } from '../structs/generated/structs.js';
import type { ReceivedBuffer } from './buffer-pool.js';
import { type BufferRing, poolOf } from './buffer-ring.js';
import { type FileDescriptor, fileIndex } from './direct-file.js';
import type { Engine } from './engine/engine.js';
import type { Multishot } from './multishot.js';
import { type MultishotOptions, readMultishotOptions, received } from './multishot-operations.js';
import type { Requester } from './requester.js';
import { decodeSocketAddress, type SocketAddress } from './socket-address.js';

/** Settings of a multishot recvmsg: how much room each buffer has for what comes beside the data. */
export interface MessageOptions extends MultishotOptions {
  /** Bytes for the sender's address. Default: 128, which every address fits into. */
  readonly nameLength?: number | undefined;
  /** Bytes for control messages. Default: 0. */
  readonly controlLength?: number | undefined;
}

const known: ReadonlySet<string> = new Set([
  'highWaterMark',
  'signal',
  'nameLength',
  'controlLength',
] satisfies (keyof MessageOptions)[]);

/**
 * A message that was received, in a provided buffer.
 *
 * ```ts
 * for await (using message of ring.recvmsg_multishot(socket, buffers, 0, { nameLength: 128 })) {
 *   console.log(message.name, message.bytes.length);
 * }
 * ```
 */
export interface ReceivedMessage extends Disposable {
  /** The data: a view of the buffer, not a copy. */
  readonly bytes: Uint8Array;
  /** Who sent it; undefined on a connected socket. */
  readonly name: SocketAddress | undefined;
  /** Control messages, as cmsg(3) lays them out. */
  readonly control: Uint8Array;
  /** Flags of recvmsg(2), such as MSG_TRUNC: the buffer was too small. */
  readonly flags: number;
  /** How many bytes were received; with MSG_TRUNC among the flags of a datagram's receive, how many it has. */
  readonly payloadLength: number;
  /** Gives the buffer back. */
  release(): void;
}

function checkLength(length: number, name: string): void {
  if (!Number.isInteger(length) || length < 0) throw invalidNumber(name, 'a number of bytes', length);
}

/** Messages that arrive at a socket. */
export function recvmsg(
  requester: Requester,
  file: FileDescriptor,
  buffers: BufferRing,
  flags: number,
  options: MessageOptions = {},
): Multishot<ReceivedMessage> {
  const { engine, functions } = requester;
  const pool = poolOf(buffers, engine);
  checkOptions(options, known, 'recvmsg_multishot');
  const { nameLength = 128, controlLength = 0 } = options;
  checkLength(nameLength, 'nameLength');
  checkLength(controlLength, 'controlLength');
  const common = readMultishotOptions(options, known);
  // the kernel reads it when the request is started, liburing at each message
  const header = engine.memory.alloc(msghdr);
  header.msg_namelen = nameLength;
  header.msg_controllen = controlLength;
  const prepare = (sqe: io_uring_sqe): void =>
    functions.io_uring_prep_recvmsg_multishot(sqe, fileIndex(file, engine, 'fd'), header, flags);
  const parse = (res: number, cqeFlags: number): ReceivedMessage[] => [
    parseMessage(engine, pool.received(res, cqeFlags), header),
  ];
  const ended = (): void => engine.memory.free(header);
  try {
    // a datagram may be empty, so 0 is no end
    return received<ReceivedMessage>(requester, { name: 'recvmsg', file, buffers: pool, prepare }, common, parse, {
      isEnd: () => false,
      ended,
    });
  } catch (error) {
    ended();
    throw error;
  }
}

function parseMessage({ functions, memory }: Engine, buffer: ReceivedBuffer, header: msghdr): ReceivedMessage {
  const { bytes } = buffer;
  const out = functions.io_uring_recvmsg_validate(bytes, bytes.length, header);
  if (out === null) {
    const { length } = bytes;
    buffer.release();
    const expected = 'with room for a message, its name and its control messages';
    throw invalidValue('buffers', expected, bytes, `of ${length} bytes`);
  }
  const at = (address: number, length: number): Uint8Array => memory.bytes.subarray(address, address + length);
  const name = at(functions.io_uring_recvmsg_name(out), Math.min(out.namelen, header.msg_namelen));
  const control = functions.io_uring_recvmsg_cmsg_firsthdr(out, header);
  const length = functions.io_uring_recvmsg_payload_length(out, bytes.length, header);
  return {
    bytes: at(functions.io_uring_recvmsg_payload(out, header), length),
    name: out.namelen > 0 ? decodeSocketAddress(name) : undefined,
    control: control === null ? new Uint8Array() : at(control.address, out.controllen),
    flags: out.flags,
    payloadLength: out.payloadlen,
    release: () => buffer.release(),
    [Symbol.dispose]: () => buffer.release(),
  };
}
