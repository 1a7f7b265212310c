/** The requests of a ring: the generated operations, those that take more than C's, and the multishot ones. */
import { FALLOC_FL_ZERO_RANGE } from '../constants/generated/linux.js';
import { type ZeroOptions, zeroOperation } from '../host/zero.js';
import type { io_uring_sqe } from '../structs/generated/structs.js';
import type { ReceivedBuffer } from './buffer-pool.js';
import { BufferRing, poolOf } from './buffer-ring.js';
import type { Bytes, Duration } from './conversions.js';
import { type DirectFile, type FileDescriptor, fileIndex } from './direct-file.js';
import { Operations, type RingOperations } from './generated/operations.js';
import type { Multishot } from './multishot.js';
import * as multishot from './multishot-operations.js';
import { type MessageOptions, type ReceivedMessage, recvmsg } from './received-messages.js';
import type { RequestOptions } from './request-options.js';
import type { OperationTarget, Requester } from './requester.js';

/** The generated methods return what their target does: for a ring, promises. */
const Base = Operations as unknown as abstract new (to: OperationTarget) => RingOperations;

/** The methods of {@link Ring} that make requests. */
export abstract class RingRequests extends Base {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    super(requester);
    this.#requester = requester;
  }

  // --- multishot ------------------------------------------------------------------

  /**
   * Accepts connections, each an fd, as they come.
   *
   * @param flags - Of accept4(2): SOCK_CLOEXEC, SOCK_NONBLOCK.
   * @see io_uring_prep_multishot_accept(3)
   */
  multishot_accept(fd: FileDescriptor, flags = 0, options?: multishot.MultishotOptions): Multishot<number> {
    return multishot.accept(this.#requester, fd, flags, options);
  }

  /**
   * Accepts connections, each a direct descriptor in a slot that the kernel chooses.
   *
   * @see io_uring_prep_multishot_accept_direct(3)
   */
  multishot_accept_direct(fd: FileDescriptor, flags = 0, options?: multishot.MultishotOptions): Multishot<DirectFile> {
    return multishot.acceptDirect(this.#requester, fd, flags, (file) => this.close_direct(file), options);
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
    options?: multishot.ReceiveOptions,
  ): Multishot<ReceivedBuffer> {
    return multishot.recv(this.#requester, sockfd, buffers, flags, options);
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
    options?: MessageOptions,
  ): Multishot<ReceivedMessage> {
    return recvmsg(this.#requester, fd, buffers, flags, options);
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
    options?: multishot.MultishotOptions,
  ): Multishot<ReceivedBuffer> {
    return multishot.read(this.#requester, fd, buffers, nbytes, offset, options);
  }

  /**
   * The events of a file, each time that there are some: POLLIN, POLLOUT and so on.
   *
   * @see io_uring_prep_poll_multishot(3)
   */
  poll_multishot(fd: FileDescriptor, poll_mask: number, options?: multishot.MultishotOptions): Multishot<number> {
    return multishot.poll(this.#requester, fd, poll_mask, options);
  }

  /**
   * Ticks: 1, 2, 3 and so on, one each time that `ts` has passed.
   *
   * @param count - How many; 0 for no end.
   * @see io_uring_prep_timeout(3), IORING_TIMEOUT_MULTISHOT
   */
  timeout_multishot(ts: Duration, count = 0, flags = 0, options?: multishot.MultishotOptions): Multishot<number> {
    return multishot.timeout(this.#requester, ts, count, flags, options);
  }

  // --- operations that take more than C's ------------------------------------------

  /** See {@link RingOperations.read}; with a {@link BufferRing}, reads into one of its buffers. */
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
    const { functions, engine } = this.#requester;
    const prepare = (sqe: io_uring_sqe): void =>
      functions.io_uring_prep_read(sqe, fileIndex(fd, engine, 'fd'), null, nbytes ?? buf.size, offset);
    return this.#requester.receive('read', fd, () => poolOf(buf, engine), prepare, options);
  }

  /** See {@link RingOperations.recv}; with a {@link BufferRing}, receives into one of its buffers. */
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
    const { functions, engine } = this.#requester;
    const prepare = (sqe: io_uring_sqe): void =>
      functions.io_uring_prep_recv(sqe, fileIndex(sockfd, engine, 'sockfd'), null, len ?? buf.size, flags);
    return this.#requester.receive('recv', sockfd, () => poolOf(buf, engine), prepare, options);
  }

  /**
   * See {@link RingOperations.zero}; with `fallback`, by FALLOCATE where the kernel is known to have no
   * IORING_OP_ZERO.
   *
   * @throws a {@link SystemError} with `fallback`, if the kernel does not tell what its opcode is: see
   * {@link zeroOperation}.
   */
  override async zero(
    fd: FileDescriptor,
    offset: number | bigint,
    len: number | bigint,
    options?: RequestOptions & ZeroOptions,
  ): Promise<number> {
    if (options?.fallback === undefined) return super.zero(fd, offset, len, options);
    const { fallback, ...others } = options;
    return zeroOperation({ fallback }) === 'zero'
      ? super.zero(fd, offset, len, others)
      : this.fallocate(fd, FALLOC_FL_ZERO_RANGE, offset, len, others);
  }
}
