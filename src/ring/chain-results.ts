/** What becomes of a chain: one outcome for each member. */
import { SystemError } from '../checks/system-error.js';

/** What became of one member of a chain. */
export type Outcome<T = unknown> =
  | {
      readonly status: 'fulfilled';
      /** The operation. */
      readonly name: string;
      /** Its value; undefined if it was to have none (`skipSuccess`). */
      readonly value: T;
    }
  | {
      readonly status: 'rejected';
      /** The operation. */
      readonly name: string;
      /** A {@link SystemError}, or the reason of the signal that cancelled the member. */
      readonly reason: unknown;
    };

/**
 * Why a chain failed: the error of the first member that failed, and the outcome of each.
 *
 * ```ts
 * try {
 *   await ring.chain().unlink('old').symlink('new', 'old').submit();
 * } catch (error) {
 *   if (error instanceof ChainError) console.log(`member ${error.index}: ${error.code}`, error.outcomes);
 * }
 * ```
 */
export class ChainError extends SystemError {
  /** Which member failed, from 0. */
  readonly index: number;
  /** One for each member. Those behind the failed one are rejected with ECANCELED, unless a hard link led to them. */
  declare readonly outcomes: readonly Outcome[];

  constructor({ errno, syscall, path, dest, fd }: SystemError, index: number, outcomes: readonly Outcome[]) {
    super(errno, syscall, { path, dest, fd });
    this.index = index;
    // not enumerable: an error that nobody catches is printed with its enumerable properties
    Object.defineProperty(this, 'outcomes', { value: outcomes });
  }
}

/** What ends a chain. */
export interface ChainEnd<Results extends readonly unknown[]> {
  /** How many members it has. */
  readonly length: number;

  /**
   * Submits all members in one system call.
   *
   * @returns the values, in order.
   * @throws a {@link ChainError} if a member failed; the signal's reason if one was aborted. If a signal was aborted
   *   before the submission, nothing is submitted.
   */
  submit(): Promise<Results>;

  /**
   * Like {@link submit}, but reports what became of each member, whether it failed or not.
   *
   * @throws the signal's reason if one was aborted before the submission; nothing is submitted then.
   */
  settle(): Promise<{ readonly [Index in keyof Results]: Outcome<Results[Index]> }>;
}
