/** Wakes the event loop when the kernel has completed something. */
import { systemError } from '../../checks/system-error.js';
import { IORING_SETUP_DEFER_TASKRUN } from '../../constants/generated/uring.js';
import { check } from '../../host/check.js';
import type { Host, HostWatch } from '../../host/shim.js';
import type { KernelRing } from './kernel-ring.js';

/** Bun and Deno have other event loops, in which libuv's functions are missing or end the process. */
const isLibuv = process.versions.bun === undefined && process.versions.deno === undefined;

/**
 * Watches one ring. The ring's file descriptor can be polled. With DEFER_TASKRUN nothing shows on it, as the thread
 * that asks for completions makes them; an eventfd tells then that there is work.
 */
export class Wake {
  readonly #watch: HostWatch;
  #referenced = false;

  constructor({ host, functions, struct }: KernelRing, callback: () => void) {
    const deferred = (struct.flags & IORING_SETUP_DEFER_TASKRUN) !== 0;
    try {
      // an instance without a host has no ring
      this.#watch = (host as Host).watch(deferred ? -1 : struct.ring_fd, callback, isLibuv);
    } catch (error) {
      const { errno, syscall } = error as { errno?: number; syscall?: string };
      throw errno === undefined || syscall === undefined ? error : systemError(errno, syscall);
    }
    if (deferred) check(functions.io_uring_register_eventfd(struct, this.#watch.eventfd), 'io_uring_register_eventfd');
  }

  /** Whether it keeps the process alive. */
  setReferenced(value: boolean): void {
    if (value === this.#referenced) return;
    this.#referenced = value;
    if (value) this.#watch.ref();
    else this.#watch.unref();
  }

  close(): void {
    this.#watch.close();
  }
}
