/** C structs, arrays of them and pointers to them, as objects over the memory they are in. */
import { argumentError, stateError } from './errors.js';
import { Finder } from './finder.js';
import type { Memory } from './memory.js';

/** Where a member of a struct is. */
export interface Field {
  /** Its name in C. */
  readonly name: string;
  /** Its type in C, without the length of an array. */
  readonly c: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes of the whole member; 0 for a flexible array. */
  readonly size: number;
  /** Whether it is an integer of a signed type. */
  readonly signed: boolean;
  /** Elements, if it is an array; 0 for a flexible one. */
  readonly length?: number;
}

/** A generated class of {@link Struct}. */
export interface StructType<T extends Struct = Struct> {
  new (memory: Memory, address: number): T;
  readonly name: string;
  /** `sizeof` in C. */
  readonly size: number;
  readonly fields: readonly Field[];
}

/** A C struct in memory. Its members are properties with their names in C. */
export abstract class Struct {
  /** The memory it is in. */
  readonly memory: Memory;
  /** Its address, or 0 once it has been freed or its ring is gone. */
  address: number;
  /** What the library keeps about it: a ring's views, or what an SQE or struct points to. @internal */
  attached: unknown = undefined;
  #nested: Map<string, Struct> | undefined;

  constructor(memory: Memory, address: number) {
    this.memory = memory;
    this.address = address;
  }

  /** The memory, if the struct is still alive. @internal */
  protected get live(): DataView {
    if (this.address === 0) throw this.gone();
    return this.memory.view;
  }

  /** What is thrown when it is used all the same. @internal */
  protected gone(): TypeError {
    return stateError(this.constructor.name, 'alive', 'freed');
  }

  /** How many elements a flexible array has, which goes on to the end of the struct's block. @internal */
  protected flexible(offset: number, elementSize: number): number {
    const { address, memory } = this;
    const available = memory.sizeOfBlock(address) ?? memory.ownerOf(address)?.entrySize ?? memory.end - address;
    return Math.max(0, Math.floor((available - offset) / elementSize));
  }

  /** A struct inside this one; it dies with it. @internal */
  protected nested<T extends Struct>(type: StructType<T>, name: string, offset: number): T {
    if (this.address === 0) throw this.gone();
    this.#nested ??= new Map();
    const known = this.#nested.get(name);
    if (known) return known as T;
    const view = new type(this.memory, this.address + offset);
    this.#nested.set(name, view);
    return view;
  }

  /** Its bytes: a view of the memory, not a copy. */
  get bytes(): Uint8Array {
    const { size } = this.constructor as unknown as StructType;
    return new Uint8Array(this.live.buffer, this.address, size);
  }

  /** Buffers outside of the memory that pointers in it lead to. @internal */
  buffers(): readonly ArrayBufferView[] {
    return Array.isArray(this.attached) ? this.attached : [];
  }

  /** Keeps buffers from the garbage collector as long as the struct is alive. @internal */
  keep(borrowed: readonly ArrayBufferView[]): void {
    const kept = this.buffers();
    if (kept.length === 0) {
      this.attached = borrowed;
      return;
    }
    const others = borrowed.filter((view) => !kept.includes(view));
    if (others.length > 0) this.attached = [...kept, ...others];
  }

  /** Forgets the address, so that use after free throws. @internal */
  invalidate(): void {
    this.address = 0;
    this.attached = undefined;
    for (const view of this.#nested?.values() ?? []) view.invalidate();
  }

  /** Members and their values, for `console.log` in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    const type = this.constructor as unknown as StructType;
    if (this.address === 0) return `${type.name} (freed)`;
    const values = this as unknown as Record<string, unknown>;
    const shown = type.fields.filter(({ length }) => length !== 0);
    return Object.fromEntries(shown.map(({ name }) => [name, values[name]]));
  }
}

/** Structs one behind the other. */
export class StructArray<T extends Struct> implements Iterable<T> {
  readonly memory: Memory;
  readonly type: StructType<T>;
  /** Number of elements. */
  readonly length: number;
  readonly #owner: Struct | undefined;
  readonly #views: T[] = [];
  #address: number;

  constructor(memory: Memory, type: StructType<T>, address: number, length: number, owner?: Struct) {
    this.memory = memory;
    this.type = type;
    this.length = length;
    this.#address = address;
    this.#owner = owner;
  }

  /** Its address, or 0 once it has been freed. */
  get address(): number {
    return this.#owner?.address === 0 ? 0 : this.#address;
  }

  /** The element at `index`. */
  at(index: number): T {
    const address = this.address;
    if (address === 0) throw stateError(`${this.type.name}[]`, 'alive', 'freed');
    if (!(index >= 0 && index < this.length) || !Number.isInteger(index)) {
      throw argumentError('index', `an integer in [0, ${this.length})`, index);
    }
    let view = this.#views[index];
    if (view === undefined) {
      view = new this.type(this.memory, address + index * this.type.size);
      this.#views[index] = view;
    }
    return view;
  }

  /** @internal */
  buffers(): readonly ArrayBufferView[] {
    return this.#views.flatMap((view) => view.buffers());
  }

  /** @internal */
  invalidate(): void {
    this.#address = 0;
    for (const view of this.#views) view?.invalidate();
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }

  /** Type, length and address, for `console.log` in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `${this.type.name}[${this.length}] at 0x${this.address.toString(16)}`;
  }
}

/**
 * A pointer to a struct, or several, for functions that give one back through an argument: C's
 * `struct io_uring_cqe *cqe`, passed as `&cqe`.
 */
export class Pointers<T extends Struct> {
  readonly memory: Memory;
  readonly type: StructType<T>;
  /** How many pointers there is room for. */
  readonly length: number;
  /** Address of the first pointer, or 0 once freed. */
  address: number;
  private readonly found: Finder<T>;

  constructor(memory: Memory, type: StructType<T>, address: number, length: number) {
    this.memory = memory;
    this.type = type;
    this.address = address;
    this.length = length;
    this.found = new Finder(memory, type);
  }

  /** What the pointer at `index` points to; null for a NULL pointer. */
  at(index: number): T | null {
    if (this.address === 0) throw stateError(`${this.type.name}*`, 'alive', 'freed');
    if (!(index >= 0 && index < this.length) || !Number.isInteger(index)) {
      throw argumentError('index', `an integer in [0, ${this.length})`, index);
    }
    // a pointer into the window has nothing in its upper half
    return this.found.at(this.memory.view.getUint32(this.address + index * 8, true));
  }

  /** What the first pointer points to: `*cqe_ptr`. */
  get value(): T {
    const { address, memory } = this;
    const value = address === 0 ? this.at(0) : this.found.at(memory.view.getUint32(address, true));
    if (value === null) throw argumentError(`${this.type.name}*`, 'set', null);
    return value;
  }

  /** @internal */
  invalidate(): void {
    this.address = 0;
  }
}
