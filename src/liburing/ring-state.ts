/**
 * What the library knows about a `struct io_uring` that is set up: the objects that stand for its SQEs and CQEs,
 * which die with the ring, and the foreign buffers of its requests, which the garbage collector must leave alone.
 *
 * The life of a foreign buffer: `memory.borrowed` while a binding runs, `sqe.borrowed` until the SQE is submitted,
 * {@link RingState.inFlight} until the last CQE with the SQE's user_data. A {@link Ring} takes it from the SQE instead,
 * and keeps it in its request.
 */
import { invalidState } from '../checks/errors.js';
import { IORING_CQE_F_32, IORING_CQE_F_MORE } from '../constants/generated/uring.js';
import type { AddressSpace } from '../memory/address-space.js';
import type { EntryViews, Struct, StructType } from '../memory/struct.js';
import { type io_uring, io_uring_cqe, io_uring_sqe } from '../structs/generated/structs.js';
import {
  CQE_FLAGS,
  CQE_USER_DATA,
  cqeStride,
  largestCqe,
  largestSqe,
  SQE_USER_DATA,
  sqeStride,
} from './entry-layout.js';

/** The SQEs or CQEs of a ring. Each gets one object, made when it is first asked for. */
class Entries<T extends Struct> implements EntryViews {
  readonly type: StructType<T>;
  readonly entrySize: number;
  readonly address: number;
  readonly shift: number;
  readonly views: (T | undefined)[];
  /** SQEs with foreign buffers that have not been submitted. */
  readonly prepared: T[] = [];
  readonly #memory: AddressSpace;
  readonly #length: number;

  constructor(memory: AddressSpace, type: StructType<T>, address: number, length: number, entrySize: number) {
    this.type = type;
    this.entrySize = entrySize;
    this.address = address;
    this.shift = 31 - Math.clz32(type.size);
    this.views = new Array(length >>> this.shift).fill(undefined);
    this.#memory = memory;
    this.#length = length;
    memory.setOwner(address, length, this);
  }

  close(): void {
    this.#memory.setOwner(this.address, this.#length, undefined);
    for (const view of this.views) view?.invalidate();
    this.views.length = 0; // a StructFinder may still hold this array
  }
}

/** Buffers of the requests with one user_data. */
interface Flight {
  requests: number;
  readonly buffers: ArrayBufferView[];
}

/** A user_data as a key. Two that differ beyond 2^53 may share one: then buffers are kept longer than needed. */
const keyOf = (view: DataView, address: number): number =>
  view.getUint32(address, true) + view.getUint32(address + 4, true) * 0x100000000;

/** What belongs to one ring that is set up. */
export class RingState {
  /** Foreign buffers that the kernel may use, by the user_data of their requests. */
  readonly inFlight = new Map<number, Flight>();
  /** Foreign buffers that are registered with the ring, which uses them until it is closed. */
  readonly registered = new Set<ArrayBufferView>();
  readonly #ring: io_uring;
  readonly #sqes: Entries<io_uring_sqe>;
  readonly #cqes: Entries<io_uring_cqe>;

  constructor(ring: io_uring, memory: AddressSpace) {
    const { sq, cq, flags } = ring;
    this.#ring = ring;
    const sqeBytes = sqeStride(flags) * sq.ring_entries;
    const cqeBytes = cqeStride(flags) * cq.ring_entries;
    this.#sqes = new Entries<io_uring_sqe>(memory, io_uring_sqe, sq.sqes, sqeBytes, largestSqe(flags));
    this.#cqes = new Entries<io_uring_cqe>(memory, io_uring_cqe, cq.cqes, cqeBytes, largestCqe(flags));
  }

  close(): void {
    this.#sqes.close();
    this.#cqes.close();
  }

  /** The foreign buffers of all SQEs that are not submitted yet are in flight from here on. */
  submitting(): void {
    const { prepared } = this.#sqes;
    if (prepared.length === 0) return;
    for (const sqe of prepared) {
      const key = keyOf(sqe.memory.view, sqe.address + SQE_USER_DATA);
      const flight = this.inFlight.get(key);
      if (flight === undefined) {
        this.inFlight.set(key, { requests: 1, buffers: [...sqe.borrowed] });
      } else {
        flight.requests++;
        flight.buffers.push(...sqe.borrowed);
      }
      sqe.borrowed = nothing;
    }
    prepared.length = 0;
  }

  #completed(cqe: number): void {
    const { view } = this.#ring.memory;
    if (view.getUint32(cqe + CQE_FLAGS, true) & IORING_CQE_F_MORE) return;
    const key = keyOf(view, cqe + CQE_USER_DATA);
    const flight = this.inFlight.get(key);
    if (flight !== undefined && --flight.requests === 0) this.inFlight.delete(key);
  }

  /** Precondition: the CQE is still the program's, and given back to the kernel after this. */
  seen(cqe: io_uring_cqe | null): void {
    if (cqe !== null) this.#completed(cqe.address);
  }

  /** Precondition: the next `count` slots of the CQ ring are still the program's, and given back after this. */
  advancing(count: number): void {
    const { memory, cq, flags } = this.#ring;
    const stride = cqeStride(flags);
    const head = memory.view.getUint32(cq.khead, true);
    for (let slot = 0; slot < count; slot++) {
      const cqe = cq.cqes + ((head + slot) & cq.ring_mask) * stride;
      this.#completed(cqe);
      // in a ring of CQEs of 16 bytes, one of 32 has two slots
      const isBig = memory.view.getUint32(cqe + CQE_FLAGS, true) & IORING_CQE_F_32;
      if (isBig && stride === io_uring_cqe.size) slot++;
    }
  }
}

const nothing: readonly ArrayBufferView[] = [];
const stateOf = (ring: io_uring): RingState | undefined => ring.ringState as RingState | undefined;

// --- called by the bindings: see `hooks` in wasm/generate/semantics.ts ------------

/** After a function that sets a ring up. */
export function opened(ring: io_uring, memory: AddressSpace, result: number): number {
  stateOf(ring)?.close();
  ring.ringState = undefined;
  if (result >= 0) ring.ringState = new RingState(ring, memory);
  else ring.bytes.fill(0);
  return result;
}

/** After io_uring_resize_rings(): the entries have moved, and the requests in flight are the same. */
export function resized(ring: io_uring, memory: AddressSpace, result: number): number {
  const before = stateOf(ring);
  if (result < 0 || before === undefined) return result;
  before.close();
  const state = new RingState(ring, memory);
  for (const [key, flight] of before.inFlight) state.inFlight.set(key, flight);
  for (const buffer of before.registered) state.registered.add(buffer);
  ring.ringState = state;
  return result;
}

/** Before a function that submits. */
export function submitting(ring: io_uring): void {
  if (ring.ringState !== undefined) (ring.ringState as RingState).submitting();
}

/** Before io_uring_cqe_seen(). */
export function seen(ring: io_uring, cqe: io_uring_cqe | null): void {
  const state = stateOf(ring);
  if (state !== undefined && state.inFlight.size !== 0) state.seen(cqe);
}

/** Before a function that gives CQEs back. */
export function advancing(ring: io_uring, count: number): void {
  const state = stateOf(ring);
  if (state !== undefined && state.inFlight.size !== 0) state.advancing(count);
}

/** Before a function that sets a ring up. */
export function mustBeClosed(ring: io_uring): void {
  if (ring.ringState !== undefined) {
    throw invalidState('ring', 'one that is not set up; call io_uring_queue_exit() first', 'one that is');
  }
}

/** Before io_uring_queue_exit(). */
export function mustBeOpen(ring: io_uring): void {
  if (ring.ringState === undefined) throw invalidState('ring', 'one that is set up', 'one that is not');
}

/** After io_uring_queue_exit(): stale pointers must not reach pages that are given to others next. */
export function closed(ring: io_uring): void {
  stateOf(ring)?.close();
  ring.ringState = undefined;
  ring.bytes.fill(0);
}

/** After a prep function that was given foreign buffers. */
export function keepForRequest(sqe: io_uring_sqe, memory: AddressSpace): void {
  const isFirst = sqe.borrowed.length === 0;
  sqe.keep(memory.takeBorrowed());
  const owner = memory.ownerOf(sqe.address);
  if (isFirst && owner instanceof Entries) owner.prepared.push(sqe);
}

/**
 * The foreign buffers of a prepared SQE, which the caller keeps alive from here on.
 *
 * Precondition: no other SQE was prepared since.
 */
export function takeBuffers(sqe: io_uring_sqe, memory: AddressSpace): readonly ArrayBufferView[] {
  const { borrowed } = sqe;
  if (borrowed.length === 0) return borrowed;
  sqe.borrowed = nothing;
  const owner = memory.ownerOf(sqe.address);
  if (owner instanceof Entries) owner.prepared.pop();
  return borrowed;
}

/** After a function that registers foreign buffers with a ring, or adds them to a buffer ring. */
export function keepForGood(struct: Struct, memory: AddressSpace): void {
  const { ringState: state } = struct;
  if (state instanceof RingState) {
    for (const view of memory.takeBorrowed()) state.registered.add(view);
  } else {
    struct.keep(memory.takeBorrowed());
  }
}
