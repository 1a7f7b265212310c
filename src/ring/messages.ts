/** Messages from other rings, of this thread or another: IORING_OP_MSG_RING. */
import { argumentError, rangeError } from '../errors.js';
import { Stream } from './stream.js';

/** A ring to send to: one of this thread, or the `fd` of any ring of the process. */
export type RingTarget = { readonly fd: number } | number;

/** What came with msg_ring. */
export interface RingMessage {
  /** The sender's `data`. */
  readonly data: bigint;
  /** The sender's `len`, as a signed number; for a file that was sent, 0 or its place in the table. */
  readonly len: number;
  /** Flags that the sender gave, see io_uring_prep_msg_ring_cqe_flags(3). */
  readonly flags: number;
}

/**
 * The bit of a user_data that tells messages from completions of the receiver's own requests. A
 * message to a ring of the C interface arrives with it.
 */
export const MESSAGE_BIT = 1n << 63n;

/** @internal */
export function targetFd(target: RingTarget): number {
  const fd = typeof target === 'object' ? target?.fd : target;
  if (typeof fd === 'number') return fd;
  throw argumentError('fd', "a Ring or a ring's fd", target);
}

/** @internal */
export function messageData(data: number | bigint): bigint {
  if (typeof data !== 'bigint' && !Number.isSafeInteger(data)) throw argumentError('data', 'an integer', data);
  const value = BigInt(data);
  if (value < 0n || value >= MESSAGE_BIT) throw rangeError(`data is ${value}, and a message has 63 bits`);
  return value | MESSAGE_BIT;
}

/** Messages as they come. Waiting for one keeps the process alive. */
export class Messages extends Stream<RingMessage> {
  private readonly ended_: () => void;
  private readonly wanted: () => void;

  constructor(wanted: () => void, ended: () => void) {
    super();
    this.wanted = wanted;
    this.ended_ = ended;
  }

  deliver(message: RingMessage): void {
    this.push(message);
    if (!this.awaited) this.ended_();
  }

  close(): void {
    this.end();
  }

  protected override taken(): void {
    if (this.awaited) this.wanted();
  }

  protected override async abandoned(): Promise<void> {
    this.ended_();
  }
}
