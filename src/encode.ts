/**
 * The half of liburing that needs no kernel: preparing SQEs, in any JavaScript runtime.
 *
 * @packageDocumentation
 */
import { type Encode, makeEncode } from './encoder.js';
import { type Instance, type InstanceOptions, instantiateWithoutHost } from './library.js';

export { type DecodedField, type DecodedSqe, type Difference, decode, diff } from './decode.js';
export { type CallArguments, CallError, type Encode, encoders } from './encoder.js';
export * from './generated/constants.js';
export type { Functions } from './generated/functions.js';
export { type CParameter, type CSignature, signatures } from './generated/signatures.js';
export * from './generated/structs.js';
export type { Instance, InstanceOptions } from './library.js';
export type { Address, Memory, PointerTo } from './memory.js';
export { type Field, Pointers, Struct, StructArray, type StructType } from './struct.js';

/** Reads the module from where this one is: by fetch, or from the disk where files are modules. */
async function compileModule(): Promise<WebAssembly.Module> {
  const url = new URL('../dist/liburing.wasm', import.meta.url);
  if (url.protocol !== 'file:') return WebAssembly.compileStreaming(fetch(url));
  const { readFile } = await import('node:fs/promises');
  return WebAssembly.compile(await readFile(url));
}

/** An instance that prepares SQEs, and does so by name, too. */
export interface Encoder extends Instance {
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
 * @param module - The compiled `liburing.wasm`, for bundlers that have it elsewhere than beside this file.
 */
export async function loadEncoder(module?: WebAssembly.Module, options: InstanceOptions = {}): Promise<Encoder> {
  const why = 'This instance has no host: it only prepares SQEs.';
  const instance = instantiateWithoutHost(module ?? (await compileModule()), why, options);
  return { ...instance, encode: makeEncode(instance.functions, instance.memory) };
}
