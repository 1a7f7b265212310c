/** Settings of a ring, by names that follow from the constants of io_uring_setup(2). */
import { argumentError } from '../errors.js';
import * as constants from '../generated/constants.js';
import type { Instance } from '../library.js';

type Camel<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Name>;

type SetupConstant = Extract<keyof typeof constants, `IORING_SETUP_${string}`>;
/** What other options set, or the shim does itself. */
type Implied = 'CQSIZE' | 'SQ_AFF' | 'ATTACH_WQ' | 'NO_MMAP' | 'REGISTERED_FD_ONLY';
type FlagName = Exclude<SetupConstant extends `IORING_SETUP_${infer Name}` ? Name : never, Implied>;

/**
 * The flags of io_uring_setup(2): `singleIssuer` is IORING_SETUP_SINGLE_ISSUER, and so on. Without a
 * word about them, `submitAll`, `coopTaskrun` and `taskrunFlag` are set where the kernel knows them
 * and they fit the others; `deferTaskrun` brings `singleIssuer`.
 */
export type SetupFlags = { readonly [Name in FlagName as Camel<Name>]?: boolean };

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
  /** Where its memory is. Default: the instance that the C interface works on. */
  readonly instance?: Instance;
}

const PREFIX = 'IORING_SETUP_';
const camel = (name: string): string =>
  name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const flags: ReadonlyMap<string, number> = new Map(
  Object.entries(constants)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value]) => [camel(name.slice(PREFIX.length)), value as number]),
);

const implied = ['cqsize', 'sqAff', 'attachWq', 'noMmap', 'registeredFdOnly'];
const others = ['entries', 'cqEntries', 'sqThreadIdle', 'sqThreadCpu', 'attachWq', 'instance'];
const flagNames = [...flags.keys()].filter((name) => !implied.includes(name));

/** What is asked for, and what is good to have besides. @internal */
export interface Setup {
  readonly entries: number;
  readonly wanted: number;
  readonly preferred: number;
}

/** @internal */
export function readOptions(options: RingOptions): Setup {
  const given = options as Readonly<Record<string, unknown>>;
  let wanted = 0;
  for (const [name, value] of Object.entries(given)) {
    if (others.includes(name)) continue;
    if (!flagNames.includes(name))
      throw argumentError('options', `settings of a ring (${[...others, ...flagNames].join(', ')})`, name);
    if (value !== undefined && typeof value !== 'boolean') throw argumentError(name, 'true or false', value);
    if (value === true) wanted |= flags.get(name) as number;
  }
  const has = (flag: number): boolean => (wanted & flag) !== 0;
  if (options.cqEntries !== undefined) wanted |= constants.IORING_SETUP_CQSIZE;
  if (options.sqThreadCpu !== undefined) wanted |= constants.IORING_SETUP_SQ_AFF;
  if (options.attachWq !== undefined) wanted |= constants.IORING_SETUP_ATTACH_WQ;
  if (has(constants.IORING_SETUP_DEFER_TASKRUN)) wanted |= constants.IORING_SETUP_SINGLE_ISSUER;
  let preferred = constants.IORING_SETUP_SUBMIT_ALL;
  if (!has(constants.IORING_SETUP_SQPOLL)) {
    preferred |= constants.IORING_SETUP_TASKRUN_FLAG;
    if (!has(constants.IORING_SETUP_DEFER_TASKRUN)) preferred |= constants.IORING_SETUP_COOP_TASKRUN;
  }
  if (options.coopTaskrun === false)
    preferred &= ~(constants.IORING_SETUP_COOP_TASKRUN | constants.IORING_SETUP_TASKRUN_FLAG);
  if (options.taskrunFlag === false) preferred &= ~constants.IORING_SETUP_TASKRUN_FLAG;
  if (options.submitAll === false) preferred &= ~constants.IORING_SETUP_SUBMIT_ALL;
  return { entries: options.entries ?? 256, wanted, preferred };
}
