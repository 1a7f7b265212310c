/** Names for requests in flight. */
import { invalidState, invalidType, invalidValue } from '../checks/errors.js';
import { IORING_POLL_UPDATE_USER_DATA } from '../constants/generated/uring.js';
import type { Engine } from './engine/engine.js';
import { NO_REQUEST, type Request } from './engine/request.js';

/** Makes a handle the name of a request. */
export let attachHandle: (handle: RequestHandle, request: Request) => void;

/**
 * A name for a request, given to it by the option `handle`. Other requests refer to it by that.
 *
 * ```ts
 * const handle = new RequestHandle();
 * const alarm = ring.timeout(1000, 0, 0, { handle });
 * await ring.timeout_update(5000, handle);
 * ```
 */
export class RequestHandle {
  #request: Request | undefined;
  #userData = 0;
  /** The result of the request, once there is one: the CQE's `res`, such as -62 (ETIME) of a timeout. */
  result: number | undefined;

  static {
    attachHandle = (handle, request) => {
      handle.#request = request;
      handle.#userData = request.userData;
      handle.result = undefined;
    };
  }

  /** Whether the request is prepared or in flight. */
  get active(): boolean {
    return this.#request?.active === true && this.#request.userData === this.#userData;
  }

  /** The request's user_data. @throws a TypeError for a handle that was given to no request yet. */
  get userData(): number {
    if (this.#request === undefined) throw invalidState('handle', 'of a request', 'of none yet');
    return this.#userData;
  }
}

/** A request that another one refers to: its handle, or the promise that its method returned. */
export type RequestReference = RequestHandle | Promise<unknown>;

/** The user_data of a request. The kernel finds none for a promise that is settled. */
export function userDataOf(reference: RequestReference, engine: Engine, name: string): number {
  if (reference instanceof RequestHandle) return reference.userData;
  if (reference instanceof Promise) return engine.requests.ofPromise(reference)?.userData ?? NO_REQUEST;
  throw invalidType(name, 'a RequestHandle, or the promise of a request', reference);
}

/** The flags of a poll_update, which cannot change the user_data: the ring chooses it. */
export function pollUpdateFlags(flags: number): number {
  if (flags & IORING_POLL_UPDATE_USER_DATA) {
    throw invalidValue('flags', 'without IORING_POLL_UPDATE_USER_DATA, as the ring chooses user_data itself', flags);
  }
  return flags;
}
