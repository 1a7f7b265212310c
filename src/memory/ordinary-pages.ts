/** The pages of a module without a host: what is left of an ordinary wasm memory. */
import { ENOMEM } from '../constants/generated/linux.js';
import { PAGE_SIZE, type Pages } from './pages.js';

/** Hands out the first run of free pages that is long enough. */
export class OrdinaryPages implements Pages {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  /** 1 for each page that has been given out. */
  readonly #used: Uint8Array;

  /** @param start - Address of the first page. */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#used = new Uint8Array((bytes.length - start) / PAGE_SIZE);
  }

  mmap(length: number): number {
    const count = Math.ceil(length / PAGE_SIZE);
    let run = 0;
    for (let page = 0; page < this.#used.length; page++) {
      run = this.#used[page] === 0 ? run + 1 : 0;
      if (run < count) continue;
      const first = page + 1 - count;
      const address = this.#start + first * PAGE_SIZE;
      this.#used.fill(1, first, page + 1);
      this.#bytes.fill(0, address, address + count * PAGE_SIZE);
      return address;
    }
    return -ENOMEM;
  }

  munmap(address: number, length: number): number {
    const first = (address - this.#start) / PAGE_SIZE;
    this.#used.fill(0, first, first + Math.ceil(length / PAGE_SIZE));
    return 0;
  }
}
