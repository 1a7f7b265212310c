/** Waiting for completions: by the event loop, or by blocking the thread. */
import { systemError } from '../../checks/system-error.js';
import { ETIME } from '../../constants/generated/linux.js';
import type { KernelRing } from './kernel-ring.js';
import type { Reaper } from './reap.js';
import type { Requests } from './request.js';
import { isTemporary, type Submitter } from './submit.js';
import { Wake } from './wake.js';

/** Waits for completions as long as there is something to wait for. */
export class Waiter {
  /** Somebody waits for a message. */
  #listening = false;
  #wake: Wake | undefined;
  readonly #ring: KernelRing;
  readonly #requests: Requests;
  readonly #reaper: Reaper;
  readonly #submitter: Submitter;
  /** Called when the ring has nothing in flight. */
  readonly #idle: () => void;
  /** Called when it has. */
  readonly #busy: () => void;
  /** Called if the ring itself fails, and nobody is there to catch the error. */
  readonly #failed: (error: unknown) => void;

  constructor(
    ring: KernelRing,
    requests: Requests,
    reaper: Reaper,
    submitter: Submitter,
    { idle, busy, failed }: { idle(): void; busy(): void; failed(error: unknown): void },
  ) {
    this.#ring = ring;
    this.#requests = requests;
    this.#reaper = reaper;
    this.#submitter = submitter;
    this.#idle = idle;
    this.#busy = busy;
    this.#failed = failed;
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** A ring that listens for messages keeps the process alive. */
  listen(listening: boolean): void {
    this.#listening = listening;
    if (!this.#ring.closed && !this.#reaper.reaping) this.sleep();
  }

  /** Stops listening, of a ring that closes: what is in flight keeps the process alive. */
  stopListening(): void {
    this.#listening = false;
  }

  /** Lets the event loop call back when there are completions. If any are expected, the process stays alive for them. */
  sleep(): void {
    if (this.#requests.count === 0 && !this.#listening) {
      this.#wake?.setReferenced(false);
      this.#idle();
      return;
    }
    this.#busy();
    if (this.#ring.polls) {
      // IOPOLL completions appear only when the ring is polled
      this.#submitter.schedule();
      return;
    }
    if (this.#wake === undefined) {
      this.#wake = new Wake(this.#ring, () => this.#woken());
      // completions from before the watch do not wake anybody
      if (this.#reaper.reap() > 0) {
        this.sleep();
        return;
      }
    }
    this.#wake.setReferenced(true);
  }

  #woken(): void {
    if (this.#ring.closed) return;
    try {
      this.#submitter.startTurn();
      this.#submitter.followUp(this.#reaper.reap());
      this.sleep();
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * Blocks the thread in `wait`, a function of liburing that submits and waits, and settles what is complete then.
   *
   * @returns how many completions there were.
   */
  block(wait: () => number): number {
    const result = wait();
    if (result < 0 && result !== -ETIME && !isTemporary(result)) throw systemError(result, 'io_uring_enter');
    return this.#reaper.reap();
  }

  close(): void {
    this.#wake?.close();
  }
}
