/** A ring whose requests are promises: the public face of the engine, and nothing else. */
import { invalidValue } from '../checks/errors.js';
import { instance as defaultInstance } from '../host/default.js';
import type { Memory } from '../memory/memory.js';
import type { io_uring } from '../structs/generated/structs.js';
import { QueueIterator } from './async-queue.js';
import { type BufferRing, type BufferRingOptions, makeBufferRing } from './buffer-ring.js';
import { makeChain } from './chain.js';
import { Engine } from './engine/engine.js';
import { type FileTable, registerFiles } from './file-table.js';
import type { Chain } from './generated/operations.js';
import { Inbox, type RingMessage } from './messages.js';
import { type RingOptions, readRingOptions } from './options.js';
import { type RegisteredBuffer, registerBuffers, unregisterBuffers } from './registered-buffers.js';
import { type RegisteredWait, registerWaits } from './registered-waits.js';
import { Requester } from './requester.js';
import { RingRequests } from './ring-requests.js';
import { submitAndWait, type WaitOptions } from './submit-and-wait.js';

/**
 * An io_uring, with a method for each operation that liburing can prepare. These methods have liburing's names, without
 * `io_uring_prep_`, and C's arguments in C's order; everything else is in camelCase. Arguments at the end may be left
 * out where there is a sensible default, and `options` follow.
 *
 * What one turn of the event loop prepares goes to the kernel in one io_uring_enter(2). A `res` that is an error
 * rejects the promise with a {@link SystemError}; a wrong argument rejects it before anything is submitted. Buffers are
 * used in place. They must not be touched until the promise is settled, but may be dropped.
 *
 * ```ts
 * await using ring = new Ring();
 * const fd = await ring.openat(AT_FDCWD, 'README.md', O_RDONLY);
 * const buf = Buffer.alloc(4096);
 * console.log(buf.toString('utf8', 0, await ring.read(fd, buf)));
 * await ring.close_fd(fd);
 * ```
 *
 * @see io_uring(7), io_uring_setup(2), io_uring_enter(2)
 */
export class Ring extends RingRequests implements Disposable, AsyncDisposable {
  readonly #engine: Engine;
  readonly #requester: Requester;
  readonly #inbox: Inbox;

  /**
   * Sets a ring up.
   *
   * @throws a {@link SystemError}, such as ENOSYS or EPERM where io_uring cannot be used, ENOMEM beyond the limit of
   * locked memory, EINVAL for flags that this kernel does not know; a TypeError for unknown settings.
   */
  constructor(options: RingOptions = {}) {
    const setup = readRingOptions(options);
    const { instance = defaultInstance, stacks = false } = options;
    const inbox = new Inbox(() => engine);
    const engine: Engine = new Engine(instance, setup, (data, len, flags) => inbox.deliver({ data, len, flags }));
    engine.use(inbox);
    const requester = new Requester(engine, stacks);
    super(requester);
    this.#engine = engine;
    this.#requester = requester;
    this.#inbox = inbox;
  }

  /** C's struct, for functions of the C interface. */
  get struct(): io_uring {
    return this.#engine.ring.struct;
  }

  /** The memory that its structs are in. */
  get memory(): Memory {
    return this.#engine.memory;
  }

  /** Entries of the submission queue. */
  get entries(): number {
    return this.#engine.ring.entries;
  }

  /** The ring's file descriptor, by which other threads can send it messages. */
  get fd(): number {
    return this.struct.ring_fd;
  }

  /** How many requests are prepared or in flight. */
  get pending(): number {
    return this.#engine.requests.count;
  }

  /** What console.log shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { closed } = this.#engine.ring;
    return `Ring { fd: ${closed ? 'closed' : this.fd}, entries: ${this.entries}, pending: ${this.pending} }`;
  }

  // --- submission ---------------------------------------------------------------

  /** Starts an empty chain of linked requests. */
  chain(): Chain {
    this.#engine.ring.mustBeUsable();
    return makeChain(this.#requester);
  }

  /** Submits now what would be submitted at the end of the turn, and settles what is complete already. */
  submit(): void {
    this.#engine.submit();
  }

  /**
   * Submits, and blocks the thread until so many requests are complete. Results are in the handles that the requests
   * were given; promises run their callbacks afterwards, as ever.
   *
   * ```ts
   * const handle = new RequestHandle();
   * ring.read(fd, buf, buf.length, 0, { handle });
   * ring.submitAndWait(1, { timeout: 100 });
   * console.log(handle.result);
   * ```
   *
   * @param count - How many completions to wait for; at most as many as there are requests.
   * @returns how many there were; fewer when the time was up or a signal came.
   * @see io_uring_submit_and_wait_timeout(3)
   */
  submitAndWait(count = 1, options: WaitOptions = {}): number {
    return submitAndWait(this.#engine, count, options);
  }

  /** Starts a ring that was set up with `rDisabled`. @see io_uring_enable_rings(3) */
  enable(): void {
    this.#engine.enable();
  }

  // --- registered resources -----------------------------------------------------

  /**
   * Registers files: a number of empty slots, or the files of these fds, -1 for an empty slot.
   *
   * @see io_uring_register_files(3), io_uring_register_files_sparse(3)
   */
  registerFiles(files: number | readonly number[]): FileTable {
    this.#engine.ring.mustBeUsable();
    return registerFiles(this.#engine, files);
  }

  /**
   * Registers buffers. They stay pinned until {@link Ring.unregisterBuffers} or the end of the ring.
   *
   * @see io_uring_register_buffers(3)
   */
  registerBuffers(buffers: readonly ArrayBufferView[]): RegisteredBuffer[] {
    this.#engine.ring.mustBeUsable();
    return registerBuffers(this.#engine, buffers);
  }

  /** Lets go of registered buffers. @see io_uring_unregister_buffers(3) */
  unregisterBuffers(): void {
    this.#engine.ring.mustBeUsable();
    unregisterBuffers(this.#engine);
  }

  /** Makes a ring of provided buffers. @see io_uring_setup_buf_ring(3) */
  bufferRing(options: BufferRingOptions): BufferRing {
    this.#engine.ring.mustBeUsable();
    return makeBufferRing(this.#engine, options);
  }

  /**
   * Registers times to wait for. The ring has to be one that is not enabled yet (`rDisabled`).
   *
   * @param count - How many, 1 to 64.
   * @throws a {@link SystemError}: EINVAL before Linux 6.13, EBUSY if the ring has some already.
   * @see io_uring_register_region(3), io_uring_submit_and_wait_reg(3)
   */
  registerWaits(count: number): readonly RegisteredWait[] {
    this.#engine.ring.mustBeUsable();
    return registerWaits(this.#engine, count);
  }

  /**
   * What other rings send here with `msg_ring`. Waiting for a message keeps the process alive.
   *
   * @see io_uring_prep_msg_ring(3)
   */
  messages(): AsyncIterableIterator<RingMessage, undefined> & AsyncDisposable {
    this.#engine.ring.mustBeUsable();
    return new QueueIterator(this.#inbox.open());
  }

  // --- the end ----------------------------------------------------------------------

  /**
   * Closes the ring: what is in flight is cancelled and awaited, its promises are rejected with ECANCELED, and all that
   * belongs to the ring is given back. A file descriptor is closed by {@link RingOperations.close_fd}.
   */
  close(...none: []): Promise<void> {
    if (none.length > 0)
      return Promise.reject(
        invalidValue(
          'close()',
          'called without arguments, as it closes the ring: see close_fd()',
          (none as unknown[])[0],
        ),
      );
    return this.#engine.closer.close();
  }

  /** Closes the ring like {@link Ring.close}, and blocks the thread until that is done. */
  [Symbol.dispose](): void {
    this.#engine.closer.closeNow();
  }

  /** Closes the ring like {@link Ring.close}, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.closer.close();
  }
}
