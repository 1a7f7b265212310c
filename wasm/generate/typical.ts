/** Arguments that programs use, for the golden vectors. */
import type { CFunction, Parameter } from './model.js';

const AT_FDCWD = -100n;

/** Likely numbers, by the names of parameters. They differ from each other. */
const usual: Record<string, bigint> = {
  fd: 3n,
  sockfd: 5n,
  fd_in: 3n,
  fd_out: 4n,
  epfd: 6n,
  source_fd: 7n,
  target_fd: 8n,
  dfd: AT_FDCWD,
  olddfd: AT_FDCWD,
  newdfd: AT_FDCWD,
  newdirfd: AT_FDCWD,
  nbytes: 4096n,
  len: 4096n,
  length: 4096n,
  offset: 8192n,
  off_in: 8192n,
  off_out: -1n,
  nr_vecs: 2n,
  buf_index: 1n,
  buf_group: 9n,
  file_index: 10n,
  bgid: 9n,
  bid: 11n,
  addrlen: 16n,
  addr_len: 16n,
  poll_mask: 1n,
  mode: 0o644n,
  mask: 0x7ffn,
  backlog: 128n,
  count: 1n,
  user_data: 0x1122334455667788n,
  old_user_data: 0x1122334455667788n,
  new_user_data: 0x99aabbccddeeff01n,
  data: 0xdeadbeefcafef00dn,
};

const page = (n: number): bigint => 0x7f5a_0000_0000n + BigInt(n + 1) * 0x1000n;

/** A likely value of a parameter. */
export function typical(fn: CFunction, { name, type }: Parameter, position: number): bigint {
  if (type.kind === 'pointer') return page(position);
  if (fn.name === 'io_uring_prep_rw' && name === 'op') return 22n;
  const value = usual[name] ?? BigInt(position + 1);
  return type.kind === 'integer' && type.bits === 16 ? value & 0x7fffn : value;
}

const O_RDWR_CREAT_CLOEXEC = 0o2000102n;
const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
/** IORING_FILE_INDEX_ALLOC */
const ALLOCATE = 0xffff_ffffn;

/** Named cases: calls in which bindings are often wrong. */
export const realistic: Record<string, Record<string, Record<string, bigint>>> = {
  io_uring_prep_read: { 'current-position': { offset: UINT64_MAX }, 'beyond-4-gib': { offset: 0x1_0000_1000n } },
  io_uring_prep_write: { 'current-position': { offset: UINT64_MAX }, append: { offset: UINT64_MAX, nbytes: 1n } },
  io_uring_prep_readv2: { nowait: { flags: 8n } },
  io_uring_prep_writev2: { dsync: { flags: 2n } },
  io_uring_prep_openat: { create: { flags: O_RDWR_CREAT_CLOEXEC, mode: 0o600n } },
  io_uring_prep_openat_direct: { 'any-slot': { file_index: ALLOCATE }, 'slot-0': { file_index: 0n } },
  io_uring_prep_accept: { 'cloexec-no-address': { addr: 0n, addrlen: 0n, flags: 0o2000000n } },
  io_uring_prep_accept_direct: { 'any-slot': { file_index: ALLOCATE }, 'slot-0': { file_index: 0n } },
  io_uring_prep_socket: { tcp: { domain: 2n, type: 1n, protocol: 0n, flags: 0n } },
  io_uring_prep_socket_direct: { 'any-slot': { file_index: ALLOCATE } },
  io_uring_prep_close_direct: { 'slot-0': { file_index: 0n } },
  io_uring_prep_poll_add: { 'in-edge-triggered': { poll_mask: 0x8000_0001n } },
  io_uring_prep_fsync: { data: { fsync_flags: 1n } },
  io_uring_prep_timeout: { absolute: { count: 0n, flags: 1n } },
  io_uring_prep_cancel64: { all: { flags: 1n } },
  io_uring_prep_cancel_fd: { 'fixed-file': { flags: 0x8n } },
  io_uring_prep_splice: { 'from-pipe': { off_in: -1n, off_out: 0n } },
  io_uring_prep_statx: { 'empty-path': { dfd: 3n, flags: 0x1000n } },
  io_uring_prep_send: { nosignal: { flags: 0x4000n } },
  io_uring_prep_recv: { waitall: { flags: 0x100n } },
  io_uring_prep_fallocate: { 'punch-hole': { mode: 3n } },
  io_uring_sqe_set_flags: { 'link-async': { flags: 0x14n } },
};
