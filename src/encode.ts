/**
 * The half of liburing that needs no kernel: preparing SQEs, in any JavaScript runtime.
 *
 * @packageDocumentation
 */
import { type Encode, makeEncode } from './encoding/encode-call.js';
import { type Instance, type InstanceOptions, instantiateWithoutHost } from './liburing/instance.js';

export * from './constants/generated/uring.js';
export { type DecodedField, type DecodedSqe, type Difference, decode, diff } from './encoding/decode.js';
export { type CallArguments, CallError, type Encode, encoders } from './encoding/encode-call.js';
export { type CParameter, type CSignature, signatures } from './encoding/generated/signatures.js';
export type { Functions } from './liburing/generated/functions.js';
export type { Instance, InstanceOptions } from './liburing/instance.js';
export type { PointerTo } from './memory/address-space.js';
export type { Memory } from './memory/memory.js';
export { Pointers } from './memory/pointers.js';
export { type Address, type Field, Struct, StructArray, type StructMemory, type StructType } from './memory/struct.js';
export * from './structs/generated/structs.js';

/** Reads `liburing.wasm` from beside this file: by fetch, or from the disk where this file is on one. */
async function compileModule(): Promise<WebAssembly.Module> {
  const url = new URL('../dist/liburing.wasm', import.meta.url);
  if (url.protocol !== 'file:') return WebAssembly.compileStreaming(fetch(url));
  const { readFile } = await import('node:fs/promises');
  return WebAssembly.compile(await readFile(url));
}

/** An instance that only prepares SQEs, and can do so by the name of a function. */
export interface Encoder extends Instance {
  /** The bytes that a prep function writes: see {@link Encode}. */
  readonly encode: Encode;
}

/**
 * Makes an instance in ordinary wasm memory. Its functions that prepare SQEs, and all others that
 * make no system call, work; the others throw `ENOSYS`.
 *
 * ```ts
 * const { encode } = await loadEncoder();
 * encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 4096, offset: 0 });
 * ```
 *
 * @param module - The compiled `liburing.wasm`, for bundlers that put it elsewhere than beside this file.
 */
export async function loadEncoder(module?: WebAssembly.Module, options: InstanceOptions = {}): Promise<Encoder> {
  const why = 'This instance has no host: it only prepares SQEs.';
  const instance = instantiateWithoutHost(module ?? (await compileModule()), why, options);
  return { ...instance, encode: makeEncode(instance.functions, instance.memory) };
}
