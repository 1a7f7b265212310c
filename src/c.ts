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
import { functions, memory } from './host/default.js';
import type { Macros } from './liburing/macros.js';
import type { Memory } from './memory/memory.js';

export { SystemError, type SystemErrorDetails } from './checks/system-error.js';
export * from './constants/generated/uring.js';
export { check } from './host/check.js';
export { hostError, memory } from './host/default.js';
export * from './host/generated/exports.js';
export { createInstance } from './host/second-instance.js';
export { prepZero, type ZeroOperation, type ZeroOptions, zeroOperation } from './host/zero.js';
export type { Functions } from './liburing/generated/functions.js';
export type { Instance, InstanceOptions } from './liburing/instance.js';
export type { Macros } from './liburing/macros.js';
export type { PointerTo } from './memory/address-space.js';
export type { Memory, TypedArrayConstructor } from './memory/memory.js';
export { Pointers } from './memory/pointers.js';
export { type Address, type Field, Struct, StructArray, type StructMemory, type StructType } from './memory/struct.js';
export * from './structs/generated/structs.js';

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

/** Unmaps what {@link map} returned: see {@link Memory.unmap}. */
export const unmap: Memory['unmap'] = memory.unmap.bind(memory);

/** The completions that are in the ring now: see {@link Macros.io_uring_for_each_cqe}. */
export const io_uring_for_each_cqe: Macros['io_uring_for_each_cqe'] = functions.io_uring_for_each_cqe;

/** Reads a word that the kernel writes: see {@link Macros.io_uring_smp_load_acquire}. */
export const io_uring_smp_load_acquire: Macros['io_uring_smp_load_acquire'] = functions.io_uring_smp_load_acquire;

/** Writes a word that the kernel reads: see {@link Macros.io_uring_smp_store_release}. */
export const io_uring_smp_store_release: Macros['io_uring_smp_store_release'] = functions.io_uring_smp_store_release;
