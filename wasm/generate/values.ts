/** The value that the promise of each operation resolves to. Most are the CQE's `res`. */
import {
  builtIn,
  call,
  compose,
  type Expression,
  engine,
  plain,
  runtimeType,
  scratch,
  structClass,
  structType,
} from './expression.js';

/** The value of an operation. */
export interface Value {
  readonly type: Expression;
  /** A sentence for the documentation. */
  readonly returns: string;
  /** The function that makes the value of a `res`; without one, `res` is the value. */
  readonly convert?: Expression;
}

const number = (returns: string): Value => ({ type: builtIn('number'), returns });

const bytesRead = number('How many bytes were read; 0 at the end of the file or stream.');
const bytesWritten = number('How many bytes were written.');
const bytesSent = number('How many bytes were sent.');
const newFd = number('The new file descriptor.');
const zero = number('0.');

/** Operations by their value. */
const groups: readonly (readonly [operations: string, value: Value])[] = [
  ['read readv readv2 read_fixed readv_fixed recv recvmsg', bytesRead],
  ['write writev writev2 write_fixed writev_fixed', bytesWritten],
  ['send send_bundle sendto send_zc send_zc_fixed sendmsg sendmsg_zc sendmsg_zc_fixed', bytesSent],
  ['splice', number('How many bytes were moved; 0 at the end of the input.')],
  ['tee', number('How many bytes were duplicated.')],
  ['open openat openat2 accept socket fixed_fd_install', newFd],
  ['poll_add', number('The events that occurred, such as POLLIN.')],
  ['epoll_wait', number('How many events were written.')],
  ['getxattr fgetxattr', number('How many bytes the value has.')],
  ['cancel cancel_fd', number('0; with IORING_ASYNC_CANCEL_ALL, how many requests were cancelled.')],
  ['files_update', number('How many slots were changed.')],
  ['remove_buffers', number('How many buffers were removed.')],
  ['futex_wake', number('How many waiters were woken.')],
  ['futex_waitv', number('The index of the futex that was woken.')],
  ['uring_cmd uring_cmd128 cmd_sock', number("The command's result.")],
  ['msg_ring_fd_alloc', number('The slot in the table of the other ring.')],
  [
    'bind close close_direct cmd_discard connect epoll_ctl fadvise fadvise64 fallocate fsetxattr fsync ftruncate ' +
      'futex_wait link linkat listen madvise madvise64 mkdir mkdirat msg_ring msg_ring_cqe_flags msg_ring_fd nop nop128 ' +
      'poll_remove poll_update provide_buffers rename renameat setxattr shutdown symlink symlinkat sync_file_range ' +
      'timeout_remove timeout_update unlink unlinkat zero',
    zero,
  ],
  [
    'accept_direct open_direct openat_direct openat2_direct socket_direct',
    {
      type: runtimeType('DirectFile'),
      returns: 'The new file, as a direct descriptor.',
      convert: call('directResult', engine, plain('file_index')),
    },
  ],
  [
    'socket_direct_alloc',
    {
      type: runtimeType('DirectFile'),
      returns: 'The new file, as a direct descriptor.',
      convert: call('directResult', engine, plain('undefined')),
    },
  ],
  [
    'pipe',
    {
      type: builtIn('[number, number]'),
      returns: 'The file descriptor to read from and the one to write to.',
      convert: scratch('pipe'),
    },
  ],
  [
    'pipe_direct',
    {
      type: compose('[DirectFile, DirectFile]', runtimeType('DirectFile')),
      returns: 'The end to read from and the end to write to.',
      convert: scratch('directPipe', engine, plain('file_index')),
    },
  ],
  ['statx', { type: plainOf('statx'), returns: 'The members of `struct statx`.', convert: membersOf('statx') }],
  ['waitid', { type: plainOf('siginfo_t'), returns: 'The members of `siginfo_t`.', convert: membersOf('siginfo_t') }],
  [
    'cmd_getsockname',
    { type: runtimeType('SocketAddress'), returns: 'The address.', convert: scratch('socketAddress') },
  ],
  [
    'timeout',
    {
      type: builtIn('boolean'),
      returns: 'true when the time is up; false if `count` requests completed before.',
      convert: { ...plain('isTimeUp'), runtime: ['isTimeUp'] },
    },
  ],
  [
    'link_timeout',
    {
      type: builtIn('undefined'),
      returns: 'undefined: it was not needed. When the time is up, the chain fails with ETIME.',
      convert: { ...plain('nothing'), runtime: ['nothing'] },
    },
  ],
];

function plainOf(struct: string): Expression {
  return compose(`Plain<${struct}>`, runtimeType('Plain'), structType(struct));
}

function membersOf(struct: string): Expression {
  return scratch('plain', structClass(struct));
}

const values = new Map(groups.flatMap(([names, value]) => names.split(' ').map((name) => [name, value] as const)));

/** The value of an operation. @throws for an operation without an entry, as somebody has to look it up. */
export function valueOfOperation(operation: string): Value {
  const value = values.get(operation);
  if (value === undefined) throw new Error(`wasm/generate/values.ts does not say what ${operation} resolves to`);
  return value;
}

/** What the iterators of multishot methods yield. */
const items: Record<string, string> = {
  multishot_accept: 'Each connection, as a file descriptor.',
  multishot_accept_direct: 'Each connection, as a direct descriptor.',
  recv_multishot: 'What arrives, as `ReceivedBuffer`s.',
  recvmsg_multishot: 'What arrives, as `ReceivedMessage`s.',
  read_multishot: 'What can be read, as `ReceivedBuffer`s.',
  poll_multishot: 'The events that occurred, each time.',
  timeout_multishot: '1, 2, 3, …, one each time that the time is up.',
};

/** What the iterator of a multishot method yields. */
export function itemsOf(method: string): string {
  const text = items[method];
  if (text === undefined) throw new Error(`wasm/generate/values.ts does not say what ${method} yields`);
  return text;
}
