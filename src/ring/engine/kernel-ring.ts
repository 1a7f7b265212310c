/** An io_uring that is set up: its struct, the functions that work on it, and what is true of it for its whole life. */
import { invalidState } from '../../checks/errors.js';
import {
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
} from '../../constants/generated/uring.js';
import type { Host } from '../../host/shim.js';
import type { Functions } from '../../liburing/generated/functions.js';
import type { Memory } from '../../memory/memory.js';
import type { io_uring } from '../../structs/generated/structs.js';

/** What all parts of the engine share. */
export class KernelRing {
  readonly functions: Functions;
  readonly memory: Memory;
  /** What wakes the event loop. */
  readonly host: Host | undefined;
  readonly struct: io_uring;
  /** Entries of the submission queue. */
  readonly entries: number;
  /** IOPOLL: completions appear only when the ring is polled. */
  readonly polls: boolean;
  /** SQPOLL: a kernel thread takes the SQEs. */
  readonly hasThread: boolean;
  /** CQE_MIXED: a CQE of 32 bytes takes two slots. */
  readonly mixesCqes: boolean;
  /** SQE_MIXED: an SQE of 128 bytes takes two slots, and may have padding before it. */
  readonly mixesSqes: boolean;
  readonly hasBigSqes: boolean;
  /** R_DISABLED, and not enabled yet. */
  disabled: boolean;
  /** Takes no more requests. */
  closing = false;
  /** The file descriptor and the memory are gone. */
  closed = false;
  /** A request's `editSqe` runs. */
  editing = false;

  constructor(functions: Functions, memory: Memory, host: Host | undefined, struct: io_uring) {
    this.functions = functions;
    this.memory = memory;
    this.host = host;
    this.struct = struct;
    const { flags } = struct;
    this.entries = struct.sq.ring_entries;
    this.polls = (flags & IORING_SETUP_IOPOLL) !== 0;
    this.hasThread = (flags & IORING_SETUP_SQPOLL) !== 0;
    this.mixesCqes = (flags & IORING_SETUP_CQE_MIXED) !== 0;
    this.mixesSqes = (flags & IORING_SETUP_SQE_MIXED) !== 0;
    this.hasBigSqes = this.mixesSqes || (flags & IORING_SETUP_SQE128) !== 0;
    this.disabled = (flags & IORING_SETUP_R_DISABLED) !== 0;
  }

  /** Throws if the ring takes no calls: it is closed, or an `editSqe` runs. */
  mustBeUsable(): void {
    if (this.closing) throw invalidState('ring', 'open', 'closed');
    if (this.editing) throw invalidState('ring', 'left alone by editSqe', 'used in it');
  }

  /** Throws if the ring has no SQEs of 128 bytes. */
  mustHaveBigSqes(): void {
    if (!this.hasBigSqes)
      throw invalidState('ring', 'set up with sqe128 or sqeMixed for an SQE of 128 bytes', 'without');
  }
}
