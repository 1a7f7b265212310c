/** Pointers to C structs, as objects over the memory they are in. */
import { invalidState } from '../checks/errors.js';
import { checkIndex, type Struct, type StructMemory, type StructType } from './struct.js';
import { StructFinder } from './struct-finder.js';

/**
 * One or several pointers to structs, for functions that return a pointer through an argument: C's
 * `struct io_uring_cqe *cqe`, passed as `&cqe`.
 */
export class Pointers<T extends Struct> {
  /** The memory they are in. */
  readonly memory: StructMemory;
  /** What they point to. */
  readonly type: StructType<T>;
  /** How many pointers there is room for. */
  readonly length: number;
  /** Address of the first pointer, in bytes; 0 once they have been freed. */
  readonly address: number;
  private readonly found: StructFinder<T>;

  constructor(memory: StructMemory, type: StructType<T>, address: number, length: number) {
    this.memory = memory;
    this.type = type;
    this.address = address;
    this.length = length;
    this.found = new StructFinder(memory, type);
  }

  /** What the pointer at `index` points to; null for a NULL pointer. */
  at(index: number): T | null {
    if (this.address === 0) throw invalidState(`${this.type.name}*`, 'alive', 'freed');
    checkIndex(index, this.length);
    // a pointer into the window has nothing in its upper half
    return this.found.at(this.memory.view.getUint32(this.address + index * 8, true));
  }

  /** What the first pointer points to: `*cqe_ptr`. */
  get value(): T {
    const { address, memory } = this;
    const value = address === 0 ? this.at(0) : this.found.at(memory.view.getUint32(address, true));
    if (value === null) throw invalidState(`${this.type.name}*`, 'set', 'NULL');
    return value;
  }

  /** Forgets the address, so that use after free throws. @internal */
  invalidate(): void {
    (this as { address: number }).address = 0;
  }
}
