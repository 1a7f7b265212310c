/** Messages from other rings, of this thread or another: IORING_OP_MSG_RING. */
import { invalidNumber, invalidType, outOfRange } from '../checks/errors.js';
import { AsyncQueue } from './async-queue.js';
import type { Engine } from './engine/engine.js';

/** A ring to send to: one of this thread, or the `fd` of any ring of the process. */
export type RingTarget = { readonly fd: number } | number;

/**
 * What another ring sent with `msg_ring`.
 *
 * ```ts
 * void sender.msg_ring(receiver, 5, 42n);
 * for await (const { len, data } of receiver.messages()) console.log(len, data); // 5 42n
 * ```
 */
export interface RingMessage {
  /** The sender's `data`. */
  readonly data: bigint;
  /** The sender's `len`, as a signed number; for a file that was sent, 0 or its slot in the table. */
  readonly len: number;
  /** Flags that the sender gave, see io_uring_prep_msg_ring_cqe_flags(3). */
  readonly flags: number;
}

/**
 * The bit of a user_data that tells messages from completions of the receiver's own requests. A
 * message to a ring of the C interface arrives with it.
 */
export const MESSAGE_BIT = 1n << 63n;

/** The fd of a ring to send to. */
export function targetFd(target: RingTarget): number {
  const fd = typeof target === 'object' ? target?.fd : target;
  if (typeof fd === 'number') return fd;
  throw invalidType('fd', "a Ring or a ring's fd", target);
}

/** The user_data of a message. */
export function messageData(data: number | bigint): bigint {
  if (typeof data !== 'bigint' && !Number.isSafeInteger(data)) throw invalidNumber('data', 'an integer', data);
  const value = BigInt(data);
  if (value < 0n || value >= MESSAGE_BIT) throw outOfRange(`data is ${value}, and a message has 63 bits`);
  return value | MESSAGE_BIT;
}

/** Keeps the messages of one ring until they are asked for. Waiting for one keeps the process alive. */
export class Inbox {
  #queue: AsyncQueue<RingMessage> | undefined;
  readonly #engine: () => Engine;

  /** @param engine - The ring's engine, which is made after its inbox. */
  constructor(engine: () => Engine) {
    this.#engine = engine;
  }

  /** The queue that consumers share; a new one once the last was ended. */
  open(): AsyncQueue<RingMessage> {
    if (this.#queue?.ended) this.#queue = undefined;
    return this.#current();
  }

  #current(): AsyncQueue<RingMessage> {
    this.#queue ??= new AsyncQueue({
      taken: (queue) => queue.awaited && this.#engine().waiter.listen(true),
      abandoned: async () => this.#engine().waiter.listen(false),
    });
    return this.#queue;
  }

  deliver(message: RingMessage): void {
    const queue = this.#current();
    queue.push(message);
    if (!queue.awaited) this.#engine().waiter.listen(false);
  }

  ringCloses(): void {
    this.#queue?.end();
  }
}
