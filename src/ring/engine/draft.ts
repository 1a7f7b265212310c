/** An SQE beside the ring: requests are prepared in it that do not go into the ring at once. */
import type { Memory } from '../../memory/memory.js';
import type { StructArray } from '../../memory/struct.js';
import { io_uring_sqe } from '../../structs/generated/structs.js';

/** Holds one SQE at a time, of 64 or 128 bytes. */
export class Draft {
  readonly #memory: Memory;
  #block: StructArray<io_uring_sqe> | undefined;
  #size = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Starts a new SQE, zeroed. The one before it is gone. */
  sqe(big: boolean): io_uring_sqe {
    this.#block ??= this.#memory.alloc(io_uring_sqe, 2);
    const { address } = this.#block;
    this.#memory.bytes.fill(0, address, address + 2 * io_uring_sqe.size);
    this.#size = (big ? 2 : 1) * io_uring_sqe.size;
    const sqe = this.#block.at(0);
    sqe.borrowed = []; // of one that was refused
    return sqe;
  }

  /** Whether an SQE is this one. */
  is(sqe: io_uring_sqe): boolean {
    return this.#block !== undefined && sqe.address === this.#block.address;
  }

  /** A copy of its bytes: 64 or 128. */
  bytes(): Uint8Array {
    const address = this.#block?.address ?? 0;
    return this.#memory.bytes.slice(address, address + this.#size);
  }

  ringEnded(): void {
    if (this.#block !== undefined) this.#memory.free(this.#block);
  }
}
