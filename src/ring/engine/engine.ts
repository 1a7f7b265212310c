/** The engine of a ring: its parts, in the order in which they build on each other. It knows nothing of `Ring`. */
import { check } from '../../host/check.js';
import { endBefore, hostOf } from '../../host/instance.js';
import type { Functions } from '../../liburing/generated/functions.js';
import type { Instance } from '../../liburing/instance.js';
import type { Memory } from '../../memory/memory.js';
import { type io_uring, io_uring_cqe } from '../../structs/generated/structs.js';
import { Canceller } from './cancel.js';
import { Closer, type RingUser } from './close.js';
import { Draft } from './draft.js';
import { KernelRing } from './kernel-ring.js';
import { BATCH, type MessageReceiver, Reaper } from './reap.js';
import { Requests } from './request.js';
import { type Setup, setUp } from './setup.js';
import { Submitter } from './submit.js';
import { Waiter } from './wait.js';

/** What a ring does with requests: submits them, settles them, cancels them, and ends. */
export class Engine {
  readonly ring: KernelRing;
  readonly requests = new Requests();
  readonly reaper: Reaper;
  readonly submitter: Submitter;
  readonly canceller: Canceller;
  readonly waiter: Waiter;
  readonly closer: Closer;
  readonly draft: Draft;
  /** Numbers of buffer groups that are in use. */
  readonly bufferGroups = new Set<number>();

  /** @throws a SystemError if the ring cannot be set up. */
  constructor(instance: Instance, setup: Setup, receive: MessageReceiver) {
    const { functions, memory } = instance;
    const pointers = memory.allocPointers(io_uring_cqe, BATCH);
    let struct: io_uring;
    try {
      struct = setUp(functions, memory, setup);
    } catch (error) {
      memory.free(pointers);
      throw error;
    }
    const ring = new KernelRing(functions, memory, hostOf(instance), struct);
    this.ring = ring;
    this.reaper = new Reaper(ring, this.requests, pointers, receive);
    this.submitter = new Submitter(ring, this.requests, this.reaper, {
      wait: () => this.waiter.sleep(),
      failed: (error) => this.closer.fail(error),
    });
    this.canceller = new Canceller(ring, this.requests, this.reaper, this.submitter);
    this.waiter = new Waiter(ring, this.requests, this.reaper, this.submitter, {
      idle: () => this.closer.idle(),
      busy: () => this.canceller.cancelRest(),
      failed: (error) => this.closer.fail(error),
    });
    this.closer = new Closer(ring, this.requests, this.reaper, this.submitter, this.canceller, this.waiter);
    this.draft = new Draft(memory);
    this.use(this.draft);
    this.use({ ringEnded: endBefore(instance, () => this.closer.closeNow()) });
  }

  get functions(): Functions {
    return this.ring.functions;
  }

  get memory(): Memory {
    return this.ring.memory;
  }

  /** Submits everything now, and settles what is complete already. */
  submit(): void {
    this.ring.mustBeUsable();
    this.submitter.enter();
    this.reaper.reap();
    this.waiter.sleep();
  }

  /** Starts a ring that was set up disabled. */
  enable(): void {
    const { ring, requests, submitter } = this;
    ring.mustBeUsable();
    check(ring.functions.io_uring_enable_rings(ring.struct), 'io_uring_enable_rings');
    ring.disabled = false;
    if (requests.count > 0) submitter.schedule();
  }

  /** Tells `user` when the ring closes. */
  use(user: RingUser): void {
    this.closer.users.add(user);
  }

  /** Tells `user` no more. */
  leave(user: RingUser): void {
    this.closer.users.delete(user);
  }
}
