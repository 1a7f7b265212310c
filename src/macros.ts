/** What the headers have as macros and static inline functions without a symbol. */
import type { Functions } from './generated/functions.js';
import { type io_uring, io_uring_cqe, io_uring_cqe_iter } from './generated/structs.js';
import type { Memory } from './memory.js';
import type { Pointers } from './struct.js';

/** The macros of liburing.h and barrier.h, in the form that TypeScript can give them. */
export interface Macros {
  /**
   * The completions that are there now: `io_uring_for_each_cqe(ring, head, cqe)` in C. They are still
   * in the ring afterwards; give them back with `io_uring_cq_advance(ring, n)`.
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
   * Reads a 32-bit word that the kernel writes, such as `ring.cq.ktail`, before anything that follows.
   *
   * @param address - The word's address, a multiple of 4.
   */
  io_uring_smp_load_acquire(address: number): number;

  /**
   * Writes a 32-bit word that the kernel reads, such as `ring.cq.khead`, after everything before.
   *
   * @param address - The word's address, a multiple of 4.
   */
  io_uring_smp_store_release(address: number, value: number): void;
}

/** What a loop needs in memory: a C iterator, and the pointer that it fills. */
interface LoopVariables {
  readonly iter: io_uring_cqe_iter;
  readonly cqe: Pointers<io_uring_cqe>;
}

/** The loop of io_uring_for_each_cqe. Its variables go back to `idle` when it ends. */
class CqeIterator implements IterableIterator<io_uring_cqe> {
  private readonly functions: Functions;
  private readonly idle: LoopVariables[];
  private variables: LoopVariables | undefined;

  constructor(functions: Functions, idle: LoopVariables[], variables: LoopVariables) {
    this.functions = functions;
    this.idle = idle;
    this.variables = variables;
  }

  next(): IteratorResult<io_uring_cqe> {
    const { variables } = this;
    if (variables !== undefined && this.functions.io_uring_cqe_iter_next(variables.iter, variables.cqe)) {
      return { done: false, value: variables.cqe.value };
    }
    return this.return();
  }

  return(): IteratorResult<io_uring_cqe> {
    if (this.variables !== undefined) this.idle.push(this.variables);
    this.variables = undefined;
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** Binds the macros to an instance. @internal */
export function macros(functions: Functions, memory: Memory): Macros {
  const idle: LoopVariables[] = [];
  const words = new Int32Array(memory.view.buffer);
  const index = (address: number): number =>
    memory.inside(address, 4, 'address') % 4 === 0 ? address >>> 2 : Number.NaN;
  return {
    io_uring_for_each_cqe: (ring) => {
      const variables = idle.pop() ?? {
        iter: memory.alloc(io_uring_cqe_iter),
        cqe: memory.allocPointers(io_uring_cqe),
      };
      functions.io_uring_cqe_iter_init(ring, variables.iter);
      return new CqeIterator(functions, idle, variables);
    },
    io_uring_smp_load_acquire: (address) => Atomics.load(words, index(address)) >>> 0,
    io_uring_smp_store_release: (address, value) => {
      Atomics.store(words, index(address), value);
    },
  };
}
