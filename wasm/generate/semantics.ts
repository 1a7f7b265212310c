/**
 * The few facts that the headers do not say. Everything else is derived. test/c-interface/bindings.test.ts checks them
 * against the wasm module.
 */
import type { CFunction, Parameter } from './model.js';

/** Headers beside liburing.h whose declarations are read: its arguments point to their structs. */
export const headers = [
  'liburing.h',
  'errno.h',
  'fcntl.h',
  'netinet/in.h',
  'netinet/tcp.h',
  'poll.h',
  'sched.h',
  'sys/epoll.h',
  'sys/eventfd.h',
  'sys/mman.h',
  'sys/socket.h',
  'sys/stat.h',
  'sys/uio.h',
  'sys/un.h',
  'sys/wait.h',
  'sys/xattr.h',
  'linux/falloc.h',
  'linux/fs.h',
  'linux/futex.h',
  'linux/if_alg.h',
  'linux/ublk_cmd.h',
];

/** Structs of other headers that liburing's functions take, directly, in a field, or as a command's payload. */
export const foreignStructs = [
  'struct __kernel_timespec',
  'struct open_how',
  'struct futex_waitv',
  'struct iovec',
  'struct msghdr',
  'struct cmsghdr',
  'struct sockaddr',
  'struct sockaddr_in',
  'struct sockaddr_in6',
  'struct sockaddr_un',
  'struct sockaddr_storage',
  'struct sockaddr_alg',
  'struct in_addr',
  'struct in6_addr',
  'struct epoll_event',
  'union epoll_data',
  'struct statx',
  'struct statx_timestamp',
  'struct sock_filter',
  'struct ublksrv_ctrl_cmd',
  'struct ublksrv_ctrl_dev_info',
  'struct ublksrv_io_cmd',
  'struct ublksrv_io_desc',
  'struct ublk_param_basic',
  'struct ublk_param_discard',
  'struct ublk_params',
  'sigset_t',
  'cpu_set_t',
  'siginfo_t',
];

/** siginfo_t's members, which are macros that no declaration lists, with their types. */
export const siginfoMembers: Record<string, string> = {
  si_signo: 'int',
  si_errno: 'int',
  si_code: 'int',
  si_pid: 'pid_t',
  si_uid: 'uid_t',
  si_status: 'int',
};

/** Names of the macros and enum constants that programs pass to liburing's functions. */
export const linuxConstants =
  /^(O_\w+|AT_\w+|S_I\w+|POLL[A-Z]+|EPOLL\w+|MSG_\w+|SOCK_\w+|AF_\w+|SOL_\w+|SO_\w+|SHUT_\w+|SCM_\w+|STATX_\w+|FUTEX2?_\w+|FALLOC_\w+|POSIX_FADV_\w+|MADV_\w+|MAP_\w+|PROT_\w+|SPLICE_\w+|RWF_\w+|XATTR_\w+|RESOLVE_\w+|SYNC_FILE_RANGE_\w+|RENAME_\w+|IPPROTO_\w+|TCP_\w+|INADDR_\w+|CLOCK_\w+|EFD_\w+|P_(ALL|PID|PGID|PIDFD)|W(NOHANG|UNTRACED|EXITED|STOPPED|CONTINUED|NOWAIT)|CLD_\w+|STD(IN|OUT|ERR)_FILENO|ALG_\w+|UBLK_\w+|UBLKSRV_\w+)$/;

/** Integer parameters that count the elements of the pointer before them, and those that count bytes. */
const countsElements = /^(n|nr|nr_\w+|count|maxevents)$/;
const countsBytes = /^(len|length|nbytes|addrlen|addr_len|optlen|buf_len|buf_size|sz)$/;

/** The bytes behind a pointer, where that rule does not fit. */
const sizes: Record<string, string> = {
  'io_uring_prep_provide_buffers.addr': 'len * nr',
  'io_uring_prep_pipe.fds': '8',
  'io_uring_prep_pipe_direct.fds': '8',
  'io_uring_prep_timeout.ts': '16',
  'io_uring_register_iowq_max_workers.values': '8',
  'io_uring_register_iowq_aff.mask': 'cpusz',
  'io_uring_register_restrictions.res': 'nr_res * 16',
  'io_uring_register_wait_reg.reg': 'nr * 64',
  'io_uring_register_probe.p': '16 + nr * 8',
  // values that are passed as pointers: nothing is behind them
  'io_uring_sqe_set_data.data': '0',
  'io_uring_prep_cancel.user_data': '0',
};

/** Pointers that may be NULL although they point to structs of the library, or the library follows them. */
const nullable = new Set([
  '__io_uring_peek_cqe.nr_available',
  'io_uring_cqe_seen.cqe',
  'io_uring_free_probe.probe',
  'io_uring_unregister_napi.napi',
]);

/** Signed parameters that take an unsigned constant, IORING_FILE_INDEX_ALLOC, which C converts. */
const takesUnsigned = new Set(['io_uring_prep_files_update.offset']);

/** Pointers of these names are NUL-terminated. */
export const isString = (name: string): boolean => /path$|^name$|^target$/.test(name);

/** Whether the library follows a pointer, which then has to be in the window. */
function isFollowed(fn: CFunction, parameter: Parameter): boolean {
  return (
    fn.name.startsWith('io_uring_recvmsg_') ||
    (fn.name === 'io_uring_queue_init_mem' && parameter.name === 'buf') ||
    ['err', 'head', 'nr_available'].includes(parameter.name) ||
    (parameter.type.kind === 'pointer' && parameter.type.to === 'pointer')
  );
}

/** How many bytes the function or the kernel uses behind a pointer; undefined for a string. */
function sizeOf(fn: CFunction, index: number): string | undefined {
  const parameter = fn.parameters[index];
  if (parameter?.type.kind !== 'pointer' || parameter.type.to === 'string') return undefined;
  const size = sizes[`${fn.name}.${parameter.name}`];
  if (size !== undefined) return size;
  const { elementSize } = parameter.type;
  // structs of the library itself are passed one by one
  const rest = parameter.access === 'strict' ? [] : fn.parameters.slice(index + 1);
  for (const other of rest) {
    if (other.type.kind !== 'integer') continue;
    if (countsElements.test(other.name)) return `${other.name} * ${elementSize}`;
    if (countsBytes.test(other.name)) return other.name;
  }
  return `${elementSize}`;
}

/** Fills in `access`, `nullable` and `bytes` of a function's pointers, and corrects the signs of integers. */
export function annotate(fn: CFunction): void {
  fn.parameters.forEach((parameter, index) => {
    if (parameter.type.kind === 'integer' && takesUnsigned.has(`${fn.name}.${parameter.name}`)) {
      parameter.type = { ...parameter.type, signed: false };
    }
    if (parameter.type.kind !== 'pointer') return;
    if (parameter.type.to === 'struct' && parameter.type.struct?.startsWith('io_uring')) {
      parameter.access = 'strict';
    } else {
      parameter.access = isFollowed(fn, parameter) ? 'window' : 'any';
    }
    if (nullable.has(`${fn.name}.${parameter.name}`) || parameter.access === 'any') {
      parameter.nullable = true;
    }
    const bytes = sizeOf(fn, index);
    if (bytes !== undefined) parameter.bytes = bytes;
  });
}

/** Flexible arrays whose length is in another member: that member's name. */
export const flexibleLengths: Record<string, string> = { 'io_uring_probe.ops': 'ops_len' };

/** Statements before and after a binding's call. They see its arguments and `result`. */
export interface Hooks {
  before: string[];
  after: string[];
  /** Wraps the call's result. */
  result?: (call: string) => string;
}

/** What bindings do beside calling C: see src/liburing/ring-state.ts. */
export function hooks(name: string): Hooks {
  switch (name) {
    case 'io_uring_queue_init':
    case 'io_uring_queue_init_params':
    case 'io_uring_queue_init_mem':
    case 'io_uring_queue_mmap':
      return {
        before: ['rings.mustBeClosed(ring);'],
        after: [],
        result: (call) => `rings.opened(ring, memory, ${call})`,
      };
    case 'io_uring_resize_rings':
      return { before: [], after: [], result: (call) => `rings.resized(ring, memory, ${call})` };
    case 'io_uring_queue_exit':
      return { before: ['rings.mustBeOpen(ring);'], after: ['rings.closed(ring);'] };
    case 'io_uring_free_probe':
      return { before: [], after: ['probe?.invalidate();'] };
    case 'io_uring_free_buf_ring':
      return { before: [], after: ['if (result === 0) br.invalidate();'] };
    case 'io_uring_cqe_seen':
      return { before: ['rings.seen(ring, cqe);'], after: [] };
    case 'io_uring_cq_advance':
      return { before: ['rings.advancing(ring, nr);'], after: [] };
    case 'io_uring_buf_ring_cq_advance':
      return { before: ['rings.advancing(ring, count);'], after: [] };
    case '__io_uring_buf_ring_cq_advance':
      return { before: ['rings.advancing(ring, cq_count);'], after: [] };
    default:
      return {
        before: /^io_uring_submit/.test(name) ? ['rings.submitting(ring);'] : [],
        after: [],
      };
  }
}

/** Bytes of the SQE that a function writes. The names of those that take a big SQE say so. */
export const sqeSize = (name: string): 64 | 128 => (name.endsWith('128') ? 128 : 64);
