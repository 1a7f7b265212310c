/** Socket addresses, in the form of JavaScript and in that of C. */
import { invalidNumber, invalidType, invalidValue, outOfRange } from '../checks/errors.js';
import { AF_INET, AF_INET6, AF_UNIX } from '../constants/generated/linux.js';
import { offsetOf, type StructType } from '../memory/struct.js';
import { sockaddr_in, sockaddr_in6, sockaddr_un } from '../structs/generated/structs.js';

/**
 * The address of a socket: an IP address and a port, or a path. An abstract name begins with NUL. See ip(7) and unix(7).
 */
export type SocketAddress =
  | {
      /** IPv4 or IPv6, as digits. */
      readonly address: string;
      /** 0 to 65535. At bind(), 0 asks the kernel to choose. */
      readonly port: number;
    }
  | { readonly path: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function ipv4(text: string): number[] | undefined {
  // inet_pton(3) refuses a leading 0, too: it might mean octal
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part < 256) ? parts : undefined;
}

/** The URL parser knows every way to write one. */
function ipv6(text: string): number[] | undefined {
  if (!/^[\da-fA-F:.]+$/.test(text) || !text.includes(':') || !URL.canParse(`http://[${text}]`)) return undefined;
  const host = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = '', tail] = host.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const zeroes = new Array(8 - before.length - after.length).fill('0');
  return [...before, ...zeroes, ...after].flatMap((word) => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 0xff];
  });
}

function withPort(
  type: StructType,
  family: number,
  port: number,
  address: readonly number[],
  member: string,
): Uint8Array {
  const bytes = new Uint8Array(type.size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  bytes.set(address, offsetOf(type, member));
  return bytes;
}

/** The bytes of C's struct, with the length that bind(2) takes. */
export function encodeSocketAddress(value: SocketAddress, name: string): Uint8Array {
  if (typeof value === 'object' && value !== null && 'path' in value) {
    if (typeof value.path !== 'string') throw invalidType(`${name}.path`, 'a string', value.path);
    const path = encoder.encode(value.path);
    const room = sockaddr_un.size - 2;
    const abstract = path[0] === 0;
    if (path.length === 0 || path.length > (abstract ? room : room - 1)) {
      throw outOfRange(
        `${name}.path has ${path.length} bytes, and a socket's path has 1 to ${abstract ? room : room - 1}`,
      );
    }
    if (!abstract && path.includes(0))
      throw invalidValue(`${name}.path`, 'a path without NUL, but for the first character', value.path);
    const bytes = new Uint8Array(2 + path.length + (abstract ? 0 : 1));
    new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
    bytes.set(path, 2);
    return bytes;
  }
  if (typeof value !== 'object' || value === null || typeof value.address !== 'string') {
    throw invalidType(name, 'an address and a port, a path, or a sockaddr', value);
  }
  const { address, port } = value;
  if (!Number.isInteger(port)) throw invalidNumber(`${name}.port`, 'an integer', port);
  if (port < 0 || port > 0xffff) throw outOfRange(`${name}.port is ${port}, and ports go from 0 to 65535`);
  const four = ipv4(address);
  if (four) return withPort(sockaddr_in, AF_INET, port, four, 'sin_addr');
  const six = ipv6(address);
  if (six) return withPort(sockaddr_in6, AF_INET6, port, six, 'sin6_addr');
  throw invalidValue(`${name}.address`, 'an IPv4 or IPv6 address', address);
}

/**
 * The socket address in a `struct sockaddr`, as the kernel writes it.
 *
 * ```ts
 * decodeSocketAddress(Uint8Array.of(2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)); // 127.0.0.1, port 8080
 * ```
 *
 * @param bytes - The struct, with as many bytes as the kernel said it has.
 * @throws a TypeError for a family other than AF_INET, AF_INET6 and AF_UNIX.
 */
export function decodeSocketAddress(bytes: Uint8Array): SocketAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = bytes.length >= 2 ? view.getUint16(0, true) : -1;
  if (family === AF_UNIX) {
    const path = bytes.subarray(2);
    const end = path[0] === 0 ? -1 : path.indexOf(0);
    return { path: decoder.decode(end < 0 ? path : path.subarray(0, end)) };
  }
  if (family === AF_INET && bytes.length >= sockaddr_in.size) {
    return { address: bytes.subarray(4, 8).join('.'), port: view.getUint16(2) };
  }
  if (family === AF_INET6 && bytes.length >= sockaddr_in6.size) {
    const at = offsetOf(sockaddr_in6, 'sin6_addr');
    const words = Array.from({ length: 8 }, (_, index) => view.getUint16(at + index * 2).toString(16));
    return { address: new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1), port: view.getUint16(2) };
  }
  throw invalidValue(
    'bytes',
    'a sockaddr of AF_INET, AF_INET6 or AF_UNIX',
    bytes,
    `family ${family}, ${bytes.length} bytes`,
  );
}
