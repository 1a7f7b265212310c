/** The memory that wasm code sees: allocation, structs in it, and addresses of what is outside. */
import { safe } from './arguments.js';
import { argumentError, rangeError, stateError, systemError } from './errors.js';
import { Heap, type Pages } from './heap.js';
import { Pointers, Struct, StructArray, type StructType } from './struct.js';

/**
 * What may stand for a pointer: an address, `null` for NULL, memory of the library's, or any
 * typed array, DataView or Buffer, of which the address of the first byte is taken. Nothing is
 * copied.
 */
export type Address = number | null | ArrayBufferView | Struct | StructArray<Struct>;

/** A pointer to a particular struct: one, an array of them, or bytes that hold one. */
export type PointerTo<T extends Struct> = T | StructArray<T> | number | null | ArrayBufferView;

type TypedArrayConstructor<T> = {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** What knows addresses outside of wasm memory: the host shim. */
export interface AddressSource {
  addressOf(view: ArrayBufferView | ArrayBufferLike): number;
}

/** A range of pages that belongs to a ring, with the views handed out for its entries. @internal */
export interface EntryViews {
  readonly type: StructType;
  /** Where the first entry is. */
  readonly address: number;
  /** Views of what starts at `address + (index << shift)`, as far as they have been asked for. */
  readonly shift: number;
  readonly views: (Struct | undefined)[];
  /** Bytes from one entry to the next. */
  readonly entrySize: number;
}

const encoder = new TextEncoder();
const none: readonly ArrayBufferView[] = [];
const PAGE_SHIFT = 12;
const ENOSYS = 38;

/**
 * Where a typed array of this memory is, and how many bytes it has: `buffer` and `byteLength` take
 * longer than all the rest of a prep function. A freed one has -1 bytes.
 */
const ADDRESS = Symbol('address');
const SIZE = Symbol('size');
/** Whether it is a block of its own, and not a part of one. */
const BLOCK = Symbol('block');

type WindowArray = ArrayBufferView & { [ADDRESS]?: number; [SIZE]?: number; [BLOCK]?: boolean };

/** The part of a wasm memory that structs and buffers live in. */
export class Memory {
  /** The whole linear memory. An address is an offset into it. */
  readonly view: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lowest address that may be handed out. */
  readonly start: number;
  /** First address past the last that may be handed out. */
  readonly end: number;
  /** Views outside of this memory whose address has been taken since {@link takeBorrowed}. @internal */
  borrowed: readonly ArrayBufferView[] = none;

  readonly #heap: Heap;
  readonly #pages: Pages;
  readonly #host: AddressSource | null;
  readonly #foreignAddresses = new WeakMap<ArrayBufferLike, number>();
  readonly #owners: (EntryViews | undefined)[];
  readonly #mapped = new WeakSet<ArrayBufferView>();
  readonly #blocks = new Map<number, Struct | StructArray<Struct> | Pointers<Struct>>();

  constructor(memory: WebAssembly.Memory, start: number, end: number, pages: Pages, host: AddressSource | null) {
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.start = start;
    this.end = end;
    this.#heap = new Heap(pages, this.bytes);
    this.#pages = pages;
    this.#host = host;
    this.#owners = new Array((end - start) >>> PAGE_SHIFT).fill(undefined);
  }

  #allocate(size: number): number {
    const address = this.#heap.allocate(size);
    if (address > 0) return address;
    throw systemError(address, 'mmap', `The window has no room for ${size} bytes more.`);
  }

  /** One zeroed struct, or an array of `length` of them. */
  alloc<T extends Struct>(type: StructType<T>): T;
  alloc<T extends Struct>(type: StructType<T>, length: number): StructArray<T>;
  alloc<T extends Struct>(type: StructType<T>, length?: number): T | StructArray<T> {
    if (length !== undefined) checkCount(length, type.size);
    const address = this.#allocate(type.size * (length ?? 1));
    const block = length === undefined ? new type(this, address) : new StructArray(this, type, address, length);
    this.#blocks.set(address, block);
    return block;
  }

  /** A zeroed typed array, `Uint8Array` unless another type is given. */
  allocArray(length: number): Uint8Array<ArrayBuffer>;
  allocArray<T>(length: number, type: TypedArrayConstructor<T>): T;
  allocArray(length: number, type: TypedArrayConstructor<unknown> = Uint8Array): unknown {
    checkCount(length, type.BYTES_PER_ELEMENT);
    const address = this.#allocate(length * type.BYTES_PER_ELEMENT);
    const array = new type(this.view.buffer, address, length) as WindowArray;
    array[ADDRESS] = address;
    array[SIZE] = array.byteLength;
    array[BLOCK] = true;
    return array;
  }

  /** Room for pointers to structs, for functions that give one back through an argument. */
  allocPointers<T extends Struct>(type: StructType<T>, length = 1): Pointers<T> {
    checkCount(length, 8);
    const address = this.#allocate(length * 8);
    const pointers = new Pointers(this, type, address, length);
    this.#blocks.set(address, pointers as unknown as Pointers<Struct>);
    return pointers;
  }

  /** A string as C has it: UTF-8 with a NUL behind it. */
  allocString(text: string): Uint8Array<ArrayBuffer> {
    if (text.includes('\0')) throw argumentError('text', 'a string without NUL', text);
    const encoded = encoder.encode(text);
    const bytes = this.allocArray(encoded.length + 1);
    bytes.set(encoded);
    return bytes;
  }

  /**
   * mmap(2) with `MAP_SHARED`: memory that is a ring's, a file's or a device's.
   *
   * @param length - Bytes; whole pages are mapped.
   * @param prot - `PROT_READ`, or with it `PROT_WRITE`. A write to memory that may only be read ends the process.
   * @param offset - Where in the file, a multiple of 4096, such as `IORING_OFF_SQES` of a ring.
   * @throws a SystemError: what mmap(2) says, or ENOMEM where the window has no room.
   * @see mmap(2), io_uring_setup(2)
   */
  map(length: number, prot: number, fd: number, offset: number | bigint = 0): Uint8Array<ArrayBuffer> {
    checkCount(length, 1);
    const map = this.#pages.map;
    if (map === undefined) throw systemError(-ENOSYS, 'mmap', 'There is no host here.');
    const address = map(atLeast0(fd, 'fd'), length, atLeast0(prot, 'prot'), atLeast0(Number(offset), 'offset'));
    if (address < 0) throw systemError(address, 'mmap');
    const array: WindowArray = new Uint8Array(this.view.buffer, address, length);
    array[ADDRESS] = address;
    array[SIZE] = length;
    this.#mapped.add(array);
    return array as Uint8Array<ArrayBuffer>;
  }

  /** munmap(2) of what {@link map} returned. Using it afterwards as an argument throws. */
  unmap(array: Uint8Array): void {
    if (!this.#mapped.delete(array)) throw argumentError('array', 'what map() returned, and not yet unmapped', array);
    this.#pages.munmap(array.byteOffset, array.byteLength);
    (array as WindowArray)[SIZE] = -1;
  }

  /** Frees what one of the `alloc` functions returned. Using it afterwards throws. */
  free(block: Struct | StructArray<Struct> | Pointers<Struct> | ArrayBufferView): void {
    if (ArrayBuffer.isView(block)) {
      const array = block as WindowArray;
      if (!array[BLOCK] || block.buffer !== this.view.buffer) {
        throw argumentError('block', 'memory that is allocated, and not yet freed', block);
      }
      this.#heap.release(array[ADDRESS] as number);
      array[SIZE] = -1;
      array[BLOCK] = false;
      return;
    }
    const address = block?.address;
    if (block?.memory !== this || this.#blocks.get(address) !== block) {
      throw argumentError('block', 'memory that is allocated, and not yet freed', block);
    }
    if (block instanceof Struct && block.attached !== undefined && !Array.isArray(block.attached)) {
      throw stateError('block', 'a ring after io_uring_queue_exit()', 'one that is set up');
    }
    this.#blocks.delete(address);
    this.#heap.release(address);
    block.invalidate();
  }

  /** Bytes from `address` to the end of the block that starts there; undefined if none does. @internal */
  sizeOfBlock(address: number): number | undefined {
    return this.#heap.sizeOf(address);
  }

  /** Has the entries of a ring in these pages answer to {@link structAt} as the same objects. @internal */
  setOwner(address: number, length: number, owner: EntryViews | undefined): void {
    const first = (address - this.start) >>> PAGE_SHIFT;
    const last = (address + length - 1 - this.start) >>> PAGE_SHIFT;
    this.#owners.fill(owner, first, last + 1);
  }

  /** Whose page an address is in, if that is known. @internal */
  ownerOf(address: number): EntryViews | undefined {
    return this.#owners[(address - this.start) >>> PAGE_SHIFT];
  }

  /** The struct at an address that C returned; null for NULL. @internal */
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
   * @param where - Its address, or the bytes it is in, which have to be of this memory.
   */
  struct<T extends Struct>(type: StructType<T>, where: number | ArrayBufferView): T {
    return new type(this, this.inside(where, type.size, type.name));
  }

  /**
   * The address of something that C code only hands on to the kernel.
   *
   * @param bytes - How many bytes will be used there; a view that has fewer is refused.
   * @internal
   */
  address(value: Address | Pointers<Struct>, bytes: number, name: string): number {
    if (typeof value === 'number') {
      if (Number.isSafeInteger(value) && value >= 0) return value;
      throw rangeError(`${name} is ${value}, which is no address`);
    }
    if (value === null) return 0;
    if (!ArrayBuffer.isView(value)) return this.#addressOfBlock(value, bytes, name);
    const array = value as WindowArray;
    if ((array[SIZE] as number) >= bytes) return array[ADDRESS] as number;
    const address = this.#addressOfView(value, bytes, name);
    if (address < this.start || address >= this.end) this.#borrow([value]);
    return address;
  }

  #borrow(views: readonly ArrayBufferView[]): void {
    if (views.length === 0) return;
    this.borrowed = this.borrowed === none ? views : [...this.borrowed, ...views];
  }

  /** What has been borrowed, which is the caller's to keep. @internal */
  takeBorrowed(): readonly ArrayBufferView[] {
    const { borrowed } = this;
    this.borrowed = none;
    return borrowed;
  }

  #addressOfView(view: WindowArray, bytes: number, name: string): number {
    if (view[SIZE] === -1) throw stateError(name, 'alive', 'freed');
    if (view.byteLength < bytes || view.byteLength === 0) {
      if (isDetached(view)) throw stateError(name, 'attached', 'detached');
      if (view.byteLength < bytes) {
        throw rangeError(`${name} has ${view.byteLength} bytes, but ${bytes} are asked for`);
      }
    }
    return this.#findView(view, name);
  }

  /** The address of a view that is not one of allocArray's own: a part of one, or somebody else's. */
  #findView(view: ArrayBufferView, name: string): number {
    const { buffer } = view;
    if (buffer === this.view.buffer) {
      // by the next time it is as quick as the block that it is a part of
      if (Object.isExtensible(view)) Object.assign(view, { [SIZE]: view.byteLength, [ADDRESS]: view.byteOffset });
      return view.byteOffset;
    }
    if (this.#host === null) {
      throw argumentError(name, 'memory of alloc, or an address, as there is no host here', view);
    }
    // a buffer never moves
    let start = this.#foreignAddresses.get(buffer);
    if (start === undefined) {
      start = this.#host.addressOf(buffer);
      this.#foreignAddresses.set(buffer, start);
    }
    return start + view.byteOffset;
  }

  #addressOfBlock(value: Struct | StructArray<Struct> | Pointers<Struct>, bytes: number, name: string): number {
    if (!(value instanceof Struct || value instanceof StructArray || value instanceof Pointers)) {
      throw argumentError(name, 'an address, a typed array, a struct or null', value);
    }
    this.#checkOurs(value, name);
    const { address } = value;
    const available = value instanceof Struct ? (this.#heap.sizeOf(address) ?? Infinity) : sizeOfArray(value);
    if (available < bytes) throw rangeError(`${name} has ${available} bytes, but ${bytes} are asked for`);
    if (!(value instanceof Pointers)) this.#borrow(value.buffers());
    return address;
  }

  #checkOurs(value: Struct | StructArray<Struct> | Pointers<Struct>, name: string): void {
    if (value.memory !== this) throw argumentError(name, "of the same instance's memory", value);
    if (value.address === 0) throw stateError(name, 'alive', 'freed');
  }

  /** An address that C code itself will follow, so that it has to be in this memory. @internal */
  inside(value: Address | Pointers<Struct>, bytes: number, name: string): number {
    const address = this.address(value, bytes, name);
    if (address >= this.start && address + bytes <= this.end) return address;
    this.borrowed = none;
    throw value === null
      ? argumentError(name, 'memory, as C writes to it', null)
      : rangeError(`${name} has to be in the window, as liburing itself reads or writes it`);
  }

  /** A string's address: text that ends, somewhere. @internal */
  string(value: Address, name: string): number {
    if (typeof value === 'string') {
      throw argumentError(name, 'a C string in memory, such as allocString(text) makes', value);
    }
    const address = this.address(value, 0, name);
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      if (!bytes.includes(0)) throw rangeError(`${name} does not end with NUL`);
    }
    return address;
  }

  /** Stores a pointer in a struct; the struct keeps the buffer it points to from being collected. @internal */
  setPointer(struct: Struct, offset: number, value: Address, name: string): void {
    this.borrowed = none;
    const address = this.address(value, 0, name);
    if (this.borrowed !== none) struct.keep(this.takeBorrowed());
    this.view.setBigUint64(struct.address + offset, BigInt(address), true);
  }

  /** Reads a pointer or a size, which is a number unless it is beyond 2^53. @internal */
  getSize(address: number, name: string): number {
    const high = this.view.getInt32(address + 4, true);
    if (high >= -0x200000 && high < 0x200000) {
      return high * 0x100000000 + this.view.getUint32(address, true);
    }
    throw rangeError(`${name} is ${this.view.getBigUint64(address, true)}, which a number cannot hold`);
  }
}

function sizeOfArray(value: StructArray<Struct> | Pointers<Struct>): number {
  return value.length * (value instanceof Pointers ? 8 : value.type.size);
}

function checkCount(length: number, elementSize: number): void {
  if (!Number.isSafeInteger(length) || length < 1 || length * elementSize > 0xffffffff) {
    throw argumentError('length', 'a positive number of elements that memory has room for', length);
  }
}

function atLeast0(value: number, name: string): number {
  if (safe(value, name) >= 0) return value;
  throw rangeError(`${name} is ${value}, and cannot be negative`);
}

function isDetached(view: ArrayBufferView): boolean {
  try {
    new Uint8Array(view.buffer, 0, 0);
    return false;
  } catch {
    return true;
  }
}
