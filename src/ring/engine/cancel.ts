/** Cancellation of requests, one or all. */
import { EINVAL } from '../../constants/generated/linux.js';
import { IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_ANY } from '../../constants/generated/uring.js';
import type { KernelRing } from './kernel-ring.js';
import type { Reaper } from './reap.js';
import type { Request, Requests } from './request.js';
import type { Submitter } from './submit.js';

const noBuffers: readonly ArrayBufferView[] = [];

/** Asks the kernel to cancel requests. The completion of each says whether it was cancelled. */
export class Canceller {
  readonly #ring: KernelRing;
  readonly #requests: Requests;
  readonly #reaper: Reaper;
  readonly #submitter: Submitter;
  /** Of a ring that closes: everything is cancelled once more when there are more completions than these. */
  #again = Number.POSITIVE_INFINITY;

  constructor(ring: KernelRing, requests: Requests, reaper: Reaper, submitter: Submitter) {
    this.#ring = ring;
    this.#requests = requests;
    this.#reaper = reaper;
    this.#submitter = submitter;
  }

  /** @param missed - Called if the kernel could not: it does not find a multishot that is busy with a completion. */
  cancel(request: Request, missed?: () => void): void {
    if (!request.active || this.#ring.closed) return;
    this.#send(request.userData, 0, missed && ((res) => res < 0 && this.#reaper.afterReaping(missed)));
  }

  #send(userData: number, flags: number, done: ((res: number) => void) | undefined): void {
    const sqe = this.#submitter.nextSqe();
    this.#ring.functions.io_uring_prep_cancel64(sqe, userData, flags);
    const request = this.#submitter.start('cancel', sqe, noBuffers);
    if (done !== undefined) request.details = { sink: { completed: done } };
  }

  /**
   * Cancels everything. One time is not enough: behind a hard link other requests begin, and a multishot that is busy
   * with a completion escapes.
   */
  cancelAll(): void {
    if (this.#requests.count === 0) return;
    const before = this.#reaper.completions;
    this.#again = Number.POSITIVE_INFINITY;
    const done = (res: number): void => {
      // before Linux 5.19, requests have to be named
      if (res === -EINVAL) for (const request of this.#requests) this.cancel(request);
      else this.#again = before + 1;
    };
    this.#send(0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, (res) =>
      this.#reaper.afterReaping(() => done(res)),
    );
  }

  /** Cancels everything once more if requests have completed since the last time. */
  cancelRest(): void {
    if (this.#reaper.completions > this.#again) this.cancelAll();
  }
}
