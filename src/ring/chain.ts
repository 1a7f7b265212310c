/** Linked requests: prepared up front, submitted at once, each started when the one before succeeded. */
import { rangeError, type SystemError, stateError, systemError } from '../errors.js';
import {
  IORING_CQE_F_MORE,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../generated/constants.js';
import type { Functions } from '../generated/functions.js';
import { ECANCELED, ENOENT, ETIME } from '../generated/linux.js';
import { type ChainOperations, Operations } from '../generated/operations.js';
import { io_uring_sqe } from '../generated/structs.js';
import { sqeSizeOf } from '../sqe-size.js';
import type { Held } from './held.js';
import { C, GET_SQE, type Hooks, REQUEST, RING, UNGET_SQE } from './hooks.js';
import { applyOptions, type Request, type RequestOptions, type Sink } from './request.js';
import type { Ring } from './ring.js';

/** What became of one member of a chain. */
export type Outcome<T = unknown> =
  | {
      readonly status: 'fulfilled';
      /** The operation. */
      readonly name: string;
      /** Its result; undefined if it was to have none (`skipSuccess`). */
      readonly value: T;
    }
  | { readonly status: 'rejected'; readonly name: string; readonly reason: SystemError };

/** Why a chain failed: the error of its first member that did, and what became of all. */
export interface ChainError extends SystemError {
  /** Which member failed, from 0. */
  readonly index: number;
  /** One for each member; those behind the failed one are rejected with ECANCELED, unless a hard link led to them. */
  readonly outcomes: readonly Outcome[];
}

/** A request of a chain. */
interface Member {
  readonly name: string;
  /** The SQE as it was prepared. */
  readonly sqe: Uint8Array;
  /** Its buffers, until the request has them. */
  kept: unknown;
  readonly options: RequestOptions | undefined;
  readonly held: Held | undefined;
  readonly convert: ((res: number) => unknown) | undefined;
  hard: boolean;
  /** Whether it has a completion only if it fails. */
  silent: boolean;
  /** Of a timeout: whether the next member starts when it has passed. */
  continues: boolean;
  request?: Request;
  outcome?: Outcome;
}

const Base = Operations as unknown as abstract new <Results extends readonly unknown[]>() => ChainOperations<Results> &
  Hooks;

/**
 * A chain of requests. Each method adds one and returns the chain; nothing reaches the kernel before
 * {@link Chain.submit}. A request starts when the one before it has succeeded; if it fails, those
 * after it are cancelled. A short read or write counts as a failure of the link, not as an error.
 *
 * Not every failure breaks a link: on Linux 6.18, those of fsync, sync_file_range, fallocate, ftruncate,
 * statx, madvise, the operations on paths (rename, unlink, mkdir, link, symlink) and on extended
 * attributes do not, and the next request runs. `submit()` throws their error nonetheless.
 *
 * ```ts
 * const file = files.at(0);
 * await ring
 *   .chain()
 *   .openat_direct(AT_FDCWD, 'new.txt', O_WRONLY | O_CREAT, 0o644, file)
 *   .write(file, data, data.length, 0)
 *   .fsync(file)
 *   .close_direct(file)
 *   .submit();
 * ```
 *
 * @see io_uring_linked_requests(7), io_uring_prep_link_timeout(3)
 */
export class Chain<Results extends readonly unknown[] = []> extends Base<Results> {
  /** @internal */
  override readonly [RING]: Ring;
  /** @internal */
  override readonly [C]: Functions;
  private readonly members: Member[] = [];
  private submitted = false;

  /** @internal */
  constructor(ring: Ring) {
    super();
    this[RING] = ring;
    this[C] = ring[C];
  }

  /** How many requests it has. */
  get length(): number {
    return this.members.length;
  }

  /** @internal */
  override [GET_SQE](big?: boolean): io_uring_sqe {
    if (this.submitted) throw stateError('chain', 'not yet submitted', 'one that is');
    if (big) this[RING].mustHaveBigSqes();
    return this[RING].draftSqe();
  }

  /** @internal */
  override [UNGET_SQE](error: unknown, held?: Held): unknown {
    held?.free();
    return error;
  }

  /** @internal */
  override [REQUEST](
    sqe: io_uring_sqe,
    name: string,
    options?: RequestOptions,
    held?: Held,
    convert?: (res: number) => unknown,
  ): this {
    try {
      if (options !== undefined) applyOptions(this[C], sqe, options);
    } catch (error) {
      throw this[UNGET_SQE](error, held);
    }
    const kept = sqe.attached;
    sqe.attached = undefined;
    this.members.push({
      name,
      sqe: sqe.memory.bytes.slice(sqe.address, sqe.address + sqeSizeOf(name)),
      kept,
      options,
      held,
      convert,
      hard: false,
      silent: false,
      continues: (sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS) !== 0,
    });
    return this;
  }

  /** Has the next request start even if the last one added fails: IOSQE_IO_HARDLINK. */
  hard(): this {
    const last = this.members.at(-1);
    if (last === undefined) throw stateError('chain', 'one with a request before hard()', 'empty');
    last.hard = true;
    return this;
  }

  /**
   * Submits all requests in one system call.
   *
   * @returns the results, in order.
   * @throws a {@link ChainError} if a member failed.
   */
  async submit(): Promise<Results> {
    const outcomes = await this.settle();
    const failed = outcomes.findIndex((each) => each.status === 'rejected' && each.reason.errno !== -ECANCELED);
    const index = failed >= 0 ? failed : outcomes.findIndex(({ status }) => status === 'rejected');
    const first = outcomes[index];
    if (first?.status === 'rejected') {
      const error = Object.assign(systemError(first.reason.errno, first.name), { index });
      // not among what is printed of an error that nobody catches
      throw Object.defineProperty(error, 'outcomes', { value: outcomes }) as ChainError;
    }
    return outcomes.map((each) => (each as { value?: unknown }).value) as unknown as Results;
  }

  /** As {@link Chain.submit}, but says what became of each member, whether it failed or not. */
  settle(): Promise<{ readonly [Index in keyof Results]: Outcome<Results[Index]> }> {
    const { members } = this;
    const ring = this[RING];
    if (ring.closing) throw stateError('ring', 'open', 'closed');
    if (this.submitted) throw stateError('chain', 'not yet submitted', 'one that is');
    if (members.length === 0) throw stateError('chain', 'one with requests', 'empty');
    if (members.at(-1)?.options?.skipSuccess) {
      throw stateError('skipSuccess', 'for members before the last', 'for the last, whose completion tells the end');
    }
    const slots = members.reduce((sum, { sqe }) => sum + sqe.length / io_uring_sqe.size, 0);
    if (slots > ring.entries) {
      throw rangeError(
        `the chain has ${slots} requests, and the submission queue ${ring.entries} entries; open the ring with more`,
      );
    }
    this.submitted = true;
    return new Promise((resolve) => {
      members.forEach((member, index) => {
        // behind a first one that says nothing, the kernel says nothing of one that it refuses
        member.silent = member.options?.skipSuccess === true && !(index === 0 && member.hard);
      });
      let left = members.filter(({ silent }) => !silent).length;
      // those without a completion were to have none; behind a failed one of these, none has any
      const finish = (last: number): void => {
        members.forEach((member, index) => {
          if (member.outcome) return;
          const { name } = member;
          ring.forgetRequest(member.request as Request);
          member.outcome =
            index <= last
              ? { status: 'fulfilled', name, value: undefined }
              : { status: 'rejected', name, reason: systemError(-ECANCELED, name) };
        });
        left = 0;
        resolve(members.map(({ outcome }) => outcome) as never);
      };
      ring.makeRoom(slots);
      members.forEach((member, index) => {
        const sink = new MemberSink(member, () => {
          if (left === 0) return;
          if (!member.silent) left--;
          if (left === 0) finish(members.length - 1);
          else if (member.silent && !member.hard) finish(index);
        });
        this.start(member, index === members.length - 1, sink);
      });
    });
  }

  private start(member: Member, isLast: boolean, sink: Sink): void {
    const ring = this[RING];
    const { name, options, held } = member;
    const sqe = ring[GET_SQE](member.sqe.length > io_uring_sqe.size);
    ring.memory.bytes.set(member.sqe, sqe.address);
    if (!member.silent) sqe.flags &= ~IOSQE_CQE_SKIP_SUCCESS;
    if (!isLast) sqe.flags |= member.hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
    member.request = ring.startRequest(sqe, name, options, { held, sink }, member.kept);
    member.kept = undefined;
  }
}

/** Turns a member's completions into its outcome. */
class MemberSink implements Sink {
  private readonly member: Member;
  private readonly done: () => void;
  private result: number | undefined;

  constructor(member: Member, done: () => void) {
    this.member = member;
    this.done = done;
  }

  completed(res: number, flags: number, last: boolean): void {
    // a zero-copy send: the result first, the end of the use of its buffer later
    if (!last && flags & IORING_CQE_F_MORE) {
      this.result = res;
      return;
    }
    const { member } = this;
    const { name, convert, options } = member;
    const value = this.result ?? res;
    if (options?.handle) options.handle.result = value;
    if (value >= 0 || isNoError(member, value)) {
      member.outcome = { status: 'fulfilled', name, value: convert ? convert(value) : value };
    } else {
      member.outcome = { status: 'rejected', name, reason: systemError(value, name) };
    }
    this.done();
  }
}

/** A link timeout that was not needed, or a timeout that has passed and does not break the chain. */
function isNoError({ name, continues }: Member, res: number): boolean {
  if (name === 'timeout') return res === -ETIME && continues;
  return name === 'link_timeout' && (res === -ECANCELED || res === -ENOENT);
}
