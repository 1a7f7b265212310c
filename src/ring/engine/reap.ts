/** From CQEs to requests: takes what the kernel has completed, and settles it. */

import { SystemError } from '../../checks/system-error.js';
import { EBADF } from '../../constants/generated/linux.js';
import { IORING_CQE_F_32, IORING_CQE_F_MORE, IORING_CQE_F_NOTIF } from '../../constants/generated/uring.js';
import { CQE_FLAGS, CQE_RES, CQE_USER_DATA } from '../../liburing/entry-layout.js';
import type { Pointers } from '../../memory/pointers.js';
import type { io_uring_cqe } from '../../structs/generated/structs.js';
import { completed, failure } from '../outcome.js';
import type { KernelRing } from './kernel-ring.js';
import { nobody, type Request, type Requests } from './request.js';

/** How many CQEs are taken from the ring at once. */
export const BATCH = 256;

/** The upper half of a message's user_data has this bit, and no request's has it. */
const MESSAGE_HIGH = 0x80000000;

/** Receives what other rings send with msg_ring. */
export type MessageReceiver = (data: bigint, res: number, flags: number) => void;

/** Takes completions from the CQ ring. */
export class Reaper {
  /** How many completions there have been, to see whether there is any progress. */
  completions = 0;
  /** Room for {@link BATCH} pointers to CQEs; also for functions that wait. */
  readonly pointers: Pointers<io_uring_cqe>;
  readonly #ring: KernelRing;
  readonly #requests: Requests;
  readonly #view: DataView;
  readonly #receive: MessageReceiver;
  #reaping = false;
  readonly #deferred: (() => void)[] = [];

  constructor(ring: KernelRing, requests: Requests, pointers: Pointers<io_uring_cqe>, receive: MessageReceiver) {
    this.#ring = ring;
    this.#requests = requests;
    this.#view = ring.memory.view;
    this.#receive = receive;
    this.pointers = pointers;
  }

  /** Whether completions are being taken now. */
  get reaping(): boolean {
    return this.#reaping;
  }

  /** Settles all requests that are complete. @returns how many completions there were. */
  reap(): number {
    this.#reaping = true;
    let total = 0;
    try {
      for (let count = BATCH; count > 0; total += count) count = this.#reapBatch();
    } finally {
      this.#reaping = false;
    }
    this.completions += total;
    if (this.#deferred.length > 0) for (const action of this.#deferred.splice(0)) action();
    return total;
  }

  /** Runs something that needs an SQE: at once, or after the completions that are being taken now. */
  afterReaping(action: () => void): void {
    if (this.#reaping) this.#deferred.push(action);
    else action();
  }

  #reapBatch(): number {
    const { functions, struct, mixesCqes } = this.#ring;
    const view = this.#view;
    const first = this.pointers.address;
    const count = functions.io_uring_peek_batch_cqe(struct, this.pointers, BATCH);
    if (count === 0) return 0;
    let slots = count;
    for (let index = 0; index < count; index++) {
      const cqe = view.getUint32(first + index * 8, true);
      const flags = view.getUint32(cqe + CQE_FLAGS, true);
      if (mixesCqes && flags & IORING_CQE_F_32) slots++;
      const user = cqe + CQE_USER_DATA;
      this.#complete(
        view.getUint32(user, true),
        view.getUint32(user + 4, true),
        view.getInt32(cqe + CQE_RES, true),
        flags,
      );
    }
    functions.io_uring_cq_advance(struct, slots);
    return count;
  }

  #complete(index: number, generation: number, res: number, flags: number): void {
    if (generation >= MESSAGE_HIGH) {
      this.#receive((BigInt(generation - MESSAGE_HIGH) << 32n) | BigInt(index), res, flags);
      return;
    }
    const request = this.#requests.find(index, generation);
    if (request === undefined) return;
    if (request.details === undefined && !(flags & (IORING_CQE_F_MORE | IORING_CQE_F_NOTIF))) {
      if (res >= 0) request.settler.resolve(res);
      else request.settler.reject(failure(request, res));
      this.#requests.give(request);
      return;
    }
    const last = !(flags & IORING_CQE_F_MORE);
    completed(request, res, flags, last);
    if (last) this.release(request);
  }

  /** Tells a request that its ring failed. The kernel may still use its buffers, so that it stays a request. */
  fail(request: Request, error: unknown): void {
    const { settler, details } = request;
    request.settler = nobody;
    settler.reject(error);
    if (details?.sink === undefined) return;
    const { sink } = details;
    details.sink = undefined;
    sink.completed(error instanceof SystemError ? error.errno : -EBADF, 0, true);
  }

  /** Ends a request: frees the memory it borrowed, and its slot among the requests. */
  release(request: Request): void {
    const { details } = request;
    this.#requests.give(request);
    if (details === undefined) return;
    const { scratch, signal, onAbort } = details;
    scratch?.free();
    if (signal !== undefined && onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
