/**
 * What the library knows about a ring beside its struct: the objects that stand for its SQEs and
 * CQEs, so that they can be told dead when the ring is, and the buffers of requests in flight, so
 * that the garbage collector leaves them alone.
 */
import { argumentError, stateError } from './errors.js';
import {
  IORING_CQE_F_32,
  IORING_CQE_F_MORE,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
} from './generated/constants.js';
import { type io_uring, io_uring_cqe, io_uring_sqe } from './generated/structs.js';
import type { EntryViews, Memory } from './memory.js';
import type { Struct, StructType } from './struct.js';

/** The SQEs or CQEs of a ring: one object for each, made when it is first asked for. */
class Entries<T extends Struct> implements EntryViews {
  readonly type: StructType<T>;
  readonly entrySize: number;
  /** SQEs with foreign buffers that have not been submitted. */
  readonly prepared: T[] = [];
  readonly address: number;
  readonly shift: number;
  readonly views: (T | undefined)[];
  readonly #memory: Memory;
  readonly #length: number;

  constructor(memory: Memory, type: StructType<T>, address: number, length: number, entrySize: number) {
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
    this.views.length = 0; // for who still looks here first
  }
}

/** Buffers of the requests with one user_data. */
interface Flight {
  requests: number;
  readonly buffers: ArrayBufferView[];
}

/** A user_data as a number: two that differ beyond 2^53 may share one, which only keeps buffers longer. */
const keyOf = (memory: Memory, address: number): number =>
  memory.view.getUint32(address, true) + memory.view.getUint32(address + 4, true) * 0x100000000;

const offsetOf = (type: StructType, name: string): number =>
  type.fields.find((field) => field.name === name)?.offset ?? 0;
const SQE_USER_DATA = offsetOf(io_uring_sqe, 'user_data');
const CQE_USER_DATA = offsetOf(io_uring_cqe, 'user_data');
const CQE_FLAGS = offsetOf(io_uring_cqe, 'flags');

/** What belongs to one ring that is set up. @internal */
export class RingState {
  readonly #ring: io_uring;
  readonly #sqes: Entries<io_uring_sqe>;
  readonly #cqes: Entries<io_uring_cqe>;
  /** Foreign buffers that the kernel may use, by the user_data of their requests. */
  readonly inFlight = new Map<number, Flight>();
  /** Registered with the ring, and so in use as long as it is. */
  readonly registered = new Set<ArrayBufferView>();

  constructor(ring: io_uring) {
    const { memory, sq, cq } = ring;
    this.#ring = ring;
    const sqeBytes = sqeSize(ring.flags & IORING_SETUP_SQE128) * sq.ring_entries;
    const cqeBytes = cqeSize(ring.flags & IORING_SETUP_CQE32) * cq.ring_entries;
    const sqe = sqeSize(ring.flags & (IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED));
    const cqe = cqeSize(ring.flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED));
    this.#sqes = new Entries(memory, io_uring_sqe as StructType<io_uring_sqe>, sq.sqes, sqeBytes, sqe);
    this.#cqes = new Entries(memory, io_uring_cqe as StructType<io_uring_cqe>, cq.cqes, cqeBytes, cqe);
  }

  close(): void {
    this.#sqes.close();
    this.#cqes.close();
  }

  /** Called before a submission: what the SQEs point to is in flight from here on. */
  submitting(): void {
    const { prepared } = this.#sqes;
    if (prepared.length === 0) return;
    for (const sqe of prepared) {
      const key = keyOf(sqe.memory, sqe.address + SQE_USER_DATA);
      const flight = this.inFlight.get(key);
      if (flight === undefined) {
        this.inFlight.set(key, { requests: 1, buffers: [...sqe.buffers()] });
      } else {
        flight.requests++;
        flight.buffers.push(...sqe.buffers());
      }
      sqe.attached = undefined;
    }
    prepared.length = 0;
  }

  #completed(cqe: number): void {
    const { memory } = this.#ring;
    if (memory.view.getUint32(cqe + CQE_FLAGS, true) & IORING_CQE_F_MORE) return;
    const key = keyOf(memory, cqe + CQE_USER_DATA);
    const flight = this.inFlight.get(key);
    if (flight !== undefined && --flight.requests === 0) this.inFlight.delete(key);
  }

  /** Called before a CQE is given back to the kernel. */
  seen(cqe: io_uring_cqe | null): void {
    if (cqe !== null) this.#completed(cqe.address);
  }

  /** Called before the next `count` slots of the CQ ring are given back. */
  advancing(count: number): void {
    const { memory, cq } = this.#ring;
    const size = cqeSize(this.#ring.flags & IORING_SETUP_CQE32);
    const head = memory.view.getUint32(cq.khead, true);
    for (let slot = 0; slot < count; slot++) {
      const cqe = cq.cqes + ((head + slot) & cq.ring_mask) * size;
      this.#completed(cqe);
      // a big CQE among normal ones has two slots
      const isBig = memory.view.getUint32(cqe + CQE_FLAGS, true) & IORING_CQE_F_32;
      if (isBig && size === io_uring_cqe.size) slot++;
    }
  }
}

const sqeSize = (big: number): number => (big ? 2 : 1) * io_uring_sqe.size;
const cqeSize = (big: number): number => (big ? 2 : 1) * io_uring_cqe.size;

/** Called with what set a ring up. @internal */
export function opened(ring: io_uring, result: number): number {
  const state = ring.attached as RingState | undefined;
  state?.close();
  ring.attached = undefined;
  if (result >= 0) ring.attached = new RingState(ring);
  else ring.bytes.fill(0);
  return result;
}

/** Called after io_uring_resize_rings(): the entries are elsewhere now, what is in flight still is. @internal */
export function resized(ring: io_uring, result: number): number {
  const before = ring.attached;
  if (result < 0 || !(before instanceof RingState)) return result;
  before.close();
  const state = new RingState(ring);
  for (const [key, flight] of before.inFlight) state.inFlight.set(key, flight);
  for (const buffer of before.registered) state.registered.add(buffer);
  ring.attached = state;
  return result;
}

/** @internal */
export function submitting(ring: io_uring): void {
  if (ring.attached !== undefined) (ring.attached as RingState).submitting();
}

/** @internal */
export function seen(ring: io_uring, cqe: io_uring_cqe | null): void {
  const state = ring.attached as RingState | undefined;
  if (state !== undefined && state.inFlight.size !== 0) state.seen(cqe);
}

/** @internal */
export function advancing(ring: io_uring, count: number): void {
  const state = ring.attached as RingState | undefined;
  if (state !== undefined && state.inFlight.size !== 0) state.advancing(count);
}

/** @internal */
export function mustBeClosed(ring: io_uring): void {
  if (ring.attached !== undefined) {
    throw argumentError('ring', 'one that is not set up; call io_uring_queue_exit() first', 'one that is');
  }
}

/** @internal */
export function mustBeOpen(ring: io_uring): void {
  if (ring.attached === undefined) throw stateError('ring', 'one that is set up', 'one that is not');
}

/** Called after io_uring_queue_exit(): stale pointers must not reach pages that will be others'. @internal */
export function closed(ring: io_uring): void {
  (ring.attached as RingState).close();
  ring.attached = undefined;
  ring.bytes.fill(0);
}

/** Called after a prep function that was given foreign buffers. @internal */
export function keepForRequest(sqe: io_uring_sqe, memory: Memory): void {
  const first = sqe.attached === undefined;
  sqe.keep(memory.takeBorrowed());
  const owner = memory.ownerOf(sqe.address);
  if (first && owner instanceof Entries) owner.prepared.push(sqe);
}

/** Takes over what a prepared SQE keeps alive: it was the last one prepared. @internal */
export function takeBuffers(sqe: io_uring_sqe): unknown {
  const buffers = sqe.attached;
  if (buffers === undefined) return undefined;
  sqe.attached = undefined;
  const owner = sqe.memory.ownerOf(sqe.address);
  if (owner instanceof Entries) owner.prepared.pop();
  return buffers;
}

/** Called after a function that registers buffers with a ring or a buffer ring. @internal */
export function keepForGood(struct: Struct, memory: Memory): void {
  const state = struct.attached;
  if (state instanceof RingState) {
    for (const view of memory.takeBorrowed()) state.registered.add(view);
  } else {
    struct.keep(memory.takeBorrowed());
  }
}
