/** Buffers that C takes from malloc(3), and what is compared in them. */
import { alloc, allocArray, iovec, memory, type StructArray } from '../../../src/c.js';

/** t_create_buffers: iovecs with a buffer each */
export function t_create_buffers(buf_num: number, buf_size: number): StructArray<iovec> {
  const vecs = alloc(iovec, buf_num);
  for (const vec of vecs) {
    vec.iov_base = t_aligned_alloc(buf_size, buf_size);
    vec.iov_len = buf_size;
  }
  return vecs;
}

/** t_aligned_alloc: posix_memalign(3) */
export function t_aligned_alloc(alignment: number, size: number): Uint8Array<ArrayBuffer> {
  const block = allocArray(size + alignment - 1);
  return block.subarray(Math.ceil(block.byteOffset / alignment) * alignment - block.byteOffset).subarray(0, size);
}

/** An iovec of one buffer. */
export function iovecOf(...buffers: Uint8Array[]): StructArray<iovec> {
  const vecs = alloc(iovec, buffers.length);
  buffers.forEach((buffer, index) => {
    vecs.at(index).iov_base = buffer;
    vecs.at(index).iov_len = buffer.length;
  });
  return vecs;
}

/** The bytes that an iovec leads to. */
export const bytesOf = (vec: iovec): Uint8Array => bytesAt(vec.iov_base, vec.iov_len);

/** The bytes at an address. */
export const bytesAt = (address: number, length: number): Uint8Array =>
  memory.bytes.subarray(address, address + length);

/** The text at the start of a buffer, up to a NUL as C has it. */
export function stringOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}
