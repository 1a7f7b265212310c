/** Pages of memory: what the heap is made of. */

/** Bytes of a page of Linux on x86-64. */
export const PAGE_SIZE = 4096;
/** A shift by this turns an address into the number of its page. */
export const PAGE_SHIFT = 12;
/** Bytes of a page of WebAssembly, the unit in which a memory is sized. */
export const WASM_PAGE_SIZE = 65536;

/** `length` rounded up to whole pages, in bytes. */
export const pageAlign = (length: number): number => Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;

/** Where pages come from: the host's window, or ordinary wasm memory. */
export interface Pages {
  /** Zeroed pages' address, or a negative error number. */
  mmap(length: number): number;
  /** 0 or a negative error number. */
  munmap(address: number, length: number): number;
  /** Pages that show a file descriptor's memory, where there is a host: their address, or a negative error number. */
  map?(fd: number, length: number, prot: number, offset: number): number;
}
