/** Allocation: structs, typed arrays, strings and mappings that C and the kernel can use. */
import { invalidNumber, invalidState, invalidType, invalidValue, outOfRange } from '../checks/errors.js';
import { int32, safe } from '../checks/integers.js';
import { systemError } from '../checks/system-error.js';
import { ENOSYS } from '../constants/generated/linux.js';
import { ADDRESS, type AddressSource, AddressSpace, type CachedArray, SIZE } from './address-space.js';
import { Heap } from './heap.js';
import type { Pages } from './pages.js';
import { Pointers } from './pointers.js';
import { Struct, StructArray, type StructType } from './struct.js';

/** A typed array class, such as `Int32Array`. */
export type TypedArrayConstructor<T> = {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** Whether a typed array is a block that was allocated, and not a part of one. */
const BLOCK = Symbol('block');
type BlockArray = CachedArray & { [BLOCK]?: boolean };

const encoder = new TextEncoder();

/** The memory of an instance: what structs, rings and buffers are allocated from. */
export class Memory extends AddressSpace {
  readonly #heap: Heap;
  readonly #pages: Pages;
  readonly #mapped = new WeakSet<ArrayBufferView>();
  readonly #blocks = new Map<number, Struct | StructArray<Struct> | Pointers<Struct>>();

  /** @internal */
  constructor(memory: WebAssembly.Memory, start: number, end: number, pages: Pages, host: AddressSource | null) {
    super(memory, start, end, host);
    this.#heap = new Heap(pages, this.bytes);
    this.#pages = pages;
  }

  #allocate(size: number): number {
    const address = this.#heap.allocate(size);
    if (address > 0) return address;
    throw systemError(address, 'mmap', `The window has no room for ${size} bytes more.`);
  }

  /**
   * Allocates one zeroed struct, or an array of `length` of them.
   *
   * ```ts
   * const ring = memory.alloc(io_uring);
   * const vector = memory.alloc(iovec, 4);
   * vector.at(0).iov_base = buffer;
   * ```
   *
   * @throws a {@link SystemError} with the code `ENOMEM` where the window has no room.
   */
  alloc<T extends Struct>(type: StructType<T>): T;
  alloc<T extends Struct>(type: StructType<T>, length: number): StructArray<T>;
  alloc<T extends Struct>(type: StructType<T>, length?: number): T | StructArray<T> {
    if (length !== undefined) checkCount(length, type.size);
    const address = this.#allocate(type.size * (length ?? 1));
    const block = length === undefined ? new type(this, address) : new StructArray(this, type, address, length);
    this.#blocks.set(address, block);
    return block;
  }

  /**
   * Allocates a zeroed typed array, `Uint8Array` unless another type is given.
   *
   * @param length - Elements, at least 1.
   * @throws a {@link SystemError} with the code `ENOMEM` where the window has no room.
   */
  allocArray(length: number): Uint8Array<ArrayBuffer>;
  allocArray<T>(length: number, type: TypedArrayConstructor<T>): T;
  allocArray(length: number, type: TypedArrayConstructor<unknown> = Uint8Array): unknown {
    checkCount(length, type.BYTES_PER_ELEMENT);
    const address = this.#allocate(length * type.BYTES_PER_ELEMENT);
    const array = new type(this.view.buffer, address, length) as BlockArray;
    array[ADDRESS] = address;
    array[SIZE] = array.byteLength;
    array[BLOCK] = true;
    return array;
  }

  /**
   * Allocates room for `length` pointers to structs, for functions that return a pointer through an argument: C's
   * `struct io_uring_cqe *cqe`, which is passed as `&cqe`.
   */
  allocPointers<T extends Struct>(type: StructType<T>, length = 1): Pointers<T> {
    checkCount(length, 8);
    const address = this.#allocate(length * 8);
    const pointers = new Pointers(this, type, address, length);
    this.#blocks.set(address, pointers as unknown as Pointers<Struct>);
    return pointers;
  }

  /** Allocates a C string: UTF-8 with a NUL behind it. @throws a TypeError for text that contains a NUL. */
  allocString(text: string): Uint8Array<ArrayBuffer> {
    if (typeof text !== 'string') throw invalidType('text', 'a string', text);
    if (text.includes('\0')) throw invalidValue('text', 'a string without NUL', text);
    const encoded = encoder.encode(text);
    const bytes = this.allocArray(encoded.length + 1);
    bytes.set(encoded);
    return bytes;
  }

  /**
   * mmap(2) with `MAP_SHARED`: memory of a ring, a file or a device.
   *
   * @param length - Bytes; whole pages are mapped.
   * @param prot - `PROT_READ`, or `PROT_READ | PROT_WRITE`. A write to memory that may only be read ends the process.
   * @param offset - Bytes from the start of the file, a multiple of 4096, such as `IORING_OFF_SQES` of a ring.
   * @throws a {@link SystemError}: what mmap(2) reports, or ENOMEM where the window has no room.
   * @see mmap(2), io_uring_setup(2)
   */
  map(length: number, prot: number, fd: number, offset: number | bigint = 0): Uint8Array<ArrayBuffer> {
    checkCount(length, 1);
    const map = this.#pages.map;
    if (map === undefined) throw systemError(-ENOSYS, 'mmap', 'There is no host here.');
    const address = map(
      int32(notNegative(fd, 'fd'), 'fd'),
      length,
      int32(notNegative(prot, 'prot'), 'prot'),
      notNegative(Number(offset), 'offset'),
    );
    if (address < 0) throw systemError(address, 'mmap');
    const array: BlockArray = new Uint8Array(this.view.buffer, address, length);
    array[ADDRESS] = address;
    array[SIZE] = length;
    this.#mapped.add(array);
    return array as Uint8Array<ArrayBuffer>;
  }

  /** munmap(2) of what {@link map} returned. A later use of it as an argument throws. */
  unmap(array: Uint8Array): void {
    if (!ArrayBuffer.isView(array)) throw invalidType('array', 'what map() returned', array);
    if (!this.#mapped.delete(array)) throw invalidValue('array', 'what map() returned, and not yet unmapped', array);
    this.#pages.munmap(array.byteOffset, array.byteLength);
    (array as BlockArray)[SIZE] = -1;
  }

  /**
   * Frees what one of the `alloc` functions returned. A later use of it throws.
   *
   * @throws a TypeError for anything else, such as a part of a block, a block that was freed before, or a ring that
   * is still set up.
   */
  free(block: Struct | StructArray<Struct> | Pointers<Struct> | ArrayBufferView): void {
    if (ArrayBuffer.isView(block)) {
      const array = block as BlockArray;
      if (!array[BLOCK] || block.buffer !== this.view.buffer) throw notAllocated(block);
      this.#heap.release(array[ADDRESS] as number);
      array[SIZE] = -1;
      array[BLOCK] = false;
      return;
    }
    const address = block?.address;
    if (block?.memory !== this || this.#blocks.get(address) !== block) throw notAllocated(block);
    if (block instanceof Struct && block.ringState !== undefined) {
      throw invalidState('block', 'a ring after io_uring_queue_exit()', 'one that is set up');
    }
    this.#blocks.delete(address);
    this.#heap.release(address);
    block.invalidate();
  }

  /** @internal */
  sizeOfBlock(address: number): number | undefined {
    return this.#heap.sizeOf(address);
  }
}

const notAllocated = (value: unknown): TypeError =>
  (typeof value === 'object' && value !== null ? invalidValue : invalidType)(
    'block',
    'memory that is allocated, and not yet freed',
    value,
  );

function checkCount(length: number, elementSize: number): void {
  if (!Number.isSafeInteger(length) || length < 1 || length * elementSize > 0xffffffff) {
    throw invalidNumber('length', 'a positive number of elements that memory has room for', length);
  }
}

function notNegative(value: number, name: string): number {
  if (safe(value, name) >= 0) return value;
  throw outOfRange(`${name} is ${value}, and cannot be negative`);
}
