/** Buffer rings: buffers that the kernel takes when there is data, and the reader gives back. */
import { checkOptions, invalidNumber, invalidType, invalidValue } from '../checks/errors.js';
import { BufferPool } from './buffer-pool.js';
import type { Engine } from './engine/engine.js';
import { checkGroup } from './request-options.js';

/** Settings of a {@link BufferRing}. */
export interface BufferRingOptions {
  /** How many buffers; a power of two up to 32768. */
  readonly entries: number;
  /** Bytes of each. */
  readonly size: number;
  /** The group's number, 0 to 65535. Default: the lowest that is not in use. */
  readonly group?: number | undefined;
  /** One receive after the other uses up a part of each buffer: IOU_PBUF_RING_INC, Linux 6.12. */
  readonly incremental?: boolean | undefined;
}

const known: ReadonlySet<string> = new Set([
  'entries',
  'size',
  'group',
  'incremental',
] satisfies (keyof BufferRingOptions)[]);

/** The pool of a buffer ring, which must be of this ring. */
export let poolOf: (buffers: BufferRing, engine: Engine) => BufferPool;

/**
 * Buffers of one size that a ring's receives and reads take from, one for each completion with data.
 * Ten thousand idle connections share them; only those with data hold one. Get it from {@link Ring.bufferRing}.
 *
 * ```ts
 * using buffers = ring.bufferRing({ entries: 64, size: 4096 });
 * using received = await ring.recv(socket, buffers);
 * console.log(received.bytes);
 * ```
 *
 * @see io_uring_setup_buf_ring(3)
 */
export class BufferRing implements Disposable {
  readonly #pool: BufferPool;

  static {
    poolOf = (buffers, engine) => {
      if (!(buffers instanceof BufferRing)) throw invalidType('buffers', 'a BufferRing', buffers);
      if (buffers.#pool.engine !== engine) throw invalidValue('buffers', 'a BufferRing of the same ring', buffers);
      return buffers.#pool;
    };
  }

  /** @internal */
  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** The group's number. */
  get group(): number {
    return this.#pool.group;
  }

  /** How many buffers there are. */
  get entries(): number {
    return this.#pool.entries;
  }

  /** Bytes of each. */
  get size(): number {
    return this.#pool.size;
  }

  /** How many buffers hold data that has not been released. */
  get held(): number {
    return this.#pool.held;
  }

  /**
   * Resolves when there is a buffer that holds no data; at once if there is one. For a receive that failed
   * with ENOBUFS, before it is tried again.
   */
  available(): Promise<void> {
    return new Promise((resolve) => this.#pool.whenAvailable(resolve));
  }

  /**
   * Takes the buffers away from the kernel and frees their memory. Data that has not been released
   * must not be looked at afterwards.
   */
  close(): void {
    this.#pool.close();
  }

  /** Closes the buffer ring like {@link BufferRing.close}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Makes a buffer ring. */
export function makeBufferRing(engine: Engine, options: BufferRingOptions): BufferRing {
  checkOptions(options, known, 'a buffer ring');
  const { entries, size, group, incremental = false } = options;
  if (!Number.isInteger(entries) || entries < 1 || entries > 32768 || entries & (entries - 1))
    throw invalidNumber('entries', 'a power of two from 1 to 32768', entries);
  if (!Number.isInteger(size) || size < 1) throw invalidNumber('size', 'a positive number of bytes', size);
  if (typeof incremental !== 'boolean') throw invalidType('incremental', 'true or false', incremental);
  return new BufferRing(new BufferPool(engine, { entries, size, group: chooseGroup(engine, group), incremental }));
}

function chooseGroup({ bufferGroups }: Engine, group: number | undefined): number {
  if (group === undefined) {
    let free = 0;
    while (bufferGroups.has(free)) free++;
    return free;
  }
  checkGroup(group, 'group');
  if (bufferGroups.has(group)) throw invalidValue('group', 'one that is not in use', group);
  return group;
}
