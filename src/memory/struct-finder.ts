/** Finds the object of an SQE or CQE by its address. */
import type { Memory } from './memory.js';
import type { Struct, StructType } from './struct.js';

/**
 * What C returns mostly belongs to the same ring as the last time, so that is where it is looked for
 * first: every SQE and CQE comes this way.
 *
 * @internal
 */
export class Finder<T extends Struct> {
  private readonly memory: Memory;
  private readonly type: StructType<T>;
  private readonly shift: number;
  private first = 0;
  private views: (Struct | undefined)[] = [];

  constructor(memory: Memory, type: StructType<T>) {
    this.memory = memory;
    this.type = type;
    this.shift = 31 - Math.clz32(type.size);
  }

  /** The struct at an address that C returned; null for NULL. */
  at(address: number): T | null {
    // an address of another ring is beyond these views, and so is NULL
    const known = this.views[(address - this.first) >>> this.shift];
    return known === undefined ? this.search(address) : (known as T);
  }

  private search(address: number): T | null {
    const owner = this.memory.ownerOf(address);
    if (owner !== undefined && (owner.type as unknown) === this.type) {
      this.first = owner.address;
      this.views = owner.views;
    }
    return this.memory.structAt(this.type, address);
  }
}
