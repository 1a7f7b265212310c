/** Settings of a ring, by names that follow from the constants of io_uring_setup(2). */
import { checkOptions, invalidType } from '../checks/errors.js';
import type { Instance } from '../liburing/instance.js';
import type { Setup } from './engine/setup.js';
import { setupFlags } from './generated/setup-flags.js';

/** Flags that other options set, or that the shim needs itself. */
const implied = ['cqsize', 'sqAff', 'attachWq', 'noMmap', 'registeredFdOnly'] as const;
type FlagName = Exclude<keyof typeof setupFlags, (typeof implied)[number]>;

/**
 * The flags of io_uring_setup(2): `singleIssuer` is IORING_SETUP_SINGLE_ISSUER, and so on. By default, `submitAll`,
 * `coopTaskrun` and `taskrunFlag` are set where the kernel knows them and they fit the others. `deferTaskrun` sets
 * `singleIssuer`, too.
 */
export type SetupFlags = { readonly [Name in FlagName]?: boolean };

/** Settings of a {@link Ring}. */
export interface RingOptions extends SetupFlags {
  /** Entries of the submission queue, 1 to 32768; the kernel rounds up to a power of two. Default: 256. */
  readonly entries?: number;
  /** Entries of the completion queue. Default: twice those of the submission queue. */
  readonly cqEntries?: number;
  /** With `sqpoll`: milliseconds until an idle kernel thread sleeps. Default: 1000. */
  readonly sqThreadIdle?: number;
  /** With `sqpoll`: the CPU that the kernel thread is bound to. */
  readonly sqThreadCpu?: number;
  /** Another ring whose kernel threads this one shares. */
  readonly attachWq?: { readonly fd: number };
  /** The instance that it is made in. Default: the one that the C interface works on. */
  readonly instance?: Instance;
  /**
   * Errors of requests get the stack of the call that made the request, instead of one that leads nowhere. This costs
   * some microseconds a request: see docs/performance.md. Default: false.
   */
  readonly stacks?: boolean;
}

const others = ['entries', 'cqEntries', 'sqThreadIdle', 'sqThreadCpu', 'attachWq', 'instance', 'stacks'] as const;
const flagNames = (Object.keys(setupFlags) as (keyof typeof setupFlags)[]).filter(
  (name): name is FlagName => !implied.some((each) => each === name),
);
const known: ReadonlySet<string> = new Set([...others, ...flagNames]);

/** The arguments of io_uring_setup(2) for these options. */
export function readRingOptions(options: RingOptions): Setup {
  checkOptions(options, known, 'a ring');
  const { entries = 256, cqEntries, sqThreadIdle, sqThreadCpu, attachWq, stacks } = options;
  if (stacks !== undefined && typeof stacks !== 'boolean') throw invalidType('stacks', 'true or false', stacks);
  let required = 0;
  for (const name of flagNames) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'boolean') throw invalidType(name, 'true or false', value);
    if (value === true) required |= setupFlags[name];
  }
  if (cqEntries !== undefined) required |= setupFlags.cqsize;
  if (sqThreadCpu !== undefined) required |= setupFlags.sqAff;
  if (attachWq !== undefined) required |= setupFlags.attachWq;
  if (options.deferTaskrun) required |= setupFlags.singleIssuer;
  let preferred: number = setupFlags.submitAll;
  if (!options.sqpoll) {
    preferred |= setupFlags.taskrunFlag;
    if (!options.deferTaskrun) preferred |= setupFlags.coopTaskrun;
  }
  if (options.coopTaskrun === false) preferred &= ~(setupFlags.coopTaskrun | setupFlags.taskrunFlag);
  if (options.taskrunFlag === false) preferred &= ~setupFlags.taskrunFlag;
  if (options.submitAll === false) preferred &= ~setupFlags.submitAll;
  return {
    entries,
    params: {
      cq_entries: cqEntries ?? 0,
      sq_thread_idle: sqThreadIdle ?? 0,
      sq_thread_cpu: sqThreadCpu ?? 0,
      wq_fd: attachWq?.fd ?? 0,
    },
    required,
    preferred,
  };
}
