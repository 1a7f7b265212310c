/**
 * The types of operations' arguments that stand for structs and pointers of C, with helpers that measure and copy them.
 */
import { invalidType } from '../checks/errors.js';
import { Struct, StructArray, type StructType } from '../memory/struct.js';
import type { __kernel_timespec, epoll_event, iovec, msghdr, open_how } from '../structs/generated/structs.js';
import type { SocketAddress } from './socket-address.js';

/**
 * Memory to read from or write to: any typed array, Buffer or DataView, or what `alloc` returned. The kernel uses it in
 * place, without a copy.
 */
export type Bytes = ArrayBufferView | Struct | StructArray<Struct> | null;

/** A path, an extended attribute's name or the target of a symbolic link: text, or bytes that end with NUL. */
export type Path = string | Uint8Array;

/** A time: milliseconds, or C's struct. */
export type Duration = number | __kernel_timespec;

/** Buffers that are filled, or whose data is written, one after the other. */
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

/** A struct's members without the reserved ones, as an ordinary object. It stays valid when the memory is freed. */
export type Plain<T extends Struct> = {
  readonly [Name in Exclude<keyof T, keyof Struct | `__${string}`>]: T[Name] extends Struct ? Plain<T[Name]> : T[Name];
};

/** Writes milliseconds to C's struct. */
export function setTime(time: __kernel_timespec, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  time.tv_sec = seconds;
  time.tv_nsec = Math.round((milliseconds - seconds * 1000) * 1e6);
}

/** Whether a socket address is given as bytes, and needs no encoding. */
export const isBytes = (value: SocketAddress | Bytes): value is Bytes =>
  value === null || ArrayBuffer.isView(value) || value instanceof Struct || value instanceof StructArray;

/** How many bytes an argument has. */
export function sizeOf(bytes: Bytes): number {
  if (bytes instanceof Uint8Array) return bytes.length;
  if (ArrayBuffer.isView(bytes)) return bytes.byteLength;
  if (bytes instanceof StructArray) return bytes.length * bytes.type.size;
  return bytes instanceof Struct ? (bytes.constructor as unknown as StructType).size : 0;
}

/** How many elements a list has. */
export function countOf(list: Vector | Bytes | readonly unknown[], name: string): number {
  if (Array.isArray(list) || list instanceof StructArray) return list.length;
  if (list instanceof Struct) return 1;
  if (list instanceof Int32Array) return list.length;
  throw invalidType(name, 'a list, unless its length is given', list);
}

/** A struct's members, copied to an ordinary object. */
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
