/** Finds the object that stands for an SQE or CQE by the address that C returned. */
import type { Struct, StructMemory, StructType } from './struct.js';

/**
 * Looks in the ring of the previous look-up first, since C mostly returns addresses of the same ring as the
 * last time, and every SQE and CQE is found this way.
 */
export class StructFinder<T extends Struct> {
  private readonly memory: StructMemory;
  private readonly type: StructType<T>;
  private readonly shift: number;
  private first = 0;
  private views: (Struct | undefined)[] = [];

  constructor(memory: StructMemory, type: StructType<T>) {
    this.memory = memory;
    this.type = type;
    this.shift = 31 - Math.clz32(type.size);
  }

  /** The struct at an address that C returned; null for NULL. */
  at(address: number): T | null {
    // an address of another ring, and NULL, give an index beyond these views
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
