/** Brings completions to the event loop: JavaScript runs when the kernel has some. */
import { check } from '../check.js';
import { systemError } from '../errors.js';
import { IORING_SETUP_DEFER_TASKRUN } from '../generated/constants.js';
import type { Functions } from '../generated/functions.js';
import type { io_uring } from '../generated/structs.js';
import type { Host, HostWatch } from '../library.js';

/** Elsewhere the event loop is another one, and libuv's functions are missing or end the process. */
const isLibuv = process.versions.bun === undefined && process.versions.deno === undefined;

/**
 * Watches one ring. A ring's own fd can be polled; but with DEFER_TASKRUN completions are made by the
 * thread that asks for them, so that nothing shows on the fd, and an eventfd tells that there is work.
 *
 * @internal
 */
export class Wake {
  private readonly watch: HostWatch;
  private referenced = false;

  constructor(host: Host, functions: Functions, ring: io_uring, callback: () => void) {
    const deferred = (ring.flags & IORING_SETUP_DEFER_TASKRUN) !== 0;
    try {
      this.watch = host.watch(deferred ? -1 : ring.ring_fd, callback, isLibuv);
    } catch (error) {
      const { errno, syscall } = error as { errno?: number; syscall?: string };
      throw errno === undefined || syscall === undefined ? error : systemError(errno, syscall);
    }
    if (deferred) check(functions.io_uring_register_eventfd(ring, this.watch.eventfd), 'io_uring_register_eventfd');
  }

  /** Whether it keeps the process alive. */
  setReferenced(value: boolean): void {
    if (value === this.referenced) return;
    this.referenced = value;
    if (value) this.watch.ref();
    else this.watch.unref();
  }

  close(): void {
    this.watch.close();
  }
}
