/** Spells integers of SQE members in the names of C's constants. */
import * as linux from '../constants/generated/linux.js';
import * as uring from '../constants/generated/uring.js';

type Named = readonly (readonly [name: string, value: number])[];

const countBits = (value: number): number => (value >>> 0).toString(2).replaceAll('0', '').length;

/**
 * Constants whose name matches a pattern, from the lowest bit to the highest. Those of several bits come first: O_SYNC
 * contains the bit of O_DSYNC. The order of a module's exports depends on the runtime.
 */
function named(source: object, pattern: RegExp): Named {
  return Object.entries(source)
    .filter((entry): entry is [string, number] => pattern.test(entry[0]) && typeof entry[1] === 'number')
    .sort((a, b) => countBits(b[1]) - countBits(a[1]) || (a[1] >>> 0) - (b[1] >>> 0));
}

const poll = named(linux, /^POLL[A-Z]+$|^EPOLL(ET|ONESHOT|EXCLUSIVE|WAKEUP)$/);

/** Members whose bits have names, for every operation that uses them. */
const bits: Record<string, Named> = {
  flags: named(uring, /^IOSQE_(?!.*_BIT$)/),
  fsync_flags: named(uring, /^IORING_FSYNC_/),
  timeout_flags: named(uring, /^IORING_(LINK_)?TIMEOUT_(?!.*MASK$)/),
  cancel_flags: named(uring, /^IORING_ASYNC_CANCEL_/),
  msg_ring_flags: named(uring, /^IORING_MSG_RING_/),
  install_fd_flags: named(uring, /^IORING_FIXED_FD_/),
  nop_flags: named(uring, /^IORING_NOP_/),
  rw_flags: named(linux, /^RWF_/),
  poll32_events: poll,
  sync_range_flags: named(linux, /^SYNC_FILE_RANGE_/),
  msg_flags: named(linux, /^MSG_/),
  accept_flags: named(linux, /^SOCK_(CLOEXEC|NONBLOCK)$/),
  // aliases that have values of their own on other systems are left out
  open_flags: named(linux, /^O_(?!(EXEC|SEARCH|NDELAY|RSYNC)$)/),
  pipe_flags: named(linux, /^O_(CLOEXEC|NONBLOCK|DIRECT|NOTIFICATION_PIPE)$/),
  statx_flags: named(linux, /^AT_(?!(FDCWD|EACCESS)$)/),
  unlink_flags: named(linux, /^AT_REMOVEDIR$/),
  hardlink_flags: named(linux, /^AT_(SYMLINK_FOLLOW|EMPTY_PATH)$/),
  rename_flags: named(linux, /^RENAME_/),
  splice_flags: named(linux, /^SPLICE_F_/),
};

/** Members whose value is one of several. */
const choices: Record<string, Record<string, Named>> = {
  fadvise_advice: {
    IORING_OP_FADVISE: named(linux, /^POSIX_FADV_/),
    IORING_OP_MADVISE: named(linux, /^MADV_/),
  },
};

/** Members whose bits have a meaning for some operations only. */
const bitsOfSome: Record<string, readonly (readonly [opcode: RegExp, names: Named])[]> = {
  ioprio: [
    [/_ACCEPT$/, named(uring, /^IORING_ACCEPT_/)],
    [/_(SEND|RECV)/, named(uring, /^IORING_(RECVSEND|RECV|SEND)_/)],
  ],
  len: [
    [/_POLL_/, named(uring, /^IORING_POLL_/)],
    [/_STATX$/, named(linux, /^STATX_(?!_|ATTR)/)],
    [/_FALLOCATE$/, named(linux, /^FALLOC_FL_/)],
  ],
};

/** `IOSQE_IO_LINK|IOSQE_ASYNC|0x80` */
function spell(value: number, names: Named): string {
  const parts: string[] = [];
  let rest = value >>> 0;
  for (const [name, bit] of names) {
    if (bit !== 0 && (rest & bit) >>> 0 === bit >>> 0) {
      parts.push(name);
      rest = (rest & ~bit) >>> 0;
    }
  }
  if (rest !== 0) parts.push(`0x${rest.toString(16)}`);
  return parts.join('|');
}

/**
 * Names of the flags that are set in a member; undefined for a member that is no set of flags.
 *
 * @param opcode - The operation's name: some members mean something else to each.
 */
export function flagNames(member: string, value: number, opcode: string): string | undefined {
  const choice = choices[member]?.[opcode];
  if (choice) return choice.find(([, each]) => each === value)?.[0];
  const names = bits[member] ?? bitsOfSome[member]?.find(([pattern]) => pattern.test(opcode))?.[1];
  if (!names) return undefined;
  if (member === 'open_flags' && (value & linux.O_ACCMODE & 3) === 0) {
    return ['O_RDONLY', spell(value, names)].filter(Boolean).join('|');
  }
  return value === 0 ? undefined : spell(value, names);
}
