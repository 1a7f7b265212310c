/** A malloc for the window. Small blocks of powers of two come from slabs, large ones from pages. */
import { PAGE_SHIFT, PAGE_SIZE, type Pages } from './pages.js';

const SMALLEST = 16;
const LARGEST_SMALL = 2048;
const SLAB = 65536;

/** Pages that are divided into blocks of one size. */
interface Slab {
  readonly address: number;
  readonly blocks: number;
  readonly free: number[];
}

const logOf = (size: number): number => 32 - Math.clz32(Math.max(size, SMALLEST) - 1);

/** Allocates blocks, and knows which are in use, so that it detects a wrong free. */
export class Heap {
  readonly #pages: Pages;
  readonly #bytes: Uint8Array;
  readonly #sizes = new Map<number, number>();
  /** Slabs that have a free block, for each small size, by the size's logarithm. */
  readonly #open: Slab[][] = [];
  /** The slab that a page belongs to. */
  readonly #slabs = new Map<number, Slab>();

  constructor(pages: Pages, bytes: Uint8Array) {
    this.#pages = pages;
    this.#bytes = bytes;
  }

  /** Allocates a zeroed block, aligned to its size up to a page. Returns its address or a negative error number. */
  allocate(size: number): number {
    const address = size <= LARGEST_SMALL ? this.#small(logOf(size)) : this.#map(size);
    if (address > 0) this.#sizes.set(address, size);
    return address;
  }

  /** Maps pages; gives empty slabs back first if there are none left. */
  #map(size: number): number {
    const address = this.#pages.mmap(size);
    if (address >= 0) return address;
    const empty = this.#open.flatMap((slabs) => slabs.filter(({ blocks, free }) => free.length === blocks));
    for (const slab of empty) this.#close(slab);
    return empty.length > 0 ? this.#pages.mmap(size) : address;
  }

  #small(log: number): number {
    this.#open[log] ??= [];
    const open = this.#open[log];
    let slab = open.at(-1);
    if (slab === undefined) {
      const address = this.#map(SLAB);
      if (address < 0) return address;
      slab = { address, blocks: SLAB >>> log, free: [] };
      for (let at = address + SLAB - (1 << log); at >= address; at -= 1 << log) slab.free.push(at);
      for (let at = address; at < address + SLAB; at += PAGE_SIZE) this.#slabs.set(at >>> PAGE_SHIFT, slab);
      open.push(slab);
    }
    const block = slab.free.pop() as number;
    if (slab.free.length === 0) open.pop();
    this.#bytes.fill(0, block, block + (1 << log));
    return block;
  }

  /** Unmaps an empty slab. */
  #close(slab: Slab): void {
    const open = this.#open[logOf(SLAB / slab.blocks)] as Slab[];
    open.splice(open.indexOf(slab), 1);
    const { address } = slab;
    for (let at = address; at < address + SLAB; at += PAGE_SIZE) this.#slabs.delete(at >>> PAGE_SHIFT);
    this.#pages.munmap(address, SLAB);
  }

  /** Size of the block in use that starts at `address`, or undefined. */
  sizeOf(address: number): number | undefined {
    return this.#sizes.get(address);
  }

  /** Frees a block; false if there is none at `address`. */
  release(address: number): boolean {
    const size = this.#sizes.get(address);
    if (size === undefined) return false;
    this.#sizes.delete(address);
    if (size > LARGEST_SMALL) {
      this.#pages.munmap(address, size);
      return true;
    }
    const slab = this.#slabs.get(address >>> PAGE_SHIFT) as Slab;
    const open = this.#open[logOf(size)] as Slab[];
    slab.free.push(address);
    if (slab.free.length === 1) open.push(slab);
    // One empty slab stays, so that freeing and allocating a single block does not map pages each time.
    else if (slab.free.length === slab.blocks && open.length > 1) this.#close(slab);
    return true;
  }
}
