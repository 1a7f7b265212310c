/** Linked requests: prepared up front, submitted at once, each started when the one before has succeeded. */
import { invalidState, outOfRange } from '../checks/errors.js';
import { SystemError, systemError } from '../checks/system-error.js';
import { ECANCELED } from '../constants/generated/linux.js';
import { IORING_TIMEOUT_ETIME_SUCCESS, IOSQE_FIXED_FILE } from '../constants/generated/uring.js';
import type { Functions } from '../liburing/generated/functions.js';
import { takeBuffers } from '../liburing/ring-state.js';
import { io_uring_sqe } from '../structs/generated/structs.js';
import { ChainError, type Outcome } from './chain-results.js';
import type { FileDescriptor } from './direct-file.js';
import type { Engine } from './engine/engine.js';
import type { Request, RequestDetails, Settler } from './engine/request.js';
import { type Chain, Operations } from './generated/operations.js';
import { applyOptions, checkMemberOptions, linkToNext, type MemberOptions } from './request-options.js';
import { edit, type OperationTarget, place, type Requester, recordStack } from './requester.js';
import type { Scratch } from './scratch.js';

/** A request of a chain that is not submitted yet. */
interface Member {
  readonly name: string;
  /** The SQE as it was prepared: 64 or 128 bytes. */
  readonly sqe: Uint8Array;
  readonly buffers: readonly ArrayBufferView[];
  readonly file: FileDescriptor;
  readonly options: MemberOptions;
  readonly scratch: Scratch | undefined;
  readonly convert: ((res: number) => unknown) | undefined;
  /** A timeout whose time is up breaks the chain. */
  readonly breaksChain: boolean;
  readonly callSite: RequestDetails['callSite'];
}

const noOptions: MemberOptions = {};

/** Collects the members of a chain. Each is prepared beside the ring and kept as bytes. */
class ChainPlan implements OperationTarget {
  readonly functions: Functions;
  readonly engine: Engine;
  readonly requester: Requester;
  readonly members: Member[] = [];
  submitted = false;
  /** What the operations return. */
  chain: unknown;

  constructor(requester: Requester) {
    this.functions = requester.functions;
    this.engine = requester.engine;
    this.requester = requester;
  }

  mustBeOpen(): void {
    this.engine.ring.mustBeUsable();
    if (this.submitted) throw invalidState('chain', 'not yet submitted', 'one that is');
  }

  newSqe(options: MemberOptions | undefined, big = false): io_uring_sqe {
    this.mustBeOpen();
    if (options !== undefined) checkMemberOptions(options);
    if (big) this.engine.ring.mustHaveBigSqes();
    return this.engine.draft.sqe(big);
  }

  refuse(error: unknown, _sqe: io_uring_sqe | undefined, scratch?: Scratch): never {
    scratch?.free();
    throw error;
  }

  request(
    name: string,
    sqe: io_uring_sqe,
    options: MemberOptions = noOptions,
    file: FileDescriptor = -1,
    scratch?: Scratch,
    convert?: (res: number) => unknown,
  ): unknown {
    if (typeof file !== 'number') sqe.flags |= IOSQE_FIXED_FILE;
    try {
      applyOptions(this.functions, sqe, options);
      if (options.editSqe !== undefined) edit(this.engine, sqe, options.editSqe);
    } catch (error) {
      this.refuse(error, sqe, scratch);
    }
    const buffers = takeBuffers(sqe, this.engine.memory);
    const breaksChain = name === 'timeout' && !(sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS);
    const bytes = this.engine.draft.bytes();
    const callSite = this.requester.stacks ? recordStack(this.request) : undefined;
    this.members.push({ name, sqe: bytes, buffers, file, options, scratch, convert, breaksChain, callSite });
    return this.chain;
  }

  /** Throws for a chain that cannot be submitted. */
  check(): void {
    this.mustBeOpen();
    const { members } = this;
    if (members.length === 0) throw invalidState('chain', 'one with requests', 'empty');
    if (members.at(-1)?.options.skipSuccess) {
      throw invalidState('skipSuccess', 'for members before the last', 'for the last, whose completion tells the end');
    }
    const { entries } = this.engine.ring;
    if (this.slots > entries) {
      throw outOfRange(
        `the chain has ${this.slots} requests, and the submission queue ${entries} entries; open the ring with more`,
      );
    }
    const aborted = members.find(({ options }) => options.signal?.aborted)?.options.signal;
    if (aborted !== undefined) {
      this.submitted = true;
      for (const { scratch } of members) scratch?.free();
      throw aborted.reason;
    }
  }

  /** Entries of the SQ ring that its members take. */
  get slots(): number {
    return this.members.reduce((sum, { sqe }) => sum + sqe.length / io_uring_sqe.size, 0);
  }
}

/** The chain of a ring: see `Chain`, the interface that its methods are typed by. */
class PlannedChain extends Operations {
  readonly #plan: ChainPlan;

  constructor(plan: ChainPlan) {
    super(plan);
    plan.chain = this;
    this.#plan = plan;
  }

  get length(): number {
    return this.#plan.members.length;
  }

  async submit(): Promise<unknown[]> {
    const outcomes = await this.settle();
    const first = firstFailure(outcomes);
    if (first < 0) return outcomes.map((each) => (each as { value?: unknown }).value);
    const { reason } = outcomes[first] as { reason: unknown };
    if (!(reason instanceof SystemError)) throw reason;
    const error = new ChainError(reason, first, outcomes);
    if (this.#plan.requester.stacks && reason.stack !== undefined) error.stack = reason.stack;
    throw error;
  }

  settle(): Promise<Outcome[]> {
    try {
      return this.#start();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Submits the members. Throws for a chain that cannot be submitted. */
  #start(): Promise<Outcome[]> {
    const plan = this.#plan;
    plan.check();
    plan.engine.submitter.makeRoom(plan.slots);
    plan.submitted = true;
    return new Submission(plan).outcomes;
  }
}

/** The member that failed by itself: the others were cancelled as a link broke. -1 if none failed. */
function firstFailure(outcomes: readonly Outcome[]): number {
  const cancelled = (reason: unknown): boolean => reason instanceof SystemError && reason.errno === -ECANCELED;
  const index = outcomes.findIndex((each) => each.status === 'rejected' && !cancelled(each.reason));
  return index >= 0 ? index : outcomes.findIndex(({ status }) => status === 'rejected');
}

/** The members of a chain in flight. */
class Submission {
  /** Resolves when the chain is over. */
  readonly outcomes: Promise<Outcome[]>;
  readonly #plan: ChainPlan;
  readonly #requests: Request[];
  readonly #outcomes: (Outcome | undefined)[];
  /** Members whose CQE has not come, of those that have one in any case. */
  #left: number;
  #resolve: (outcomes: Outcome[]) => void = () => {};
  /** Aborted requests that the kernel did not find: they begin when the one before is complete. */
  readonly #unstarted = new Set<Request>();

  /** Precondition: there is room for all members in the SQ ring. */
  constructor(plan: ChainPlan) {
    this.#plan = plan;
    const { members } = plan;
    this.#outcomes = members.map(() => undefined);
    this.#left = members.filter((_, index) => !this.#isSilent(index)).length;
    this.outcomes = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#requests = members.map((member, index) => this.#start(member, index));
  }

  /** Whether a member has a CQE only if it fails. */
  #isSilent(index: number): boolean {
    const { options } = this.#plan.members[index] as Member;
    if (options.skipSuccess !== true) return false;
    // the kernel posts no CQE for a refused member behind a hard-linked first one that skips its own
    if (index === 0 && options.link === 'hard') return false;
    // a later member that is aborted is cancelled when it begins: when the one before is complete
    return this.#plan.members.slice(index + 1).every((later) => later.options.signal === undefined);
  }

  #start(member: Member, index: number): Request {
    const { engine, requester, members } = this.#plan;
    const { name, options, file, scratch, convert, buffers, breaksChain, callSite } = member;
    const sqe = place(engine, member.sqe);
    const isLast = index === members.length - 1;
    if (!isLast) linkToNext(sqe, { link: options.link, skipSuccess: this.#isSilent(index) });
    const request = engine.submitter.start(name, sqe, buffers);
    if (typeof file === 'number') request.fd = file;
    request.details = { scratch, convert, breaksChain, callSite };
    request.settler = new MemberSettler(this, index, name);
    requester.attach(request, options, () => this.#unstarted.add(request));
    return request;
  }

  /** Called when a member's last CQE has come. */
  settled(index: number, outcome: Outcome): void {
    this.#outcomes[index] = outcome;
    this.#cancelUnstarted();
    if (this.#left === 0) return;
    const silent = this.#isSilent(index);
    if (!silent) this.#left--;
    if (this.#left === 0) this.#finish(this.#outcomes.length - 1);
    // behind a silent member that failed, none has a CQE, unless a hard link leads on
    else if (silent && this.#plan.members[index]?.options.link !== 'hard') this.#finish(index);
  }

  #cancelUnstarted(): void {
    const { canceller, reaper } = this.#plan.engine;
    for (const request of this.#unstarted) {
      this.#unstarted.delete(request);
      reaper.afterReaping(() => canceller.cancel(request, () => this.#unstarted.add(request)));
    }
  }

  /** @param last - The last member that ran. Those up to it without a CQE succeeded, those behind it were cancelled. */
  #finish(last: number): void {
    this.#left = 0;
    const outcomes = this.#outcomes.map((outcome, index): Outcome => {
      if (outcome !== undefined) return outcome;
      const { name } = this.#plan.members[index] as Member;
      const request = this.#requests[index];
      if (request?.active) this.#plan.engine.reaper.release(request);
      return index <= last
        ? { status: 'fulfilled', name, value: undefined }
        : { status: 'rejected', name, reason: systemError(-ECANCELED, name) };
    });
    this.#resolve(outcomes);
  }
}

/** Turns the end of a member's request into its outcome. */
class MemberSettler implements Settler {
  readonly #submission: Submission;
  readonly #index: number;
  readonly #name: string;

  constructor(submission: Submission, index: number, name: string) {
    this.#submission = submission;
    this.#index = index;
    this.#name = name;
  }

  resolve(value: unknown): void {
    this.#submission.settled(this.#index, { status: 'fulfilled', name: this.#name, value });
  }

  reject(reason: unknown): void {
    this.#submission.settled(this.#index, { status: 'rejected', name: this.#name, reason });
  }
}

/** Starts an empty chain. */
export function makeChain(requester: Requester): Chain {
  return new PlannedChain(new ChainPlan(requester)) as unknown as Chain;
}
