/**
 * Arguments that C has behind pointers: paths, addresses, messages, times. They are copied into
 * memory that the kernel sees, which is freed when their request is complete.
 */
import { argumentError, rangeError } from '../errors.js';
import {
  __kernel_timespec,
  epoll_event,
  iovec,
  msghdr,
  open_how,
  type sockaddr_storage,
} from '../generated/structs.js';
import type { Memory } from '../memory.js';
import { type Pointers, Struct, StructArray, type StructType } from '../struct.js';
import { DirectFile } from './files.js';
import { RegisteredBuffer } from './registered-buffers.js';
import type { Ring } from './ring.js';
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from './socket-address.js';

export type { SocketAddress } from './socket-address.js';

/** Memory to read from or write to: any typed array, Buffer or DataView, or what `alloc` returned. Nothing is copied. */
export type Bytes = ArrayBufferView | Struct | StructArray<Struct> | null;

/** A path, an extended attribute's name or the target of a symbolic link: text, or bytes that end with NUL. */
export type Path = string | Uint8Array;

/** A time: milliseconds, or C's struct. */
export type Duration = number | __kernel_timespec;

/** Buffers that are read from or written to one after the other. */
export type Vector = readonly ArrayBufferView[] | iovec | StructArray<iovec>;

/** What sendmsg(2) and recvmsg(2) take: C's `struct msghdr` or its parts. */
export type Message =
  | msghdr
  | {
      /** Whom to send to. */
      readonly name?: SocketAddress | Bytes;
      /** The data. */
      readonly iov: readonly ArrayBufferView[];
      /** Control messages, as cmsg(3) lays them out. */
      readonly control?: ArrayBufferView;
    };

/** How to open a file: C's `struct open_how` or its members, see openat2(2). */
export type OpenHow =
  | open_how
  | {
      readonly flags?: number | bigint;
      readonly mode?: number | bigint;
      readonly resolve?: number | bigint;
    };

/** What to wait for, see epoll_ctl(2); null to remove. */
export type EpollEvent = epoll_event | { readonly events: number; readonly data?: number | bigint } | null;

/** A struct's members, but the reserved ones, as an ordinary object, which outlives the memory that they were in. */
export type Plain<T extends Struct> = {
  readonly [Name in Exclude<keyof T, keyof Struct | `__${string}`>]: T[Name] extends Struct ? Plain<T[Name]> : T[Name];
};

type Block = Struct | StructArray<Struct> | Pointers<Struct> | ArrayBufferView;

/** Writes milliseconds to C's struct. */
export function setTime(time: __kernel_timespec, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  time.tv_sec = seconds;
  time.tv_nsec = Math.round((milliseconds - seconds * 1000) * 1e6);
}

/** Whether it is bytes already, and not to be made into some. */
const isBytes = (value: SocketAddress | Bytes): value is Bytes =>
  value === null || ArrayBuffer.isView(value) || value instanceof Struct || value instanceof StructArray;

/** How many bytes there are. */
export function sizeOf(bytes: Bytes): number {
  if (bytes instanceof Uint8Array) return bytes.length;
  if (ArrayBuffer.isView(bytes)) return bytes.byteLength;
  if (bytes instanceof StructArray) return bytes.length * bytes.type.size;
  return bytes instanceof Struct ? (bytes.constructor as unknown as StructType).size : 0;
}

/** How many elements there are. */
export function countOf(list: Vector | Bytes | readonly unknown[], name: string): number {
  if (Array.isArray(list) || list instanceof StructArray) return list.length;
  if (list instanceof Struct) return 1;
  if (list instanceof Int32Array) return list.length;
  throw argumentError(name, 'a list, unless it is said how many there are', list);
}

/** A struct's members as an ordinary object. */
export function toPlain<T extends Struct>(struct: T): Plain<T> {
  const values = struct as unknown as Readonly<Record<string, unknown>>;
  const plain: Record<string, unknown> = {};
  for (const { name } of (struct.constructor as unknown as StructType).fields) {
    if (name.startsWith('__')) continue;
    const value = values[name];
    if (typeof value !== 'object') plain[name] = value;
    else plain[name] = value instanceof Struct ? toPlain(value) : (value as Uint8Array).slice();
  }
  return plain as Plain<T>;
}

/** What one request has in memory beside its buffers. */
export class Held {
  private readonly memory: Memory;
  private readonly blocks: Block[] = [];
  private out: Struct | undefined;
  private numbers: Int32Array | undefined;
  /** The address that was encoded last: its bytes and their number are asked for one by one. */
  private address: { readonly of: SocketAddress; readonly bytes: Uint8Array } | undefined;

  constructor(ring: Ring) {
    this.memory = ring.memory;
  }

  private keep<T extends Block>(block: T): T {
    this.blocks.push(block);
    return block;
  }

  /** Frees all of it. */
  free(): void {
    for (const block of this.blocks) this.memory.free(block);
    this.blocks.length = 0;
  }

  path(value: Path, name: string): Uint8Array | null {
    if (typeof value === 'string') {
      if (value.includes('\0')) throw argumentError(name, 'a string without NUL', value);
      return this.keep(this.memory.allocString(value));
    }
    if (value instanceof Uint8Array) return value;
    // the one NULL that C allows: statx() of the file itself
    if (value === null && name === 'path') return null;
    throw argumentError(name, 'a string, or bytes that end with NUL', value);
  }

  timespec(value: Duration, name: string): __kernel_timespec {
    if (value instanceof __kernel_timespec) return value;
    if (typeof value !== 'number') throw argumentError(name, 'milliseconds or a __kernel_timespec', value);
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER))
      throw rangeError(`${name} is ${value}, which is no time in milliseconds`);
    const time = this.keep(this.memory.alloc(__kernel_timespec));
    setTime(time, value);
    return time;
  }

  private vector(list: readonly ArrayBufferView[], name: string): StructArray<iovec> {
    const vector = this.keep(this.memory.alloc(iovec, Math.max(list.length, 1)));
    list.forEach((view, index) => {
      if (!ArrayBuffer.isView(view))
        throw argumentError(`${name}[${index}]`, 'a typed array, Buffer or DataView', view);
      const element = vector.at(index);
      element.iov_base = view;
      element.iov_len = view.byteLength;
    });
    return vector;
  }

  iovecs(value: Vector, name: string): iovec | StructArray<iovec> {
    if (Array.isArray(value)) return this.vector(value, name);
    if (value instanceof iovec || value instanceof StructArray) return value;
    throw argumentError(name, 'a list of buffers, or iovecs', value);
  }

  registeredIovecs(list: readonly RegisteredBuffer[], name: string): StructArray<iovec> {
    if (!Array.isArray(list) || !list.every((each) => each instanceof RegisteredBuffer)) {
      throw argumentError(name, 'a list of parts of a registered buffer', list);
    }
    return this.vector(
      list.map(({ bytes }) => bytes),
      name,
    );
  }

  /** The one buffer that all parts are of. */
  bufferIndex(list: readonly RegisteredBuffer[], ring: Ring): number {
    const indexes = new Set(list.map((part) => part.indexIn(ring)));
    const [index] = indexes;
    if (index === undefined || indexes.size > 1) {
      throw argumentError('iovecs', 'parts of one and the same registered buffer', list);
    }
    return index;
  }

  msghdr(value: Message, name: string): msghdr {
    if (value instanceof msghdr) return value;
    if (typeof value !== 'object' || value === null || !Array.isArray(value.iov)) {
      throw argumentError(name, 'a msghdr, or an object with iov', value);
    }
    const header = this.keep(this.memory.alloc(msghdr));
    if (value.name !== undefined && value.name !== null) {
      const address = this.sockaddr(value.name, `${name}.name`);
      header.msg_name = address;
      header.msg_namelen = this.sockaddrLength(value.name);
    }
    header.msg_iov = this.vector(value.iov, `${name}.iov`);
    header.msg_iovlen = value.iov.length;
    if (value.control !== undefined) {
      header.msg_control = value.control;
      header.msg_controllen = value.control.byteLength;
    }
    return header;
  }

  openHow(value: OpenHow, name: string): open_how {
    if (value instanceof open_how) return value;
    if (typeof value !== 'object' || value === null) throw argumentError(name, 'an open_how or its members', value);
    const how = this.keep(this.memory.alloc(open_how));
    how.flags = value.flags ?? 0;
    how.mode = value.mode ?? 0;
    how.resolve = value.resolve ?? 0;
    return how;
  }

  epollEvent(value: EpollEvent, name: string): epoll_event | null {
    if (value === null || value instanceof epoll_event) return value;
    if (typeof value !== 'object') throw argumentError(name, 'an epoll_event or its members', value);
    const event = this.keep(this.memory.alloc(epoll_event));
    event.events = value.events;
    event.data.u64 = value.data ?? 0;
    return event;
  }

  sockaddr(value: SocketAddress | Bytes, name: string): Bytes {
    if (isBytes(value)) return value;
    if (this.address?.of === value) return this.address.bytes;
    const encoded = encodeSocketAddress(value, name);
    const bytes = this.keep(this.memory.allocArray(encoded.length));
    bytes.set(encoded);
    this.address = { of: value, bytes };
    return bytes;
  }

  sockaddrLength(value: SocketAddress | Bytes): number {
    return sizeOf(this.sockaddr(value, 'addr'));
  }

  /** Room for a result. */
  struct<T extends Struct>(type: StructType<T>): T {
    const out = this.keep(this.memory.alloc(type));
    this.out = out;
    return out;
  }

  /** What the kernel wrote to that room. */
  plain<T extends Struct>(_type: StructType<T>): () => Plain<T> {
    return () => toPlain(this.out as T);
  }

  /** Room for so many bytes of int. */
  room(bytes: number): Int32Array {
    this.numbers = this.keep(this.memory.allocArray(bytes / 4, Int32Array));
    return this.numbers;
  }

  pipe(): () => [number, number] {
    return () => [this.numbers?.[0] ?? -1, this.numbers?.[1] ?? -1];
  }

  /** The kernel says which places it chose, but not those that it was told: there, the second is the next one. */
  directPipe(ring: Ring, first: DirectFile | undefined): () => [DirectFile, DirectFile] {
    return () => {
      if (first) return [first, new DirectFile(ring, first.index + 1)];
      const [read, write] = this.pipe()();
      return [new DirectFile(ring, read), new DirectFile(ring, write)];
    };
  }

  socketAddressLength(): Int32Array {
    const length = this.room(4);
    length[0] = sizeOf(this.out as sockaddr_storage);
    return length;
  }

  socketAddress(): () => SocketAddress {
    return () => decodeSocketAddress((this.out as Struct).bytes.subarray(0, this.numbers?.[0] ?? 0));
  }
}
