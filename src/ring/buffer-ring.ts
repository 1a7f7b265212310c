/** Buffer rings: buffers that the kernel takes when there is data, and the reader gives back. */
import { argumentError, stateError, systemError } from '../errors.js';
import {
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IOU_PBUF_RING_INC,
} from '../generated/constants.js';
import type { io_uring_buf_ring } from '../generated/structs.js';
import { C } from './hooks.js';
import type { Ring } from './ring.js';

/** Settings of a {@link BufferRing}. */
export interface BufferRingOptions {
  /** How many buffers; a power of two up to 32768. */
  readonly entries: number;
  /** Bytes of each. */
  readonly size: number;
  /** The group's number, 0 to 65535; by default, one that is not in use. */
  readonly group?: number;
  /** Buffers are used up bit by bit, by one receive after the other: IOU_PBUF_RING_INC, Linux 6.12. */
  readonly incremental?: boolean;
}

/** One buffer of a ring, and who still reads from it. */
interface Slot {
  readonly bytes: Uint8Array;
  /** Parts handed out and not released. */
  readers: number;
  /** How far the kernel has used it. */
  used: number;
  /** Whether the kernel is done with it. */
  complete: boolean;
  /** What was received in it last: as a rule, the next message is as long. */
  part: Uint8Array;
}

/**
 * Data in a provided buffer. The memory goes back to the ring with `release()`, or at the end of a
 * `using` block; read it or copy it before that.
 */
export class ReceivedBuffer implements Disposable {
  private readonly owner: BufferRing;
  private readonly slot: number;
  private readonly data: Uint8Array;
  private released = false;

  /** @param slot - The buffer it is in; none for -1. @internal */
  constructor(owner: BufferRing, slot: number, bytes: Uint8Array) {
    this.owner = owner;
    this.slot = slot;
    this.data = bytes;
  }

  /** The data: a view of the buffer, not a copy. */
  get bytes(): Uint8Array {
    if (this.released) throw stateError('buffer', 'held', 'released');
    return this.data;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.data.length;
  }

  /** Gives the memory back. Once is enough. */
  release(): void {
    if (!this.released && this.slot >= 0) this.owner.released(this.slot);
    this.released = true;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Buffers of one size that a ring's receives and reads take from, one for each completion with data.
 * Ten thousand idle connections share them; only those with data hold one.
 *
 * @see io_uring_setup_buf_ring(3)
 */
export class BufferRing implements Disposable {
  private readonly ring: Ring;
  /** The group's number. */
  readonly group: number;
  /** How many buffers. */
  readonly entries: number;
  /** Bytes of each. */
  readonly size: number;
  private readonly incremental: boolean;
  private readonly memory: Uint8Array;
  private readonly slots: Slot[];
  private readonly mask: number;
  private shared: io_uring_buf_ring | undefined;
  private inUse = 0;
  private readonly starved = new Set<() => void>();

  /** @internal */
  constructor(ring: Ring, { entries, size, group, incremental = false }: BufferRingOptions) {
    if (!Number.isInteger(entries) || entries < 1 || entries > 32768 || entries & (entries - 1)) {
      throw argumentError('entries', 'a power of two from 1 to 32768', entries);
    }
    if (!Number.isInteger(size) || size < 1) throw argumentError('size', 'a positive number of bytes', size);
    this.ring = ring;
    this.entries = entries;
    this.size = size;
    this.incremental = incremental;
    this.group = ring.newBufferGroup(group);
    const { memory, struct } = ring;
    const functions = ring[C];
    this.memory = memory.allocArray(entries * size);
    this.mask = functions.io_uring_buf_ring_mask(entries);
    const error = memory.allocArray(1, Int32Array);
    try {
      const flags = incremental ? IOU_PBUF_RING_INC : 0;
      const shared = functions.io_uring_setup_buf_ring(struct, entries, this.group, flags, error);
      if (shared === null) throw systemError(error[0] ?? 0, 'io_uring_setup_buf_ring');
      this.shared = shared;
    } catch (failure) {
      memory.free(this.memory);
      ring.bufferGroups.delete(this.group);
      throw failure;
    } finally {
      memory.free(error);
    }
    this.slots = Array.from({ length: entries }, (_, index) => {
      const bytes = this.memory.subarray(index * size, (index + 1) * size);
      return { bytes, readers: 0, used: 0, complete: true, part: bytes };
    });
    ring.bufferGroups.set(this.group, this);
    for (let index = 0; index < entries; index++) this.add(index, index);
    functions.io_uring_buf_ring_advance(this.shared, entries);
  }

  private add(index: number, place: number): void {
    const slot = this.slots[index] as Slot;
    slot.used = 0;
    slot.complete = false;
    this.ring[C].io_uring_buf_ring_add(
      this.shared as io_uring_buf_ring,
      slot.bytes,
      this.size,
      index,
      this.mask,
      place,
    );
  }

  /** How many buffers hold data that has not been released. */
  get held(): number {
    return this.inUse;
  }

  /** Whether the kernel has it. @internal */
  get isOpen(): boolean {
    return this.shared !== undefined;
  }

  /** Its group, if it is of this ring. @internal */
  groupIn(ring: Ring): number {
    if (ring === this.ring) return this.group;
    throw argumentError('buffers', 'a BufferRing of the same ring', this);
  }

  /** The buffer that a CQE says its data is in. @internal */
  received(length: number, flags: number): ReceivedBuffer {
    // at the end of the data there is none
    if (!(flags & IORING_CQE_F_BUFFER)) return new ReceivedBuffer(this, -1, this.memory.subarray(0, 0));
    const index = flags >>> IORING_CQE_BUFFER_SHIFT;
    const slot = this.slots[index] as Slot;
    if (this.incremental || slot.part.length !== length) {
      slot.part = slot.bytes.subarray(slot.used, slot.used + length);
    }
    const { part } = slot;
    if (slot.readers++ === 0) this.inUse++;
    slot.used += length;
    slot.complete = !(this.incremental && flags & IORING_CQE_F_BUF_MORE);
    return new ReceivedBuffer(this, index, part);
  }

  /** All buffers of a bundle: consecutive ones, from the one that the CQE names. @internal */
  *bundle(length: number, flags: number): Generator<ReceivedBuffer> {
    let left = length;
    let index = flags >>> IORING_CQE_BUFFER_SHIFT;
    while (left > 0) {
      const slot = this.slots[index] as Slot;
      const part = Math.min(left, this.size - slot.used);
      left -= part;
      const more = left === 0 && flags & IORING_CQE_F_BUF_MORE ? IORING_CQE_F_BUF_MORE : 0;
      yield this.received(part, IORING_CQE_F_BUFFER | more | (index << IORING_CQE_BUFFER_SHIFT));
      index = (index + 1) & this.mask;
    }
  }

  /** A buffer that came with a request that failed or brought no data. @internal */
  unused(flags: number): void {
    if (flags & IORING_CQE_F_BUFFER) this.received(0, flags).release();
  }

  /** @internal */
  released(index: number): void {
    const slot = this.slots[index] as Slot;
    if (--slot.readers > 0) return;
    this.inUse--;
    if (!slot.complete || this.shared === undefined) return;
    this.add(index, 0);
    this.ring[C].io_uring_buf_ring_advance(this.shared, 1);
    this.resume();
  }

  /**
   * Has as many of those that wait go on as there are buffers for; the others would only fail again. When
   * no buffer is held, nothing else will call anybody, so that all go on.
   *
   * @internal
   */
  resume(): void {
    this.resumeSome(this.inUse === 0 ? this.starved.size : this.entries - this.inUse);
  }

  private resumeSome(count: number): void {
    let left = count;
    for (const resume of this.starved) {
      if (left-- === 0) return;
      this.starved.delete(resume);
      resume();
    }
  }

  /**
   * Resolves when there is a buffer that holds no data; at once if there is. For a receive that failed
   * with ENOBUFS, before it is tried again.
   */
  available(): Promise<void> {
    return new Promise((resolve) => this.whenAvailable(resolve));
  }

  /** Calls back when there are buffers again; at once if there are. @internal */
  whenAvailable(resume: () => void): void {
    if (this.inUse < this.entries) resume();
    else this.starved.add(resume);
  }

  /** @internal */
  forget(resume: () => void): void {
    this.starved.delete(resume);
  }

  /**
   * Takes the buffers away from the kernel and frees their memory. Data that has not been released
   * must not be looked at afterwards.
   */
  close(): void {
    if (this.shared === undefined) return;
    const { memory, struct } = this.ring;
    this.ring[C].io_uring_free_buf_ring(struct, this.shared, this.entries, this.group);
    this.shared = undefined;
    this.ring.bufferGroups.delete(this.group);
    memory.free(this.memory);
    // the kernel tells those that wait
    if (!this.ring.closing) this.resumeSome(this.starved.size);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
