/** The end of a ring: cancels what is in flight, waits for it, and gives everything back. */
import type { Canceller } from './cancel.js';
import type { KernelRing } from './kernel-ring.js';
import type { Reaper } from './reap.js';
import type { Requests } from './request.js';
import type { Submitter } from './submit.js';
import type { Waiter } from './wait.js';

/** Something that must act when its ring closes. */
export interface RingUser {
  /** Called when the ring starts to close. What is in flight is cancelled next. */
  ringCloses?(): void;
  /** Called when nothing is in flight any more, before the ring's file descriptor is closed. */
  ringEnds?(): void;
  /** Called when the kernel has let go of the ring's memory. */
  ringEnded?(): void;
}

/** Requests of rings that failed. The kernel may use their buffers for as long as it likes. */
const stranded = new Set<Requests>();

/** Closes a ring, once. */
export class Closer {
  /** What uses the ring. */
  readonly users = new Set<RingUser>();
  #promise: Promise<void> | undefined;
  #resolve: (() => void) | undefined;
  readonly #ring: KernelRing;
  readonly #requests: Requests;
  readonly #reaper: Reaper;
  readonly #submitter: Submitter;
  readonly #canceller: Canceller;
  readonly #waiter: Waiter;

  constructor(
    ring: KernelRing,
    requests: Requests,
    reaper: Reaper,
    submitter: Submitter,
    canceller: Canceller,
    waiter: Waiter,
  ) {
    this.#ring = ring;
    this.#requests = requests;
    this.#reaper = reaper;
    this.#submitter = submitter;
    this.#canceller = canceller;
    this.#waiter = waiter;
  }

  /** Resolves when everything has been given back. */
  close(): Promise<void> {
    if (this.#ring.closed) return this.#promise ?? Promise.resolve();
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve;
      try {
        this.#start();
        this.#waiter.sleep();
      } catch (error) {
        this.fail(error);
      }
    });
    return this.#promise;
  }

  /** The same, but blocks the thread instead. */
  closeNow(): void {
    const { closed, closing, functions, struct } = this.#ring;
    if (closed) return;
    try {
      if (!closing) this.#start();
      while (this.#requests.count > 0) {
        this.#waiter.block(() => functions.io_uring_submit_and_wait(struct, 1));
        this.#canceller.cancelRest();
      }
    } catch (error) {
      this.#strand(error);
      throw error;
    }
    this.#finish();
  }

  /** Closes a ring that itself has failed: its requests are rejected with the error. */
  fail(error: unknown): void {
    if (this.#ring.closed) return;
    for (const request of [...this.#requests]) this.#reaper.fail(request, error);
    try {
      this.closeNow();
    } catch {
      // the requests have been told of the first error
    }
  }

  /** Leaves a ring that cannot be closed. Its memory stays, as the kernel may still write to it. */
  #strand(error: unknown): void {
    const ring = this.#ring;
    ring.closing = true;
    ring.closed = true;
    stranded.add(this.#requests);
    for (const request of [...this.#requests]) this.#reaper.fail(request, error);
    for (const user of [...this.users]) user.ringCloses?.();
    this.#waiter.close();
    this.#resolve?.();
    this.#resolve = undefined;
  }

  #start(): void {
    const ring = this.#ring;
    ring.closing = true;
    this.#waiter.stopListening();
    if (ring.disabled) ring.functions.io_uring_enable_rings(ring.struct);
    this.#submitter.enter();
    this.#reaper.reap();
    for (const user of [...this.users]) user.ringCloses?.();
    this.#canceller.cancelAll();
  }

  /** Called whenever nothing is in flight: ends a ring that closes. */
  idle(): void {
    if (this.#resolve !== undefined) this.#finish();
  }

  #finish(): void {
    const ring = this.#ring;
    this.#waiter.close();
    for (const user of [...this.users]) user.ringEnds?.();
    ring.functions.io_uring_queue_exit(ring.struct);
    ring.closed = true;
    for (const user of this.users) user.ringEnded?.();
    ring.memory.free(this.#reaper.pointers);
    ring.memory.free(ring.struct);
    this.#resolve?.();
    this.#resolve = undefined;
  }
}
