/** The macros of the headers, and the static inline functions that have no symbol. */
import { IORING_CQE_F_32 } from '../constants/generated/uring.js';
import type { Memory } from '../memory/memory.js';
import { StructFinder } from '../memory/struct-finder.js';
import { type io_uring, io_uring_cqe, io_uring_cqe_iter } from '../structs/generated/structs.js';
import type { Functions } from './generated/functions.js';

/** The macros of liburing.h and barrier.h, in a form that TypeScript can offer. */
export interface Macros {
  /**
   * The completions that are in the ring now: `io_uring_for_each_cqe(ring, head, cqe)` in C. They stay
   * in the ring; give them back with `io_uring_cq_advance(ring, n)`.
   * `next()` returns the same object each time.
   *
   * ```ts
   * let n = 0;
   * for (const cqe of io_uring_for_each_cqe(ring)) n++;
   * io_uring_cq_advance(ring, n);
   * ```
   *
   * @see io_uring_for_each_cqe(3)
   */
  io_uring_for_each_cqe(ring: io_uring): IterableIterator<io_uring_cqe>;

  /**
   * Reads a 32-bit word that the kernel writes, such as `ring.cq.ktail`, with acquire semantics.
   *
   * @param address - The word's address, a multiple of 4.
   */
  io_uring_smp_load_acquire(address: number): number;

  /**
   * Writes a 32-bit word that the kernel reads, such as `ring.cq.khead`, with release semantics.
   *
   * @param address - The word's address, a multiple of 4.
   */
  io_uring_smp_store_release(address: number, value: number): void;
}

const CQE_SHIFT = Math.log2(io_uring_cqe.size);

/**
 * The loop of io_uring_for_each_cqe: io_uring_cqe_iter_next() in JavaScript, which saves a call of wasm for each
 * CQE. The iterator is its own result, so that it allocates nothing for a CQE.
 */
class CqeIterator implements IterableIterator<io_uring_cqe> {
  done = false;
  value: io_uring_cqe | undefined = undefined;
  private readonly found: StructFinder<io_uring_cqe>;
  private readonly cqes: number;
  private readonly mask: number;
  private readonly shift: number;
  private readonly tail: number;
  private head: number;

  /** Copies the state of C's iterator. */
  constructor(found: StructFinder<io_uring_cqe>, { cqes, mask, shift, head, tail }: io_uring_cqe_iter) {
    this.found = found;
    this.cqes = cqes;
    this.mask = mask;
    this.shift = shift + CQE_SHIFT;
    this.head = head | 0;
    this.tail = tail | 0;
  }

  next(): IteratorResult<io_uring_cqe> {
    const { head } = this;
    if (head === this.tail) {
      this.done = true;
      this.value = undefined;
    } else {
      const cqe = this.found.at(this.cqes + ((head & this.mask) << this.shift)) as io_uring_cqe;
      // in a ring of CQEs of 16 bytes, one of 32 has two slots
      this.head = (head + (cqe.flags & IORING_CQE_F_32 ? 2 : 1)) | 0;
      this.value = cqe;
    }
    return this as IteratorResult<io_uring_cqe>;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** Binds the macros to an instance. */
export function macros(functions: Functions, memory: Memory): Macros {
  const found = new StructFinder(memory, io_uring_cqe);
  let iter: io_uring_cqe_iter | undefined;
  const words = new Int32Array(memory.view.buffer);
  const index = (address: number): number =>
    memory.inside(address, 4, 'address') % 4 === 0 ? address >>> 2 : Number.NaN;
  return {
    io_uring_for_each_cqe: (ring) => {
      iter ??= memory.alloc(io_uring_cqe_iter);
      return new CqeIterator(found, functions.io_uring_cqe_iter_init(ring, iter));
    },
    io_uring_smp_load_acquire: (address) => Atomics.load(words, index(address)) >>> 0,
    io_uring_smp_store_release: (address, value) => {
      Atomics.store(words, index(address), value);
    },
  };
}
