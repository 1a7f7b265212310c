/**
 * Arguments that C has behind pointers: paths, addresses, messages, times. They are copied into memory that the kernel
 * sees.
 */
import { invalidType, invalidValue, outOfRange } from '../checks/errors.js';
import type { Memory } from '../memory/memory.js';
import type { Pointers } from '../memory/pointers.js';
import { type Struct, StructArray, type StructType } from '../memory/struct.js';
import {
  __kernel_timespec,
  epoll_event,
  iovec,
  msghdr,
  open_how,
  type sockaddr_storage,
} from '../structs/generated/structs.js';
import {
  type Bytes,
  type Duration,
  type EpollEvent,
  isBytes,
  type Message,
  type OpenHow,
  type Path,
  type Plain,
  setTime,
  sizeOf,
  toPlain,
  type Vector,
} from './conversions.js';
import { DirectFile } from './direct-file.js';
import type { Engine } from './engine/engine.js';
import type { BorrowedMemory } from './engine/request.js';
import { bufferIndex, RegisteredBuffer } from './registered-buffers.js';
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from './socket-address.js';

type Block = Struct | StructArray<Struct> | Pointers<Struct> | ArrayBufferView;

const decoder = new TextDecoder();

/** The memory of one request, beside its buffers. The engine frees it after the last CQE. */
export class Scratch implements BorrowedMemory {
  /** The first path, as errors name it; undefined if there is none. */
  path: string | undefined;
  /** The second path. */
  dest: string | undefined;
  readonly #memory: Memory;
  readonly #blocks: Block[] = [];
  #result: Struct | undefined;
  #numbers: Int32Array | undefined;
  /** The address that was encoded last: an operation asks for its bytes and for their number. */
  #address: { readonly of: SocketAddress; readonly bytes: Uint8Array } | undefined;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  #keep<T extends Block>(block: T): T {
    this.#blocks.push(block);
    return block;
  }

  /** Frees all of it. */
  free(): void {
    for (const block of this.#blocks) this.#memory.free(block);
    this.#blocks.length = 0;
  }

  // --- arguments ------------------------------------------------------------------

  /** A path, a name or a symbolic link's target; errors of the request name paths. */
  string(value: Path, name: string): Uint8Array | null {
    if (typeof value === 'string') {
      if (value.includes('\0')) throw invalidValue(name, 'a string without NUL', value);
      this.#nameInErrors(value, name);
      return this.#keep(this.#memory.allocString(value));
    }
    if (value instanceof Uint8Array) {
      const end = value.indexOf(0);
      this.#nameInErrors(decoder.decode(end < 0 ? value : value.subarray(0, end)), name);
      return value;
    }
    // the one NULL that C allows: statx() of the file descriptor itself
    if (value === null && name === 'path') return null;
    throw invalidType(name, 'a string, or bytes that end with NUL', value);
  }

  #nameInErrors(text: string, name: string): void {
    if (!name.endsWith('path') && name !== 'target') return; // the name of an extended attribute
    if (this.path === undefined) this.path = text;
    else this.dest = text;
  }

  timespec(value: Duration, name: string): __kernel_timespec {
    if (value instanceof __kernel_timespec) return value;
    if (typeof value !== 'number') throw invalidType(name, 'milliseconds or a __kernel_timespec', value);
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER))
      throw outOfRange(`${name} is ${value}, which is no time in milliseconds`);
    const time = this.#keep(this.#memory.alloc(__kernel_timespec));
    setTime(time, value);
    return time;
  }

  #vector(list: readonly ArrayBufferView[], name: string): StructArray<iovec> {
    const vector = this.#keep(this.#memory.alloc(iovec, Math.max(list.length, 1)));
    list.forEach((view, index) => {
      if (!ArrayBuffer.isView(view)) throw invalidType(`${name}[${index}]`, 'a typed array, Buffer or DataView', view);
      const element = vector.at(index);
      element.iov_base = view;
      element.iov_len = view.byteLength;
    });
    return vector;
  }

  iovecs(value: Vector, name: string): iovec | StructArray<iovec> {
    if (Array.isArray(value)) return this.#vector(value, name);
    if (value instanceof iovec || value instanceof StructArray) return value;
    throw invalidType(name, 'a list of buffers, or iovecs', value);
  }

  registeredIovecs(list: readonly RegisteredBuffer[], name: string): StructArray<iovec> {
    if (!Array.isArray(list) || !list.every((each) => each instanceof RegisteredBuffer)) {
      throw invalidType(name, 'a list of parts of a registered buffer', list);
    }
    return this.#vector(
      list.map(({ bytes }) => bytes),
      name,
    );
  }

  /** The index of the registered buffer that all parts are of. */
  bufferIndex(list: readonly RegisteredBuffer[], engine: Engine): number {
    const indexes = new Set(list.map((part) => bufferIndex(part, engine)));
    const [index] = indexes;
    if (index === undefined || indexes.size > 1) {
      throw invalidValue('iovecs', 'parts of one and the same registered buffer', list);
    }
    return index;
  }

  msghdr(value: Message, name: string): msghdr {
    if (value instanceof msghdr) return value;
    if (typeof value !== 'object' || value === null || !Array.isArray(value.iov)) {
      throw invalidType(name, 'a msghdr, or an object with iov', value);
    }
    const header = this.#keep(this.#memory.alloc(msghdr));
    if (value.name !== undefined && value.name !== null) {
      const address = this.sockaddr(value.name, `${name}.name`);
      header.msg_name = address;
      header.msg_namelen = this.sockaddrLength(value.name);
    }
    header.msg_iov = this.#vector(value.iov, `${name}.iov`);
    header.msg_iovlen = value.iov.length;
    if (value.control !== undefined) {
      header.msg_control = value.control;
      header.msg_controllen = value.control.byteLength;
    }
    return header;
  }

  openHow(value: OpenHow, name: string): open_how {
    if (value instanceof open_how) return value;
    if (typeof value !== 'object' || value === null) throw invalidType(name, 'an open_how or its members', value);
    const how = this.#keep(this.#memory.alloc(open_how));
    how.flags = value.flags ?? 0;
    how.mode = value.mode ?? 0;
    how.resolve = value.resolve ?? 0;
    return how;
  }

  epollEvent(value: EpollEvent, name: string): epoll_event | null {
    if (value === null || value instanceof epoll_event) return value;
    if (typeof value !== 'object') throw invalidType(name, 'an epoll_event or its members', value);
    const event = this.#keep(this.#memory.alloc(epoll_event));
    event.events = value.events;
    event.data.u64 = value.data ?? 0;
    return event;
  }

  sockaddr(value: SocketAddress | Bytes, name: string): Bytes {
    if (isBytes(value)) return value;
    if (this.#address?.of === value) return this.#address.bytes;
    const encoded = encodeSocketAddress(value, name);
    const bytes = this.#keep(this.#memory.allocArray(encoded.length));
    bytes.set(encoded);
    this.#address = { of: value, bytes };
    return bytes;
  }

  sockaddrLength(value: SocketAddress | Bytes): number {
    return sizeOf(this.sockaddr(value, 'addr'));
  }

  // --- results ----------------------------------------------------------------------

  /** Room for a struct that the kernel writes. */
  struct<T extends Struct>(type: StructType<T>): T {
    const result = this.#keep(this.#memory.alloc(type));
    this.#result = result;
    return result;
  }

  /** What the kernel wrote to {@link struct}. */
  plain<T extends Struct>(_type: StructType<T>): () => Plain<T> {
    return () => toPlain(this.#result as T);
  }

  /** Room for `count` ints that the kernel writes. */
  ints(count: number): Int32Array {
    this.#numbers = this.#keep(this.#memory.allocArray(count, Int32Array));
    return this.#numbers;
  }

  /** The two fds of a pipe. */
  pipe(): () => [number, number] {
    return () => [this.#numbers?.[0] ?? -1, this.#numbers?.[1] ?? -1];
  }

  /** The two ends of a pipe. The kernel reports the slots that it chose; of a slot it was given, the next is the other. */
  directPipe(engine: Engine, first: DirectFile | undefined): () => [DirectFile, DirectFile] {
    return () => {
      if (first) return [first, new DirectFile(engine, first.index + 1)];
      const [read, write] = this.pipe()();
      return [new DirectFile(engine, read), new DirectFile(engine, write)];
    };
  }

  /** The size of {@link struct}, which the kernel replaces by that of the address. */
  socketAddressLength(): Int32Array {
    const length = this.ints(1);
    length[0] = sizeOf(this.#result as sockaddr_storage);
    return length;
  }

  /** The address that the kernel wrote. */
  socketAddress(): () => SocketAddress {
    return () => decodeSocketAddress((this.#result as Struct).bytes.subarray(0, this.#numbers?.[0] ?? 0));
  }
}
