/** C structs, and arrays of them, as objects over the memory they are in. */
import { invalidState, invalidType, outOfRange } from '../checks/errors.js';

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

/** A generated class of {@link Struct}: `io_uring_sqe`, `iovec`, … */
export interface StructType<T extends Struct = Struct> {
  new (memory: StructMemory, address: number): T;
  readonly name: string;
  /** `sizeof` in C. */
  readonly size: number;
  readonly fields: readonly Field[];
}

/** Bytes from the start of a struct to one of its members: `offsetof` in C. */
export function offsetOf(type: StructType, member: string): number {
  const field = type.fields.find(({ name }) => name === member);
  if (field === undefined) throw new Error(`struct ${type.name} has no member ${member}`);
  return field.offset;
}

/** The SQEs or CQEs of a ring that is set up, with the objects that were handed out for them. */
export interface EntryViews {
  readonly type: StructType;
  /** Where the first entry is. */
  readonly address: number;
  /** Objects for what starts at `address + (index << shift)`, as far as they have been asked for. */
  readonly shift: number;
  readonly views: (Struct | undefined)[];
  /** Bytes from one entry to the next. */
  readonly entrySize: number;
}

/** What a struct needs of the memory that it is in. */
export interface StructMemory {
  /** The whole linear memory. An address is an offset into it. */
  readonly view: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** First address past the last that may be handed out. */
  readonly end: number;
  /** Bytes of the allocated block that starts at `address`; undefined if none does. @internal */
  sizeOfBlock(address: number): number | undefined;
  /** The ring entries whose page an address is in; undefined if it is in none. @internal */
  ownerOf(address: number): EntryViews | undefined;
  /** The struct at an address that C returned; null for NULL. @internal */
  structAt<T extends Struct>(type: StructType<T>, address: number): T | null;
  /** Stores a pointer in a struct, which then keeps the buffer alive. @internal */
  setPointer(struct: Struct, offset: number, value: Address, name: string): void;
  /** Reads a pointer or a `size_t`; throws where it exceeds 2^53. @internal */
  getSize(address: number, name: string): number;
}

/**
 * A pointer argument: an address, `null` for NULL, memory that `alloc` returned, or any typed array, DataView or
 * Buffer, which stands for the address of its first byte. Nothing is copied.
 */
export type Address = number | null | ArrayBufferView | Struct | StructArray<Struct>;

/** `borrowed` of a struct without foreign buffers. */
const nothing: readonly ArrayBufferView[] = [];

/** A C struct in memory. Its members are properties with their names in C. */
export abstract class Struct {
  /** The memory it is in. */
  readonly memory: StructMemory;
  /** Its address in bytes; 0 once it has been freed or its ring has been closed. */
  readonly address: number;
  /** Foreign buffers that pointers in it lead to, which stay alive as long as it does. @internal */
  borrowed: readonly ArrayBufferView[] = nothing;
  /** Of a `struct io_uring` that is set up, what the library knows about the ring. @internal */
  ringState: unknown = undefined;
  #nested: Map<string, Struct> | undefined;

  constructor(memory: StructMemory, address: number) {
    this.memory = memory;
    this.address = address;
  }

  /** The memory; throws if the struct has been freed. @internal */
  protected get live(): DataView {
    if (this.address === 0) throw this.gone();
    return this.memory.view;
  }

  /** The error for a use after the struct was freed. @internal */
  protected gone(): TypeError {
    return invalidState(this.constructor.name, 'alive', 'freed');
  }

  /** How many elements a flexible array has: it ends where the struct's block ends. @internal */
  protected flexible(offset: number, elementSize: number): number {
    const { address, memory } = this;
    const available = memory.sizeOfBlock(address) ?? memory.ownerOf(address)?.entrySize ?? memory.end - address;
    return Math.max(0, Math.floor((available - offset) / elementSize));
  }

  /** A struct inside this one; it is invalidated with this one. @internal */
  protected nested<T extends Struct>(type: StructType<T>, name: string, offset: number): T {
    if (this.address === 0) throw this.gone();
    this.#nested ??= new Map();
    const known = this.#nested.get(name);
    if (known) return known as T;
    const view = new type(this.memory, this.address + offset);
    this.#nested.set(name, view);
    return view;
  }

  /** Its bytes: a view of the memory, not a copy. Throws once the struct has been freed. */
  get bytes(): Uint8Array {
    const { size } = this.constructor as unknown as StructType;
    return new Uint8Array(this.live.buffer, this.address, size);
  }

  /** Keeps buffers from the garbage collector as long as the struct is alive. @internal */
  keep(buffers: readonly ArrayBufferView[]): void {
    const { borrowed } = this;
    if (borrowed.length === 0) this.borrowed = buffers;
    else this.borrowed = [...borrowed, ...buffers.filter((each) => !borrowed.includes(each))];
  }

  /** Forgets the address, so that use after free throws. @internal */
  invalidate(): void {
    (this as { address: number }).address = 0;
    this.borrowed = nothing;
    this.ringState = undefined;
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

/** Throws for what is no index of a list of `length` elements. */
export function checkIndex(index: number, length: number): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  if (typeof index !== 'number') throw invalidType('index', 'a number', index);
  throw outOfRange(`index must be an integer in [0, ${length}), not ${String(index)}`);
}

/** An array of C structs: consecutive ones in memory. */
export class StructArray<T extends Struct> implements Iterable<T> {
  /** The memory they are in. */
  readonly memory: StructMemory;
  /** Their class. */
  readonly type: StructType<T>;
  /** How many there are. */
  readonly length: number;
  readonly #owner: Struct | undefined;
  readonly #views: T[] = [];
  #address: number;

  constructor(memory: StructMemory, type: StructType<T>, address: number, length: number, owner?: Struct) {
    this.memory = memory;
    this.type = type;
    this.length = length;
    this.#address = address;
    this.#owner = owner;
  }

  /** Address of the first, in bytes; 0 once the array has been freed. */
  get address(): number {
    return this.#owner?.address === 0 ? 0 : this.#address;
  }

  /** The element at `index`, from 0. @throws a RangeError beyond the last; a TypeError once the array has been freed. */
  at(index: number): T {
    const address = this.address;
    if (address === 0) throw invalidState(`${this.type.name}[]`, 'alive', 'freed');
    checkIndex(index, this.length);
    let view = this.#views[index];
    if (view === undefined) {
      view = new this.type(this.memory, address + index * this.type.size);
      this.#views[index] = view;
    }
    return view;
  }

  /** Foreign buffers that pointers in the elements lead to. @internal */
  get borrowed(): readonly ArrayBufferView[] {
    return this.#views.flatMap(({ borrowed }) => borrowed);
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
