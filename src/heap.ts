/** A malloc for the window: small blocks of powers of two from slabs, large ones from pages. */

/** Where pages come from: the host's window, or ordinary wasm memory. */
export interface Pages {
  /** Zeroed pages' address, or a negative error number. */
  mmap(length: number): number;
  /** 0 or a negative error number. */
  munmap(address: number, length: number): number;
}

const SMALLEST = 16;
const LARGEST_SMALL = 2048;
const SLAB = 65536;

/** Hands out blocks of memory and knows which are in use, so that it can tell a wrong free. */
export class Heap {
  readonly #pages: Pages;
  readonly #bytes: Uint8Array;
  readonly #sizes = new Map<number, number>();
  /** Free blocks of each small size, by the size's logarithm. */
  readonly #free: number[][] = [];

  constructor(pages: Pages, bytes: Uint8Array) {
    this.#pages = pages;
    this.#bytes = bytes;
  }

  /** A zeroed block, aligned to its size up to a page, or a negative error number. */
  allocate(size: number): number {
    const address = size <= LARGEST_SMALL ? this.#small(size) : this.#pages.mmap(size);
    if (address > 0) this.#sizes.set(address, size);
    return address;
  }

  #small(size: number): number {
    const log = 32 - Math.clz32(Math.max(size, SMALLEST) - 1);
    this.#free[log] ??= [];
    const blocks = this.#free[log];
    const block = blocks.pop();
    if (block !== undefined) {
      this.#bytes.fill(0, block, block + (1 << log));
      return block;
    }
    const slab = this.#pages.mmap(SLAB);
    if (slab < 0) return slab;
    for (let at = slab + SLAB - (1 << log); at > slab; at -= 1 << log) blocks.push(at);
    return slab;
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
    if (size <= LARGEST_SMALL) {
      this.#free[32 - Math.clz32(Math.max(size, SMALLEST) - 1)]?.push(address);
    } else {
      this.#pages.munmap(address, size);
    }
    return true;
  }
}
