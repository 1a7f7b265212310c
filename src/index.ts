/// <reference lib="esnext.disposable" preserve="true" />
/**
 * liburing's C interface: every function, struct and constant under its name in C.
 *
 * ```ts
 * const ring = alloc(io_uring);
 * check(io_uring_queue_init(8, ring, 0), 'io_uring_queue_init');
 * ```
 *
 * Functions return what C returns, `-errno` included. Arguments are checked: a wrong one throws
 * before anything is written.
 *
 * @packageDocumentation
 */
import { functions, memory } from './default.js';
import { type Instance, type InstanceOptions, instantiate } from './library.js';
import { loadHost, loadModule } from './load.js';
import type { Macros } from './macros.js';
import type { Memory } from './memory.js';

export { check } from './check.js';
export { hostError, memory } from './default.js';
export { type SystemError, systemError } from './errors.js';
export * from './generated/constants.js';
export * from './generated/exports.js';
export type { Functions } from './generated/functions.js';
export type { ChainOperations, RingOperations } from './generated/operations.js';
export * from './generated/structs.js';
export type { Instance, InstanceOptions } from './library.js';
export type { Macros } from './macros.js';
export type { Address, Memory, PointerTo } from './memory.js';
export { BufferRing, type BufferRingOptions, ReceivedBuffer } from './ring/buffer-ring.js';
export { Chain, type ChainError, type Outcome } from './ring/chain.js';
export type { WaitOptions } from './ring/core.js';
export { DirectFile, type FileDescriptor, FileTable } from './ring/files.js';
export type { Bytes, Duration, EpollEvent, Message, OpenHow, Path, Plain, Vector } from './ring/held.js';
export { MESSAGE_BIT, type RingMessage, type RingTarget } from './ring/messages.js';
export { Multishot } from './ring/multishot.js';
export type { BundleOption, MessageRoom, MultishotOptions, ReceivedMessage } from './ring/multishot-operations.js';
export type { RingOptions, SetupFlags } from './ring/options.js';
export { RegisteredBuffer } from './ring/registered-buffers.js';
export { RegisteredWait } from './ring/registered-waits.js';
export { RequestHandle, type RequestOptions } from './ring/request.js';
export { Ring } from './ring/ring.js';
export { decodeSocketAddress, type SocketAddress } from './ring/socket-address.js';
export { Stream } from './ring/stream.js';
export { type Field, Pointers, Struct, StructArray, type StructType } from './struct.js';
export { prepZero, type ZeroOperation, type ZeroOptions, zeroOperation } from './zero.js';

/** Allocates a zeroed struct, or an array of them: see {@link Memory.alloc}. */
export const alloc: Memory['alloc'] = memory.alloc.bind(memory) as Memory['alloc'];

/** Allocates a zeroed typed array that C and the kernel can use: see {@link Memory.allocArray}. */
export const allocArray: Memory['allocArray'] = memory.allocArray.bind(memory) as Memory['allocArray'];

/** Allocates room for `struct X *`, to be passed as C's `&x`: see {@link Memory.allocPointers}. */
export const allocPointers: Memory['allocPointers'] = memory.allocPointers.bind(memory);

/** Allocates a NUL-terminated string: see {@link Memory.allocString}. */
export const allocString: Memory['allocString'] = memory.allocString.bind(memory);

/** Frees what one of the functions above returned: see {@link Memory.free}. */
export const free: Memory['free'] = memory.free.bind(memory);

/** Maps a ring's, a file's or a device's memory, as mmap(2) does: see {@link Memory.map}. */
export const map: Memory['map'] = memory.map.bind(memory);

/** Undoes {@link map}: see {@link Memory.unmap}. */
export const unmap: Memory['unmap'] = memory.unmap.bind(memory);

/** The completions that are there now: see {@link Macros.io_uring_for_each_cqe}. */
export const io_uring_for_each_cqe: Macros['io_uring_for_each_cqe'] = functions.io_uring_for_each_cqe;

/** See {@link Macros.io_uring_smp_load_acquire}. */
export const io_uring_smp_load_acquire: Macros['io_uring_smp_load_acquire'] = functions.io_uring_smp_load_acquire;

/** See {@link Macros.io_uring_smp_store_release}. */
export const io_uring_smp_store_release: Macros['io_uring_smp_store_release'] = functions.io_uring_smp_store_release;

/**
 * Makes a second liburing with a window of its own, beside the one that this module's functions
 * work on. Structs and functions of two instances do not mix.
 *
 * @throws a {@link SystemError} where there is no host, or no addresses for its window.
 */
export function createInstance(options: InstanceOptions = {}): Instance {
  return instantiate(loadModule(), loadHost(), options);
}
