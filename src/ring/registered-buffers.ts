/** Registered buffers: memory that the kernel has pinned once, for operations named `…_fixed`. */
import { invalidType, invalidValue } from '../checks/errors.js';
import { check } from '../host/check.js';
import { iovec } from '../structs/generated/structs.js';
import type { Engine } from './engine/engine.js';

/** The index of a registered buffer, which must be of this ring. */
export let bufferIndex: (buffer: RegisteredBuffer, engine: Engine) => number;

/**
 * A registered buffer of a ring, or a part of one. Get it from {@link Ring.registerBuffers}.
 *
 * ```ts
 * const [buffer] = ring.registerBuffers([new Uint8Array(65536)]);
 * const bytes = await ring.read_fixed(fd, buffer.subarray(0, 4096));
 * ```
 *
 * @see io_uring_register_buffers(3)
 */
export class RegisteredBuffer {
  readonly #owner: Engine;
  /** The bytes themselves. */
  readonly bytes: Uint8Array;
  /** Its index among the ring's registered buffers, from 0. */
  readonly index: number;

  static {
    bufferIndex = (buffer, engine) => {
      if (!(buffer instanceof RegisteredBuffer)) throw invalidType('buffer', 'a registered buffer', buffer);
      if (buffer.#owner !== engine) throw invalidValue('buffer', 'a registered buffer of the same ring', buffer);
      return buffer.index;
    };
  }

  /** @internal */
  constructor(owner: Engine, bytes: Uint8Array, index: number) {
    this.#owner = owner;
    this.bytes = bytes;
    this.index = index;
  }

  /** How many bytes it has. */
  get length(): number {
    return this.bytes.length;
  }

  /** A part of it, with the arguments of `Uint8Array.prototype.subarray`. */
  subarray(begin?: number, end?: number): RegisteredBuffer {
    return new RegisteredBuffer(this.#owner, this.bytes.subarray(begin, end), this.index);
  }
}

/** Registers buffers with a ring. */
export function registerBuffers(engine: Engine, buffers: readonly ArrayBufferView[]): RegisteredBuffer[] {
  const { functions, memory, ring } = engine;
  if (!Array.isArray(buffers) || !buffers.every((each) => ArrayBuffer.isView(each)))
    throw invalidType('buffers', 'a list of typed arrays or Buffers', buffers);
  if (buffers.length === 0) throw invalidValue('buffers', 'a list of typed arrays or Buffers', buffers);
  const vector = memory.alloc(iovec, buffers.length);
  try {
    buffers.forEach((view, index) => {
      vector.at(index).iov_base = view;
      vector.at(index).iov_len = view.byteLength;
    });
    check(functions.io_uring_register_buffers(ring.struct, vector, buffers.length), 'io_uring_register_buffers');
  } finally {
    memory.free(vector);
  }
  return buffers.map(
    (view, index) => new RegisteredBuffer(engine, new Uint8Array(view.buffer, view.byteOffset, view.byteLength), index),
  );
}

/** Lets go of all registered buffers of a ring. */
export function unregisterBuffers({ functions, ring }: Engine): void {
  check(functions.io_uring_unregister_buffers(ring.struct), 'io_uring_unregister_buffers');
}
