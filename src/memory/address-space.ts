/** Addresses: from JavaScript's memory and structs to what C and the kernel take, and back. */
import { invalidState, invalidType, invalidValue, outOfRange } from '../checks/errors.js';
import { PAGE_SHIFT } from './pages.js';
import { Pointers } from './pointers.js';
import { type Address, type EntryViews, Struct, StructArray, type StructMemory, type StructType } from './struct.js';

/** A pointer to a particular struct: one, an array of them, or bytes that hold one. */
export type PointerTo<T extends Struct> = T | StructArray<T> | number | null | ArrayBufferView;

/** The host shim, as far as it knows the addresses of JavaScript's own memory. */
export interface AddressSource {
  /** Where a buffer's first byte is in the process. It never moves. */
  addressOf(view: ArrayBufferView | ArrayBufferLike): number;
}

/**
 * Own properties of a typed array in this memory: its address and its bytes. Reading `buffer` and `byteLength`
 * instead takes longer than all the rest of a prep function. A freed array has -1 bytes.
 */
export const ADDRESS = Symbol('address');
export const SIZE = Symbol('size');

/** A typed array that may carry these properties. */
export type CachedArray = ArrayBufferView & { [ADDRESS]?: number; [SIZE]?: number };

const nothing: readonly ArrayBufferView[] = [];

/** A part of a linear memory, in which an address means the same to wasm, to JavaScript and to the kernel. */
export abstract class AddressSpace implements StructMemory {
  /** The whole linear memory. An address is an offset into it. */
  readonly view: DataView<ArrayBuffer>;
  /** The same as bytes: `memory.bytes[address]`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lowest address that may be handed out. */
  readonly start: number;
  /** First address past the last that may be handed out. */
  readonly end: number;
  /**
   * Foreign buffers whose addresses a binding has taken. The binding gives them to whoever keeps them alive, by
   * {@link takeBorrowed}, before it returns.
   *
   * @internal
   */
  borrowed: readonly ArrayBufferView[] = nothing;

  readonly #host: AddressSource | null;
  readonly #foreignAddresses = new WeakMap<ArrayBufferLike, number>();
  readonly #owners: (EntryViews | undefined)[];

  constructor(memory: WebAssembly.Memory, start: number, end: number, host: AddressSource | null) {
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.start = start;
    this.end = end;
    this.#host = host;
    this.#owners = new Array((end - start) >>> PAGE_SHIFT).fill(undefined);
  }

  /** Bytes of the allocated block that starts at `address`; undefined if none does. @internal */
  abstract sizeOfBlock(address: number): number | undefined;

  // --- structs at addresses ----------------------------------------------------

  /** Makes {@link structAt} answer with these entries' objects for addresses in these pages. @internal */
  setOwner(address: number, length: number, owner: EntryViews | undefined): void {
    const first = (address - this.start) >>> PAGE_SHIFT;
    const last = (address + length - 1 - this.start) >>> PAGE_SHIFT;
    this.#owners.fill(owner, first, last + 1);
  }

  /** @internal */
  ownerOf(address: number): EntryViews | undefined {
    return this.#owners[(address - this.start) >>> PAGE_SHIFT];
  }

  /** @internal */
  structAt<T extends Struct>(type: StructType<T>, address: number): T | null {
    if (address === 0) return null;
    const owner = this.ownerOf(address);
    if (owner === undefined || (owner.type as unknown) !== type) return new type(this, address);
    const index = (address - owner.address) >>> owner.shift;
    owner.views[index] ??= new type(this, address);
    return owner.views[index] as T;
  }

  /**
   * A struct over memory that was not allocated as one, such as a message in a receive buffer.
   *
   * @param where - Its address, or the bytes it is in, which must be of this memory.
   * @throws a RangeError if it would reach beyond this memory or the bytes.
   */
  struct<T extends Struct>(type: StructType<T>, where: number | ArrayBufferView): T {
    return new type(this, this.inside(where, type.size, type.name));
  }

  // --- addresses of arguments ---------------------------------------------------

  /**
   * The address of something that C code only hands on to the kernel.
   *
   * @param bytes - How many bytes will be used there. A view with fewer is refused.
   * @internal
   */
  address(value: Address | Pointers<Struct>, bytes: number, name: string): number {
    if (typeof value === 'number') {
      if (Number.isSafeInteger(value) && value >= 0) return value;
      throw outOfRange(`${name} is ${value}, which is no address`);
    }
    if (value === null) return 0;
    if (!ArrayBuffer.isView(value)) return this.#addressOfBlock(value, bytes, name);
    const array = value as CachedArray;
    if ((array[SIZE] as number) >= bytes) return array[ADDRESS] as number;
    const address = this.#addressOfView(value, bytes, name);
    if (address < this.start || address >= this.end) this.#borrow([value]);
    return address;
  }

  #borrow(views: readonly ArrayBufferView[]): void {
    if (views.length === 0) return;
    this.borrowed = this.borrowed === nothing ? views : [...this.borrowed, ...views];
  }

  /** The foreign buffers whose addresses were taken; the caller keeps them alive from here on. @internal */
  takeBorrowed(): readonly ArrayBufferView[] {
    const { borrowed } = this;
    this.borrowed = nothing;
    return borrowed;
  }

  #addressOfView(view: CachedArray, bytes: number, name: string): number {
    if (view[SIZE] === -1) throw invalidState(name, 'alive', 'freed');
    if (view.byteLength < bytes || view.byteLength === 0) {
      if (isDetached(view)) throw invalidState(name, 'attached', 'detached');
      if (view.byteLength < bytes) {
        throw outOfRange(`${name} has ${view.byteLength} bytes, but ${bytes} are asked for`);
      }
    }
    return this.#findView(view, name);
  }

  /** The address of a view that has none cached: a part of an allocated array, or a foreign buffer. */
  #findView(view: ArrayBufferView, name: string): number {
    const { buffer } = view;
    if (buffer === this.view.buffer) {
      // from now on it is as quick to find as the block that it is a part of
      if (Object.isExtensible(view)) Object.assign(view, { [SIZE]: view.byteLength, [ADDRESS]: view.byteOffset });
      return view.byteOffset;
    }
    if (this.#host === null) {
      throw invalidValue(name, 'memory of alloc, or an address, as there is no host here', view);
    }
    let start = this.#foreignAddresses.get(buffer);
    if (start === undefined) {
      start = this.#host.addressOf(buffer);
      this.#foreignAddresses.set(buffer, start);
    }
    return start + view.byteOffset;
  }

  #addressOfBlock(value: Struct | StructArray<Struct> | Pointers<Struct>, bytes: number, name: string): number {
    if (!(value instanceof Struct || value instanceof StructArray || value instanceof Pointers)) {
      throw invalidType(name, 'an address, a typed array, a struct or null', value);
    }
    if (value.memory !== this) throw invalidValue(name, "of the same instance's memory", value);
    if (value.address === 0) throw invalidState(name, 'alive', 'freed');
    const { address } = value;
    const available = value instanceof Struct ? (this.sizeOfBlock(address) ?? Infinity) : sizeOfArray(value);
    if (available < bytes) throw outOfRange(`${name} has ${available} bytes, but ${bytes} are asked for`);
    if (!(value instanceof Pointers)) this.#borrow(value.borrowed);
    return address;
  }

  /** An address that C code itself follows, which must be in this memory. @internal */
  inside(value: Address | Pointers<Struct>, bytes: number, name: string): number {
    const address = this.address(value, bytes, name);
    if (address >= this.start && address + bytes <= this.end) return address;
    this.borrowed = nothing;
    throw value === null
      ? invalidType(name, 'memory, as C writes to it', null)
      : outOfRange(`${name} has to be in the window, as liburing itself reads or writes it`);
  }

  /** The address of text that ends with NUL. @internal */
  string(value: Address, name: string): number {
    if (typeof value === 'string') {
      throw invalidType(name, 'a C string in memory, such as allocString(text) makes', value);
    }
    const address = this.address(value, 0, name);
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      if (!bytes.includes(0)) throw outOfRange(`${name} does not end with NUL`);
    }
    return address;
  }

  // --- members of structs --------------------------------------------------------

  /** @internal */
  setPointer(struct: Struct, offset: number, value: Address, name: string): void {
    this.borrowed = nothing;
    const address = this.address(value, 0, name);
    if (this.borrowed !== nothing) struct.keep(this.takeBorrowed());
    this.view.setBigUint64(struct.address + offset, BigInt(address), true);
  }

  /** @internal */
  getSize(address: number, name: string): number {
    const high = this.view.getInt32(address + 4, true);
    if (high >= -0x200000 && high < 0x200000) {
      return high * 0x100000000 + this.view.getUint32(address, true);
    }
    throw outOfRange(`${name} is ${this.view.getBigUint64(address, true)}, which a number cannot hold`);
  }
}

function sizeOfArray(value: StructArray<Struct> | Pointers<Struct>): number {
  return value.length * (value instanceof Pointers ? 8 : value.type.size);
}

function isDetached(view: ArrayBufferView): boolean {
  try {
    new Uint8Array(view.buffer, 0, 0);
    return false;
  } catch {
    return true;
  }
}
