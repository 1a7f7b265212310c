/** From requests to SQEs, and to the kernel: at the end of the turn of the event loop, or when the SQ ring is full. */
import { invalidState } from '../../checks/errors.js';
import { systemError } from '../../checks/system-error.js';
import { EAGAIN, EBADFD, EBUSY, EINTR } from '../../constants/generated/linux.js';
import { IOSQE_CQE_SKIP_SUCCESS } from '../../constants/generated/uring.js';
import type { io_uring_sqe } from '../../structs/generated/structs.js';
import type { KernelRing } from './kernel-ring.js';
import type { Reaper } from './reap.js';
import type { Request, Requests } from './request.js';

/**
 * How many times in a row the requests of promise callbacks are submitted without a turn of the event loop between.
 * Timers and other I/O wait for that long at most, however fast the ring completes.
 */
const ROUNDS = 8;

/** Whether an error of io_uring_enter(2) passes: a signal came, memory is short, or the CQ ring is full. */
export const isTemporary = (result: number): boolean => result === -EINTR || result === -EAGAIN || result === -EBUSY;

/** Hands out SQEs, turns them into requests, and submits them. */
export class Submitter {
  readonly #ring: KernelRing;
  readonly #requests: Requests;
  readonly #reaper: Reaper;
  /** Called after each submission, to wait for completions. */
  readonly #wait: () => void;
  /** Called if the ring itself fails, and nobody is there to catch the error. */
  readonly #failed: (error: unknown) => void;
  #scheduled = false;
  #rounds = 0;
  #lastSqeIsBig = false;
  readonly #flushInTurn = (): void => this.#flush();
  // ticks run after all promise callbacks
  readonly #flushInTick = (): void => this.#flushAgain();
  readonly #afterFirstCallbacks = (): void => process.nextTick(this.#flushInTick);

  constructor(
    ring: KernelRing,
    requests: Requests,
    reaper: Reaper,
    { wait, failed }: { wait(): void; failed(error: unknown): void },
  ) {
    this.#ring = ring;
    this.#requests = requests;
    this.#reaper = reaper;
    this.#wait = wait;
    this.#failed = failed;
  }

  // --- SQEs ---------------------------------------------------------------------

  /** The next SQE; submits those before it if the SQ ring is full. */
  nextSqe(big = false): io_uring_sqe {
    this.#lastSqeIsBig = big;
    if (big) return this.#nextBigSqe();
    const { functions, struct } = this.#ring;
    for (;;) {
      const sqe = functions.io_uring_get_sqe(struct);
      if (sqe !== null) return sqe;
      this.makeRoom(1);
    }
  }

  #nextBigSqe(): io_uring_sqe {
    this.#ring.mustHaveBigSqes();
    const { functions, struct, entries } = this.#ring;
    let sqe = functions.io_uring_get_sqe128(struct);
    if (sqe === null) {
      // at the end of the SQ ring there may have to be padding
      this.makeRoom(entries);
      sqe = functions.io_uring_get_sqe128(struct);
    }
    if (sqe === null) throw invalidState('ring', 'of more entries for an SQE of 128 bytes', `of ${entries}`);
    return sqe;
  }

  /** Takes back the SQE that {@link nextSqe} returned last. Precondition: nothing was submitted since. */
  takeBack(sqe: io_uring_sqe): void {
    const { functions, struct, mixesSqes } = this.#ring;
    if (this.#lastSqeIsBig && mixesSqes) {
      // it has two slots, and perhaps padding before it, so it stays, and does nothing
      functions.io_uring_prep_nop128(sqe);
      sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
      return;
    }
    // liburing has counted the SQE, and the kernel has not seen it
    const { sq } = struct;
    sq.sqe_tail = (sq.sqe_tail - 1) >>> 0;
  }

  /** Submits until there is room for so many SQEs in a row. */
  makeRoom(slots: number): void {
    const { functions, struct, disabled, hasThread } = this.#ring;
    while (functions.io_uring_sq_space_left(struct) < slots) {
      if (disabled) throw invalidState('ring', 'enabled before its submission queue is full', 'disabled');
      this.enter();
      if (hasThread) functions.io_uring_sqring_wait(struct);
      if (functions.io_uring_sq_space_left(struct) >= slots) return;
      // the kernel takes no more before something is complete
      const result = functions.io_uring_submit_and_wait(struct, 1);
      if (result < 0 && !isTemporary(result)) throw systemError(result, 'io_uring_enter');
      this.#reaper.reap();
    }
  }

  // --- requests -----------------------------------------------------------------

  /**
   * Makes a request of a prepared SQE. It is submitted at the end of the turn at the latest.
   *
   * @param buffers - Foreign buffers that stay alive until the request is over.
   */
  start(name: string, sqe: io_uring_sqe, buffers: readonly ArrayBufferView[]): Request {
    const request = this.#requests.take(name);
    this.#ring.functions.io_uring_sqe_set_data64(sqe, request.userData);
    request.buffers = buffers;
    if (!this.#scheduled) this.schedule();
    return request;
  }

  // --- submission ---------------------------------------------------------------

  /** Submits everything in the next turn of the event loop. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushInTurn);
  }

  #flush(): void {
    this.#scheduled = false;
    this.#rounds = 0;
    if (this.#ring.closed) return;
    try {
      this.enter();
      this.followUp(this.#reaper.reap());
      this.#wait();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Submits, in one call, what the callbacks of promises that were just settled queue. */
  followUp(settled: number): void {
    if (settled === 0 || this.#scheduled || this.#rounds === ROUNDS) return;
    this.#scheduled = true;
    this.#rounds++;
    queueMicrotask(this.#afterFirstCallbacks);
  }

  #flushAgain(): void {
    this.#scheduled = false;
    const { closed, functions, struct } = this.#ring;
    if (closed) return;
    try {
      if (functions.io_uring_sq_ready(struct) > 0) {
        this.enter();
        this.followUp(this.#reaper.reap());
      }
      this.#wait();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Called in each turn of the event loop, before {@link followUp}. */
  startTurn(): void {
    this.#rounds = 0;
  }

  /** Submits all SQEs with io_uring_enter(2); those that the kernel cannot take now are left for the next turn. */
  enter(): void {
    const { functions, struct, hasThread } = this.#ring;
    for (;;) {
      const result = functions.io_uring_submit(struct);
      // without SUBMIT_ALL, the kernel stops at an SQE that it refuses
      if (result > 0 && !hasThread && functions.io_uring_sq_ready(struct) > 0) continue;
      if (result >= 0 || result === -EBADFD) return;
      if (result === -EINTR) continue;
      if (!isTemporary(result)) throw systemError(result, 'io_uring_enter');
      // there is room in the CQ ring when its completions are taken
      if (this.#reaper.reap() === 0) {
        this.schedule();
        return;
      }
    }
  }
}
