/** Settings of a single request, for any operation. */
import { checkOptions, invalidNumber, invalidState, invalidType, invalidValue } from '../checks/errors.js';
import {
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../constants/generated/uring.js';
import type { Functions } from '../liburing/generated/functions.js';
import type { io_uring_sqe } from '../structs/generated/structs.js';
import { RequestHandle } from './request-handle.js';

/**
 * Settings of a single request.
 *
 * ```ts
 * await ring.read(fd, buf, buf.length, 0, { signal: AbortSignal.timeout(1000) });
 * ```
 */
export interface RequestOptions {
  /** Cancels the request when aborted. Its promise is rejected with the signal's reason, unless it was too late. */
  readonly signal?: AbortSignal | undefined;
  /** Names the request, for `cancel`, `poll_update`, `timeout_update` and the like. */
  readonly handle?: RequestHandle | undefined;
  /** Starts only after all requests before it are complete: IOSQE_IO_DRAIN. */
  readonly drain?: boolean | undefined;
  /** Runs on a worker thread of the kernel from the start: IOSQE_ASYNC. */
  readonly async?: boolean | undefined;
  /** Whose credentials to use: what `io_uring_register_personality()` returned. */
  readonly personality?: number | undefined;
  /** A group of provided buffers to take the data from: IOSQE_BUFFER_SELECT. 0 to 65535. */
  readonly bufferGroup?: number | undefined;
  /** The I/O priority, see ioprio_set(2), or what the operation has in this field instead. */
  readonly ioprio?: number | undefined;
  /**
   * Changes the SQE after liburing's prep function has written it, for what no option sets. The SQE is not in the ring
   * yet. The ring must not be used in it: its methods refuse. `user_data` is overwritten afterwards.
   */
  readonly editSqe?: ((sqe: io_uring_sqe) => void) | undefined;
}

/** Settings of a member of a {@link Chain}. */
export interface MemberOptions extends RequestOptions {
  /**
   * What links the next member to this one. `'soft'`: the next one starts if this one succeeds, and is cancelled
   * otherwise (IOSQE_IO_LINK). `'hard'`: the next one starts in either case (IOSQE_IO_HARDLINK). Default: `'soft'`.
   */
  readonly link?: 'soft' | 'hard' | undefined;
  /** Posts no CQE if the member succeeds, whose value is undefined then: IOSQE_CQE_SKIP_SUCCESS. Not for the last one. */
  readonly skipSuccess?: boolean | undefined;
}

const requestOptions: ReadonlySet<string> = new Set([
  'signal',
  'handle',
  'drain',
  'async',
  'personality',
  'bufferGroup',
  'ioprio',
  'editSqe',
] satisfies (keyof RequestOptions)[]);
const memberOptions: ReadonlySet<string> = new Set<string>([
  ...requestOptions,
  ...(['link', 'skipSuccess'] satisfies (keyof MemberOptions)[]),
]);

/** Throws for a value that is no AbortSignal. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalidType('signal', 'an AbortSignal', signal);
}

/** Throws for a number that a group of provided buffers cannot have. */
export function checkGroup(group: number, name: string): void {
  if (!Number.isInteger(group) || group < 0 || group > 0xffff)
    throw invalidNumber(name, 'an integer from 0 to 65535', group);
}

function checkCommon(options: RequestOptions): void {
  const { handle, bufferGroup, ioprio, personality, editSqe } = options;
  checkSignal(options.signal);
  if (handle !== undefined && !(handle instanceof RequestHandle))
    throw invalidType('handle', 'a RequestHandle', handle);
  if (handle?.active) throw invalidState('handle', 'of no request', 'of one in flight');
  if (bufferGroup !== undefined) checkGroup(bufferGroup, 'bufferGroup');
  if (ioprio !== undefined && !Number.isInteger(ioprio)) throw invalidNumber('ioprio', 'an integer', ioprio);
  if (personality !== undefined && !Number.isInteger(personality))
    throw invalidNumber('personality', 'an integer', personality);
  if (editSqe !== undefined && typeof editSqe !== 'function') throw invalidType('editSqe', 'a function', editSqe);
}

/** Throws for options that a request cannot have. */
export function checkRequestOptions(options: RequestOptions): void {
  if (typeof options === 'object' && options !== null) {
    for (const option of ['link', 'skipSuccess'])
      if (option in options)
        throw invalidValue(`options.${option}`, 'an option of a member of a chain', 'one of a single request');
  }
  checkOptions(options, requestOptions, 'a request');
  checkCommon(options);
}

/** Throws for options that a member of a chain cannot have. */
export function checkMemberOptions(options: MemberOptions): void {
  checkOptions(options, memberOptions, 'a member of a chain');
  const { link } = options;
  if (link !== undefined && link !== 'soft' && link !== 'hard')
    throw (typeof link === 'string' ? invalidValue : invalidType)('link', "'soft' or 'hard'", link);
  checkCommon(options);
}

/** Writes options to a prepared SQE. Precondition: they were checked. */
export function applyOptions(functions: Functions, sqe: io_uring_sqe, options: RequestOptions): void {
  if (options.drain) sqe.flags |= IOSQE_IO_DRAIN;
  if (options.async) sqe.flags |= IOSQE_ASYNC;
  if (options.personality !== undefined) sqe.personality = options.personality;
  if (options.ioprio !== undefined) sqe.ioprio |= options.ioprio;
  if (options.bufferGroup !== undefined) {
    sqe.flags |= IOSQE_BUFFER_SELECT;
    functions.io_uring_sqe_set_buf_group(sqe, options.bufferGroup);
  }
}

/** Links a member's SQE to the next one. */
export function linkToNext(sqe: io_uring_sqe, { link, skipSuccess }: MemberOptions): void {
  sqe.flags |= link === 'hard' ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
  if (skipSuccess) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
}
