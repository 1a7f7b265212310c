/** The buffers of a buffer ring: which the kernel has, which hold data, and who waits for one. */
import { invalidState } from '../checks/errors.js';
import { systemError } from '../checks/system-error.js';
import {
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IOU_PBUF_RING_INC,
} from '../constants/generated/uring.js';
import type { io_uring_buf_ring } from '../structs/generated/structs.js';
import type { RingUser } from './engine/close.js';
import type { Engine } from './engine/engine.js';
import type { ProvidedBuffers } from './engine/request.js';

/** One buffer, and who still reads from it. */
interface Slot {
  readonly bytes: Uint8Array;
  /** Parts handed out and not released. */
  readers: number;
  /** Bytes that the kernel has used. */
  used: number;
  /** Whether the kernel is done with it. */
  complete: boolean;
  /** The part that was received last. The next message is often as long, and then takes no new view. */
  part: Uint8Array;
}

/**
 * Data in a provided buffer. The memory goes back to its buffer ring with `release()`, or at the end of a `using`
 * block. Read it or copy it before that.
 *
 * ```ts
 * for await (const received of ring.recv_multishot(socket, buffers)) {
 *   console.log(received.bytes.length);
 *   received.release();
 * }
 * ```
 */
export class ReceivedBuffer implements Disposable {
  readonly #owner: BufferPool;
  readonly #slot: number;
  readonly #bytes: Uint8Array;
  #released = false;

  /** @param slot - The buffer that it is in; -1 for none. @internal */
  constructor(owner: BufferPool, slot: number, bytes: Uint8Array) {
    this.#owner = owner;
    this.#slot = slot;
    this.#bytes = bytes;
  }

  /**
   * The data: a view of the buffer, not a copy.
   *
   * @throws a TypeError once it has been released, or its buffer ring is closed: then the memory is somebody else's.
   */
  get bytes(): Uint8Array {
    if (this.#released) throw invalidState('buffer', 'held', 'released');
    if (!this.#owner.isOpen) throw invalidState('buffer', 'held', 'one of a closed buffer ring');
    return this.#bytes;
  }

  /** How many bytes there are. 0 at the end of the data. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Gives the memory back. Later calls do nothing. */
  release(): void {
    if (!this.#released && this.#slot >= 0) this.#owner.released(this.#slot);
    this.#released = true;
  }

  /** Gives the buffer back like {@link ReceivedBuffer.release}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.release();
  }
}

/** How a pool is set up. */
export interface PoolSettings {
  readonly entries: number;
  readonly size: number;
  readonly group: number;
  readonly incremental: boolean;
}

/** The buffers of one group. */
export class BufferPool implements ProvidedBuffers, RingUser {
  readonly engine: Engine;
  readonly group: number;
  readonly entries: number;
  /** Bytes of each buffer. */
  readonly size: number;
  readonly #incremental: boolean;
  readonly #memory: Uint8Array;
  readonly #slots: Slot[];
  readonly #mask: number;
  /** What the kernel takes buffers from; undefined once it is closed. */
  #ring: io_uring_buf_ring | undefined;
  #held = 0;
  readonly #waiting = new Set<() => void>();

  /** Registers the buffers with the ring. @throws a SystemError if the kernel refuses. */
  constructor(engine: Engine, { entries, size, group, incremental }: PoolSettings) {
    const { functions, memory, ring } = engine;
    this.engine = engine;
    this.entries = entries;
    this.size = size;
    this.group = group;
    this.#incremental = incremental;
    this.#mask = functions.io_uring_buf_ring_mask(entries);
    this.#memory = memory.allocArray(entries * size);
    const error = memory.allocArray(1, Int32Array);
    try {
      const flags = incremental ? IOU_PBUF_RING_INC : 0;
      const shared = functions.io_uring_setup_buf_ring(ring.struct, entries, group, flags, error);
      if (shared === null) throw systemError(error[0] ?? 0, 'io_uring_setup_buf_ring');
      this.#ring = shared;
    } catch (failure) {
      memory.free(this.#memory);
      throw failure;
    } finally {
      memory.free(error);
    }
    this.#slots = Array.from({ length: entries }, (_, index) => {
      const bytes = this.#memory.subarray(index * size, (index + 1) * size);
      return { bytes, readers: 0, used: 0, complete: true, part: bytes };
    });
    engine.bufferGroups.add(group);
    engine.use(this);
    for (let index = 0; index < entries; index++) this.#add(this.#ring, index, index);
    functions.io_uring_buf_ring_advance(this.#ring, entries);
  }

  /** @param offset - How many were added since the last io_uring_buf_ring_advance(). */
  #add(ring: io_uring_buf_ring, index: number, offset: number): void {
    const slot = this.#slots[index] as Slot;
    slot.used = 0;
    slot.complete = false;
    this.engine.functions.io_uring_buf_ring_add(ring, slot.bytes, this.size, index, this.#mask, offset);
  }

  /** How many buffers hold data that has not been released. */
  get held(): number {
    return this.#held;
  }

  /** Whether the kernel has the buffers. */
  get isOpen(): boolean {
    return this.#ring !== undefined;
  }

  // --- completions -----------------------------------------------------------------

  received(length: number, flags: number): ReceivedBuffer {
    // at the end of the data, a CQE names no buffer
    if (!(flags & IORING_CQE_F_BUFFER)) return new ReceivedBuffer(this, -1, this.#memory.subarray(0, 0));
    const index = flags >>> IORING_CQE_BUFFER_SHIFT;
    const slot = this.#slots[index] as Slot;
    if (this.#incremental || slot.part.length !== length) {
      slot.part = slot.bytes.subarray(slot.used, slot.used + length);
    }
    const { part } = slot;
    if (slot.readers++ === 0) this.#held++;
    slot.used += length;
    slot.complete = !(this.#incremental && flags & IORING_CQE_F_BUF_MORE);
    return new ReceivedBuffer(this, index, part);
  }

  /** All buffers of a bundle: consecutive ones, from the one that the CQE names. */
  *bundle(length: number, flags: number): Generator<ReceivedBuffer> {
    let left = length;
    let index = flags >>> IORING_CQE_BUFFER_SHIFT;
    while (left > 0) {
      const slot = this.#slots[index] as Slot;
      const part = Math.min(left, this.size - slot.used);
      left -= part;
      const more = left === 0 && flags & IORING_CQE_F_BUF_MORE ? IORING_CQE_F_BUF_MORE : 0;
      yield this.received(part, IORING_CQE_F_BUFFER | more | (index << IORING_CQE_BUFFER_SHIFT));
      index = (index + 1) & this.#mask;
    }
  }

  unused(flags: number): void {
    if (flags & IORING_CQE_F_BUFFER) this.received(0, flags).release();
  }

  // --- buffers that come back -------------------------------------------------------

  /** Called once for each part that was handed out. */
  released(index: number): void {
    const slot = this.#slots[index] as Slot;
    if (--slot.readers > 0) return;
    this.#held--;
    if (!slot.complete || this.#ring === undefined) return;
    this.#add(this.#ring, index, 0);
    this.engine.functions.io_uring_buf_ring_advance(this.#ring, 1);
    this.resume();
  }

  /**
   * Calls as many of those that wait as there are buffers, as the others would only fail again. When no buffer is
   * held, no later release will call anybody, so all are called.
   */
  resume(): void {
    this.#resumeSome(this.#held === 0 ? this.#waiting.size : this.entries - this.#held);
  }

  #resumeSome(count: number): void {
    let left = count;
    for (const resume of this.#waiting) {
      if (left-- === 0) return;
      this.#waiting.delete(resume);
      resume();
    }
  }

  /** Calls back when there is a buffer without data; at once if there is one. */
  whenAvailable(resume: () => void): void {
    if (this.#held < this.entries) resume();
    else this.#waiting.add(resume);
  }

  /** Calls `resume` no more. */
  forget(resume: () => void): void {
    this.#waiting.delete(resume);
  }

  // --- the end ------------------------------------------------------------------------

  /** Takes the buffers away from the kernel, and frees their memory. */
  close(): void {
    if (this.#ring === undefined) return;
    const { functions, memory, ring, bufferGroups } = this.engine;
    functions.io_uring_free_buf_ring(ring.struct, this.#ring, this.entries, this.group);
    this.#ring = undefined;
    bufferGroups.delete(this.group);
    this.engine.leave(this);
    memory.free(this.#memory);
    // those that wait start their requests again, and the kernel's answer tells them
    if (!ring.closing) this.#resumeSome(this.#waiting.size);
  }

  ringEnds(): void {
    this.close();
  }
}
