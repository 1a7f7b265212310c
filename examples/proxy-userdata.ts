/** The port of liburing's examples/proxy.h: what user_data holds. */
import { type io_uring_cqe, io_uring_cqe_get_data, type io_uring_sqe, io_uring_sqe_set_data } from 'liburing-wasm/c';

export const OP_SHIFT = 12;
export const TID_MASK = (1 << 12) - 1;

/*
 * Packs the information that we will need at completion time into the
 * sqe->user_data field, which is passed back in the completion in
 * cqe->user_data. C's three 16-bit members (4 bits op and 12 bits tid, bid,
 * fd) have 48 bits, which a number holds as well.
 */
export function __raw_encode(tid: number, op: number, bid: number, fd: number): number {
  return ((op << OP_SHIFT) | tid) + bid * 0x10000 + (fd & 0xffff) * 0x100000000;
}

export function __encode_userdata(sqe: io_uring_sqe, tid: number, op: number, bid: number, fd: number): void {
  io_uring_sqe_set_data(sqe, __raw_encode(tid, op, bid, fd));
}

export const cqe_to_op = (cqe: io_uring_cqe): number => (io_uring_cqe_get_data(cqe) & 0xffff) >>> OP_SHIFT;

export const cqe_to_tid = (cqe: io_uring_cqe): number => io_uring_cqe_get_data(cqe) & TID_MASK;

export const cqe_to_bid = (cqe: io_uring_cqe): number => (io_uring_cqe_get_data(cqe) >>> 16) & 0xffff;

export const cqe_to_fd = (cqe: io_uring_cqe): number => Math.floor(io_uring_cqe_get_data(cqe) / 0x100000000);
