/** Registered buffers: memory that the kernel has pinned once, for operations named `…_fixed`. */
import { check } from '../check.js';
import { argumentError } from '../errors.js';
import { iovec } from '../generated/structs.js';
import { C } from './hooks.js';
import type { Ring } from './ring.js';

/**
 * A registered buffer of a ring, or a part of one. Get it from {@link Ring.registerBuffers}.
 *
 * @see io_uring_register_buffers(3)
 */
export class RegisteredBuffer {
  private readonly ring: Ring;
  /** The bytes themselves. */
  readonly bytes: Uint8Array;
  /** Which of the ring's registered buffers it is, from 0. */
  readonly index: number;

  /** @internal */
  constructor(ring: Ring, bytes: Uint8Array, index: number) {
    this.ring = ring;
    this.bytes = bytes;
    this.index = index;
  }

  /** How many bytes it has. */
  get length(): number {
    return this.bytes.length;
  }

  /** A part of it, as `Uint8Array.prototype.subarray` takes it. */
  subarray(begin?: number, end?: number): RegisteredBuffer {
    return new RegisteredBuffer(this.ring, this.bytes.subarray(begin, end), this.index);
  }

  /** @internal */
  indexIn(ring: Ring): number {
    if (ring === this.ring) return this.index;
    throw argumentError('buffer', 'a registered buffer of the same ring', this);
  }
}

/** @internal */
export function registerBuffers(ring: Ring, buffers: readonly ArrayBufferView[]): RegisteredBuffer[] {
  const { memory } = ring;
  if (!Array.isArray(buffers) || buffers.length === 0 || !buffers.every((each) => ArrayBuffer.isView(each))) {
    throw argumentError('buffers', 'a list of typed arrays or Buffers', buffers);
  }
  const vector = memory.alloc(iovec, buffers.length);
  try {
    buffers.forEach((view, index) => {
      vector.at(index).iov_base = view;
      vector.at(index).iov_len = view.byteLength;
    });
    check(ring[C].io_uring_register_buffers(ring.struct, vector, buffers.length), 'io_uring_register_buffers');
  } finally {
    memory.free(vector);
  }
  return buffers.map(
    (view, index) => new RegisteredBuffer(ring, new Uint8Array(view.buffer, view.byteOffset, view.byteLength), index),
  );
}
