/** A ring whose requests are promises. */
import { check } from '../check.js';
import { argumentError } from '../errors.js';
import { FALLOC_FL_ZERO_RANGE } from '../generated/linux.js';
import type { RingOperations } from '../generated/operations.js';
import type { io_uring_sqe } from '../generated/structs.js';
import { type ZeroOptions, zeroOperation } from '../zero.js';
import { BufferRing, type BufferRingOptions, type ReceivedBuffer } from './buffer-ring.js';
import { Chain } from './chain.js';
import { RingCore } from './core.js';
import { type DirectFile, type FileDescriptor, FileTable, fileIndex } from './files.js';
import type { Bytes, Duration } from './held.js';
import { C, INSPECT } from './hooks.js';
import type { RingMessage } from './messages.js';
import type { Multishot } from './multishot.js';
import type { BundleOption, MessageRoom, MultishotOptions, ReceivedMessage } from './multishot-operations.js';
import * as multishot from './multishot-operations.js';
import { receive } from './receive.js';
import { type RegisteredBuffer, registerBuffers } from './registered-buffers.js';
import { type RegisteredWait, registerWaits } from './registered-waits.js';
import { checkGroup, type RequestOptions } from './request.js';

/**
 * An io_uring, with a method for each operation that liburing can prepare, under liburing's name
 * without `io_uring_prep_`. Arguments are C's, in C's order; those at the end may be left out where
 * there is a sensible default, and `options` follow.
 *
 * What one turn of the event loop prepares goes to the kernel in one io_uring_enter(2). A result
 * that is an error rejects the promise with `code`, `errno` and `syscall`. Buffers are used in place
 * and must not be touched, but may be dropped, until the promise is settled.
 *
 * ```ts
 * await using ring = new Ring();
 * const fd = await ring.openat(AT_FDCWD, 'README.md', O_RDONLY);
 * const buf = Buffer.alloc(4096);
 * console.log(buf.toString('utf8', 0, await ring.read(fd, buf)));
 * await ring.close(fd);
 * ```
 *
 * @see io_uring(7), io_uring_setup(2), io_uring_enter(2)
 */
export class Ring extends RingCore {
  /** What console.log shows of it. */
  [INSPECT](): string {
    return `Ring { fd: ${this.closed ? 'closed' : this.fd}, entries: ${this.entries}, pending: ${this.pending} }`;
  }

  // --- what a ring has -------------------------------------------------------

  /** Starts an empty chain of linked requests. */
  chain(): Chain {
    this.mustBeOpen();
    return new Chain(this);
  }

  /**
   * Registers files: a number of empty places, or the files of these fds, -1 for an empty place.
   *
   * @see io_uring_register_files(3), io_uring_register_files_sparse(3)
   */
  registerFiles(files: number | readonly number[]): FileTable {
    this.mustBeOpen();
    return FileTable.register(this, files);
  }

  /**
   * Registers buffers. They stay pinned until {@link Ring.unregisterBuffers} or the end of the ring.
   *
   * @see io_uring_register_buffers(3)
   */
  registerBuffers(buffers: readonly ArrayBufferView[]): RegisteredBuffer[] {
    this.mustBeOpen();
    return registerBuffers(this, buffers);
  }

  /** Lets go of registered buffers. @see io_uring_unregister_buffers(3) */
  unregisterBuffers(): void {
    this.mustBeOpen();
    check(this[C].io_uring_unregister_buffers(this.struct), 'io_uring_unregister_buffers');
  }

  // --- multishot --------------------------------------------------------------

  /**
   * Accepts connections, each an fd, as they come.
   *
   * @param flags - Of accept4(2): SOCK_CLOEXEC, SOCK_NONBLOCK.
   * @see io_uring_prep_multishot_accept(3)
   */
  multishot_accept(fd: FileDescriptor, flags = 0, options?: MultishotOptions): Multishot<number> {
    return multishot.accept(this, fd, flags, options);
  }

  /**
   * Accepts connections, each a direct descriptor in a place that the kernel chooses.
   *
   * @see io_uring_prep_multishot_accept_direct(3)
   */
  multishot_accept_direct(fd: FileDescriptor, flags = 0, options?: MultishotOptions): Multishot<DirectFile> {
    return multishot.acceptDirect(this, fd, flags, options);
  }

  /**
   * Receives data as it comes, until the other side closes. Each buffer has to be released.
   *
   * @see io_uring_prep_recv_multishot(3)
   */
  recv_multishot(
    sockfd: FileDescriptor,
    buffers: BufferRing,
    flags = 0,
    options?: MultishotOptions & BundleOption,
  ): Multishot<ReceivedBuffer> {
    return multishot.recv(this, sockfd, buffers, flags, options);
  }

  /**
   * Receives messages with their sender's address and control messages. Each has to be released.
   *
   * @see io_uring_prep_recvmsg_multishot(3)
   */
  recvmsg_multishot(
    fd: FileDescriptor,
    buffers: BufferRing,
    flags = 0,
    options?: MultishotOptions & MessageRoom,
  ): Multishot<ReceivedMessage> {
    return multishot.recvmsg(this, fd, buffers, flags, options);
  }

  /**
   * Reads data as it comes, from a pipe for instance, until its end. Each buffer has to be released.
   *
   * @see io_uring_prep_read_multishot(3)
   */
  read_multishot(
    fd: FileDescriptor,
    buffers: BufferRing,
    nbytes = 0,
    offset: number | bigint = -1,
    options?: MultishotOptions,
  ): Multishot<ReceivedBuffer> {
    return multishot.read(this, fd, buffers, nbytes, offset, options);
  }

  /**
   * The events of a file, each time that there are some: POLLIN, POLLOUT and so on.
   *
   * @see io_uring_prep_poll_multishot(3)
   */
  poll_multishot(fd: FileDescriptor, poll_mask: number, options?: MultishotOptions): Multishot<number> {
    return multishot.poll(this, fd, poll_mask, options);
  }

  /**
   * Ticks: 1, 2, 3 and so on, one each time that the time has passed.
   *
   * @param count - How many; 0 for no end.
   * @see io_uring_prep_timeout(3), IORING_TIMEOUT_MULTISHOT
   */
  timeout_multishot(ts: Duration, count = 0, flags = 0, options?: MultishotOptions): Multishot<number> {
    return multishot.timeout(this, ts, count, flags, options);
  }

  // --- more of what a ring has ------------------------------------------------

  /** Makes a ring of provided buffers. */
  bufferRing(options: BufferRingOptions): BufferRing {
    this.mustBeOpen();
    return new BufferRing(this, options);
  }

  /** @internal */
  newBufferGroup(group: number | undefined): number {
    const { bufferGroups } = this;
    if (group === undefined) {
      let free = 0;
      while (bufferGroups.has(free)) free++;
      return free;
    }
    checkGroup(group, 'group');
    if (bufferGroups.has(group)) throw argumentError('group', 'one that is not in use', group);
    return group;
  }

  /**
   * Registers times to wait for. The ring has to be one that is not enabled yet (`rDisabled`).
   *
   * @param count - How many, up to 64.
   * @throws a {@link SystemError}: EINVAL before Linux 6.13, EBUSY if that was done already.
   * @see io_uring_register_region(3), io_uring_submit_and_wait_reg(3)
   */
  registerWaits(count: number): readonly RegisteredWait[] {
    this.mustBeOpen();
    const { block, waits } = registerWaits(this, count);
    this.waits = block;
    return waits;
  }

  /** Starts a ring that was set up with `rDisabled`. @see io_uring_enable_rings(3) */
  enable(): void {
    this.mustBeOpen();
    check(this[C].io_uring_enable_rings(this.struct), 'io_uring_enable_rings');
    this.disabled = false;
    if (this.requests.count > 0) this.schedule();
  }

  /**
   * What other rings send here with `msg_ring`. Waiting for a message keeps the process alive.
   *
   * @see io_uring_prep_msg_ring(3)
   */
  messages(): AsyncIterableIterator<RingMessage, undefined> & AsyncDisposable {
    this.mustBeOpen();
    const inbox = this.messages_();
    if (!inbox.ended) return inbox;
    this.inbox = undefined;
    return this.messages_();
  }

  // --- operations with provided buffers --------------------------------------

  /** As in {@link RingOperations}, or into a buffer of a {@link BufferRing}. */
  override read(
    fd: FileDescriptor,
    buf: BufferRing,
    nbytes?: number,
    offset?: number | bigint,
    options?: RequestOptions,
  ): Promise<ReceivedBuffer>;
  override read(
    fd: FileDescriptor,
    buf: Bytes,
    nbytes?: number,
    offset?: number | bigint,
    options?: RequestOptions,
  ): Promise<number>;
  override read(
    fd: FileDescriptor,
    buf: Bytes | BufferRing,
    nbytes?: number,
    offset: number | bigint = -1,
    options?: RequestOptions,
  ): Promise<unknown> {
    if (!(buf instanceof BufferRing)) return super.read(fd, buf, nbytes, offset, options);
    const size = nbytes ?? buf.size;
    const prepare = (sqe: io_uring_sqe): void =>
      this[C].io_uring_prep_read(sqe, fileIndex(fd, this, 'fd'), null, size, offset);
    return receive(this, { name: 'read', file: fd, buffers: buf, prepare }, options);
  }

  /** As in {@link RingOperations}, or into a buffer of a {@link BufferRing}. */
  override recv(
    sockfd: FileDescriptor,
    buf: BufferRing,
    len?: number,
    flags?: number,
    options?: RequestOptions,
  ): Promise<ReceivedBuffer>;
  override recv(
    sockfd: FileDescriptor,
    buf: Bytes,
    len?: number,
    flags?: number,
    options?: RequestOptions,
  ): Promise<number>;
  override recv(
    sockfd: FileDescriptor,
    buf: Bytes | BufferRing,
    len?: number,
    flags = 0,
    options?: RequestOptions,
  ): Promise<unknown> {
    if (!(buf instanceof BufferRing)) return super.recv(sockfd, buf, len, flags, options);
    const size = len ?? buf.size;
    const prepare = (sqe: io_uring_sqe): void =>
      this[C].io_uring_prep_recv(sqe, fileIndex(sockfd, this, 'sockfd'), null, size, flags);
    return receive(this, { name: 'recv', file: sockfd, buffers: buf, prepare }, options);
  }

  /**
   * As in {@link RingOperations}; with `fallback`, by FALLOCATE where the kernel is known to have no
   * IORING_OP_ZERO.
   *
   * @throws a {@link SystemError} with `fallback`, if the kernel does not tell what its opcode is: see
   * {@link zeroOperation}.
   */
  override zero(
    fd: FileDescriptor,
    offset: number | bigint,
    len: number | bigint,
    options?: RequestOptions & ZeroOptions,
  ): Promise<number> {
    if (options?.fallback !== undefined && zeroOperation(options) === 'fallocate') {
      return this.fallocate(fd, FALLOC_FL_ZERO_RANGE, offset, len, options);
    }
    return super.zero(fd, offset, len, options);
  }

  /**
   * Without arguments, closes the ring: what is in flight is cancelled and awaited, its promises are
   * rejected with ECANCELED, and all that belongs to the ring is given back.
   *
   * With one, closes that file descriptor: see io_uring_prep_close(3).
   */
  override close(): Promise<void>;
  override close(fd: number, options?: RequestOptions): Promise<number>;
  override close(...list: [fd?: number, options?: RequestOptions]): Promise<unknown> {
    if (list.length > 0) return super.close(list[0] as number, list[1]);
    return this.closeRing();
  }
}
