/** What the host shim, `dist/host.node`, offers. Its C is in `host/`. */
import type { AddressSource } from '../memory/address-space.js';
import type { Pages } from '../memory/pages.js';

/** A window: addresses that are the same in wasm and in the host. */
export interface HostWindow extends Pages {
  /** First address. */
  readonly start: number;
  /** Maps the window over a wasm memory. */
  attach(memory: ArrayBuffer): void;
  /** What mmap(2) of a ring, a file or a device shows: its address, or a negative error number. */
  map(fd: number, length: number, prot: number, offset: number): number;
  /** Makes the system call that is described in the window at `block`, see wasm/module.c. */
  syscall(block: number): void;
  /** Closes the rings, then unmaps the window. */
  close(): void;
}

/** Calls back when a file descriptor becomes readable. */
export interface HostWatch {
  /** The eventfd that it watches, if it was asked to make one; else -1. */
  readonly eventfd: number;
  /** Keeps the process alive from here on. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
  close(): void;
}

/** The host shim. */
export interface Host extends AddressSource {
  openWindow(size: number): HostWindow;
  /**
   * Watches a file descriptor, or an eventfd of its own for -1.
   *
   * @param loop - Whether libuv's event loop runs here; otherwise a thread watches.
   */
  watch(fd: number, callback: () => void, loop: boolean): HostWatch;
}
