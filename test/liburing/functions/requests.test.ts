/** Requests about other requests, rings, processes and descriptors: each argument, by what the kernel makes of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  futex_waitv,
  IORING_ASYNC_CANCEL_ALL,
  IORING_CQE_F_MORE,
  IORING_FIXED_FD_NO_CLOEXEC,
  IORING_MSG_RING_CQE_SKIP,
  IORING_MSG_RING_FLAGS_PASS,
  IORING_OP_FIXED_FD_INSTALL,
  IORING_OP_FUTEX_WAIT,
  IORING_OP_PIPE,
  IORING_OP_URING_CMD,
  IORING_OP_WAITID,
  IORING_POLL_UPDATE_EVENTS,
  IORING_POLL_UPDATE_USER_DATA,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cq_ready,
  io_uring_prep_cancel,
  io_uring_prep_cancel64,
  io_uring_prep_close_direct,
  io_uring_prep_cmd_discard,
  io_uring_prep_files_update,
  io_uring_prep_fixed_fd_install,
  io_uring_prep_futex_wait,
  io_uring_prep_futex_waitv,
  io_uring_prep_futex_wake,
  io_uring_prep_link_timeout,
  io_uring_prep_msg_ring,
  io_uring_prep_msg_ring_cqe_flags,
  io_uring_prep_msg_ring_fd,
  io_uring_prep_msg_ring_fd_alloc,
  io_uring_prep_pipe,
  io_uring_prep_pipe_direct,
  io_uring_prep_poll_add,
  io_uring_prep_poll_multishot,
  io_uring_prep_poll_update,
  io_uring_prep_read,
  io_uring_prep_uring_cmd,
  io_uring_prep_uring_cmd128,
  io_uring_prep_waitid,
  io_uring_prep_zero,
  io_uring_register_files,
  io_uring_register_files_sparse,
  io_uring_sqe,
  io_uring_submit,
  SOCKET_URING_OP_SIOCOUTQ,
  siginfo_t,
} from '../../../src/c.js';
import {
  AF_INET,
  EAGAIN,
  EBADF,
  ECANCELED,
  EINVAL,
  ENOENT,
  O_NONBLOCK,
  P_PID,
  POLLIN,
  POLLOUT,
  SOCK_DGRAM,
  WEXITED,
  WNOWAIT,
} from '../../../src/linux.js';
import { stringOf } from '../support/buffers.js';
import { closing } from '../support/clean.js';
import { fcntl, pipe, read, write } from '../support/files.js';
import { complete, get_sqe, next, openRing } from '../support/rings.js';
import { needs } from '../support/skip.js';
import { bind, fdPair, getsockname, loopback, sendto, socket } from '../support/sockets.js';
import { number } from '../support/syscall.js';
import { timespec } from '../support/time.js';

const buf = allocArray(16);
const hello = allocString('hello').subarray(0, 5);

function newPipe(): Int32Array & { 0: number; 1: number } {
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
  return fds;
}

/** Submits a request that does not complete yet. */
function submit(ring: io_uring, user_data: number | bigint, prep: (sqe: io_uring_sqe) => void): void {
  const sqe = get_sqe(ring);
  prep(sqe);
  sqe.user_data = user_data;
  expect(io_uring_submit(ring)).toBe(1);
}

/** `count` completions, by their user_data. */
const results = (ring: io_uring, count: number): Map<bigint, number> =>
  new Map(
    Array.from({ length: count }, () => {
      const { user_data, res } = next(ring);
      return [user_data, res];
    }),
  );

/** The data that a read of a slot's file returns. */
function readSlot(ring: io_uring, slot: number): string | number {
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, slot, buf.fill(0), buf.length, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  return res < 0 ? res : stringOf(buf);
}

it.each([
  { name: 'io_uring_prep_cancel', prep: io_uring_prep_cancel },
  { name: 'io_uring_prep_cancel64', prep: io_uring_prep_cancel64 },
])('$name', ({ prep }) => {
  const ring = openRing();
  const fds = newPipe();
  for (const user_data of [5, 5, 6]) {
    submit(ring, user_data, (sqe) => io_uring_prep_read(sqe, fds[0], buf, buf.length, 0));
  }
  const cancel = (user_data: number, flags: number): void => submit(ring, 9, (sqe) => prep(sqe, user_data, flags));
  cancel(7, 0);
  expect(results(ring, 1)).toEqual(new Map([[9n, -ENOENT]]));
  // the result is how many matched
  cancel(5, IORING_ASYNC_CANCEL_ALL);
  const both = [next(ring), next(ring), next(ring)].map(({ user_data, res }) => `${user_data}: ${res}`);
  expect(both.sort()).toEqual([`5: ${-ECANCELED}`, `5: ${-ECANCELED}`, '9: 2']);
  cancel(6, 0);
  expect(results(ring, 2)).toEqual(
    new Map([
      [9n, 0],
      [6n, -ECANCELED],
    ]),
  );
});

it('io_uring_prep_link_timeout: the flags', () => {
  const ring = openRing();
  const fds = newPipe();
  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], buf, buf.length, 0);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;
  const timeout = get_sqe(ring);
  io_uring_prep_link_timeout(timeout, timespec(0, 1_000_000), 0x8000);
  timeout.user_data = 2;
  expect(io_uring_submit(ring)).toBe(2);
  expect(results(ring, 2)).toEqual(
    new Map([
      [1n, -ECANCELED],
      [2n, -EINVAL],
    ]),
  );
});

it('io_uring_prep_poll_multishot', () => {
  const ring = openRing();
  const fds = newPipe();
  // the writing end: it can be, and cannot be read
  submit(ring, 1, (sqe) => io_uring_prep_poll_multishot(sqe, fds[1], POLLIN | POLLOUT));
  const { res, flags } = next(ring);
  expect(res).toBe(POLLOUT);
  expect(flags & IORING_CQE_F_MORE).not.toBe(0);
});

it('io_uring_prep_poll_update: another user_data', () => {
  const ring = openRing();
  const fds = newPipe();
  submit(ring, 1, (sqe) => io_uring_prep_poll_add(sqe, fds[1], POLLIN));
  const flags = IORING_POLL_UPDATE_USER_DATA | IORING_POLL_UPDATE_EVENTS;
  submit(ring, 9, (sqe) => io_uring_prep_poll_update(sqe, 1, 2, POLLOUT, flags));
  expect(results(ring, 2)).toEqual(
    new Map([
      [9n, 0],
      [2n, POLLOUT],
    ]),
  );
});

it('io_uring_prep_files_update, io_uring_prep_close_direct', () => {
  const ring = openRing();
  const [first, second] = [newPipe(), newPipe()];
  expect(write(first[1], allocString('first'), 5)).toBe(5);
  expect(write(second[1], allocString('second'), 6)).toBe(6);
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  const fds = allocArray(2, Int32Array);
  fds.set([first[0], second[0]]);
  expect(complete(ring, (sqe) => io_uring_prep_files_update(sqe, fds, 2, 1)).res).toBe(2);
  expect([readSlot(ring, 1), readSlot(ring, 2)]).toEqual(['first', 'second']);
  expect(complete(ring, (sqe) => io_uring_prep_close_direct(sqe, 2)).res).toBe(0);
  expect(readSlot(ring, 2)).toBe(-EBADF);
});

/** A ring for messages, with slots, that is not the sender. */
function target(): io_uring {
  const ring = openRing();
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  return ring;
}

it('io_uring_prep_msg_ring, io_uring_prep_msg_ring_cqe_flags: the flags', () => {
  const [ring, other] = [openRing(), openRing()];
  const message = (flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_msg_ring(sqe, other.ring_fd, 0x12, 0x34, flags)).res;
  expect(message(0x8000)).toBe(-EINVAL);
  expect(message(0)).toBe(0);
  expect(next(other)).toEqual({ res: 0x12, flags: 0, user_data: 0x34n });
  const withFlags = (flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_msg_ring_cqe_flags(sqe, other.ring_fd, 0x12, 0x34, flags, 0x100)).res;
  expect(withFlags(0x8000)).toBe(-EINVAL);
  expect(withFlags(IORING_MSG_RING_FLAGS_PASS)).toBe(0);
  expect(next(other)).toEqual({ res: 0x12, flags: 0x100, user_data: 0x34n });
});

it('io_uring_prep_msg_ring_fd, io_uring_prep_msg_ring_fd_alloc', () => {
  const [ring, other] = [openRing(), target()];
  const [first, second] = [newPipe(), newPipe()];
  expect(io_uring_register_files(ring, Int32Array.of(first[0], second[0]), 2)).toBe(0);
  const pass = (flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_msg_ring_fd(sqe, other.ring_fd, 1, 3, 0x34, flags)).res;
  expect(pass(0x8000)).toBe(-EINVAL);
  expect(pass(0)).toBe(0);
  expect(next(other)).toMatchObject({ res: 0, user_data: 0x34n });
  expect(pass(IORING_MSG_RING_CQE_SKIP)).toBe(0);
  expect(io_uring_cq_ready(other)).toBe(0);
  expect(write(second[1], hello, 5)).toBe(5);
  expect(readSlot(other, 3)).toBe('hello');

  const passAnywhere = (flags: number): number =>
    complete(ring, (sqe) => io_uring_prep_msg_ring_fd_alloc(sqe, other.ring_fd, 1, 0x56, flags)).res;
  expect(passAnywhere(0x8000)).toBe(-EINVAL);
  expect(passAnywhere(0)).toBe(0);
  expect(next(other)).toMatchObject({ res: 0, user_data: 0x56n });
  expect(passAnywhere(IORING_MSG_RING_CQE_SKIP)).toBe(1);
  expect(io_uring_cq_ready(other)).toBe(0);
  expect(write(second[1], hello, 5)).toBe(5);
  expect(readSlot(other, 0)).toBe('hello');
});

it('io_uring_prep_waitid, of a child', async () => {
  needs(IORING_OP_WAITID, 'IORING_OP_WAITID');
  const ring = openRing();
  const si = alloc(siginfo_t);
  const child = spawn('/bin/sh', ['-c', 'exit 7'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  // Node reaps it
  const options = WEXITED | WNOWAIT;
  expect(complete(ring, (sqe) => io_uring_prep_waitid(sqe, P_PID, pid, si, options, 0)).res).toBe(0);
  expect([si.si_pid, si.si_status]).toEqual([pid, 7]);
  expect(await once(child, 'exit')).toEqual([7, null]);
});

const FUTEX2_SIZE_U32 = 2;

it('io_uring_prep_futex_wait, io_uring_prep_futex_wake', () => {
  needs(IORING_OP_FUTEX_WAIT, 'IORING_OP_FUTEX_WAIT');
  const ring = openRing();
  const word = allocArray(1, Uint32Array).fill(3);
  const wait =
    (val: number, mask: number, flags = 0) =>
    (sqe: io_uring_sqe) =>
      io_uring_prep_futex_wait(sqe, word, val, mask, FUTEX2_SIZE_U32, flags);
  const wake = (val: number, mask: number, flags = 0): void =>
    submit(ring, 9, (sqe) => io_uring_prep_futex_wake(sqe, word, val, mask, FUTEX2_SIZE_U32, flags));
  expect(complete(ring, wait(4, 1)).res).toBe(-EAGAIN);
  expect(complete(ring, wait(4, 1, 1)).res).toBe(-EINVAL);
  // nobody can be woken by no bit
  expect(complete(ring, wait(4, 0)).res).toBe(-EINVAL);
  submit(ring, 1, wait(3, 0b0001));
  submit(ring, 2, wait(3, 0b0110));
  submit(ring, 3, wait(3, 0b0100));
  submit(ring, 4, wait(3, 0b0100));
  wake(8, 0b1000);
  expect(results(ring, 1)).toEqual(new Map([[9n, 0]]));
  wake(8, 0b0001, 1);
  expect(results(ring, 1)).toEqual(new Map([[9n, -EINVAL]]));
  wake(8, 0b0010);
  expect(results(ring, 2)).toEqual(
    new Map([
      [9n, 1],
      [2n, 0],
    ]),
  );
  // as many of the two as it is told
  wake(1, 0b0100);
  expect([...results(ring, 2).keys()].filter((key) => key === 3n || key === 4n)).toHaveLength(1);
  wake(8, 0b0101);
  expect(results(ring, 3).get(9n)).toBe(2);
});

it('io_uring_prep_futex_waitv', () => {
  needs(IORING_OP_FUTEX_WAIT, 'IORING_OP_FUTEX_WAIT');
  const ring = openRing();
  const words = allocArray(2, Uint32Array).fill(3);
  const waiters = alloc(futex_waitv, 2);
  for (const [i, waiter] of [...waiters].entries()) {
    waiter.val = 3;
    waiter.uaddr = BigInt(words.byteOffset + 4 * i);
    waiter.flags = FUTEX2_SIZE_U32;
  }
  expect(complete(ring, (sqe) => io_uring_prep_futex_waitv(sqe, waiters, 2, 1)).res).toBe(-EINVAL);
  submit(ring, 1, (sqe) => io_uring_prep_futex_waitv(sqe, waiters, 2, 0));
  submit(ring, 9, (sqe) => io_uring_prep_futex_wake(sqe, words.subarray(1), 1, 1, FUTEX2_SIZE_U32, 0));
  // it was the second
  expect(results(ring, 2)).toEqual(
    new Map([
      [9n, 1],
      [1n, 1],
    ]),
  );
});

it('io_uring_prep_fixed_fd_install', () => {
  needs(IORING_OP_FIXED_FD_INSTALL, 'IORING_OP_FIXED_FD_INSTALL');
  const ring = openRing();
  const [first, second] = [newPipe(), newPipe()];
  expect(io_uring_register_files(ring, Int32Array.of(first[0], second[0]), 2)).toBe(0);
  const install = (flags: number): number =>
    closing(complete(ring, (sqe) => io_uring_prep_fixed_fd_install(sqe, 1, flags)).res);
  const [closed, kept] = [install(0), install(IORING_FIXED_FD_NO_CLOEXEC)];
  expect([fcntl(closed, 'F_GETFD'), fcntl(kept, 'F_GETFD')]).toEqual([number('FD_CLOEXEC'), 0]);
  expect(write(second[1], hello, 5)).toBe(5);
  expect(read(kept, buf.fill(0), 16)).toBe(5);
  expect(stringOf(buf)).toBe('hello');
});

it('io_uring_prep_pipe, io_uring_prep_pipe_direct', () => {
  needs(IORING_OP_PIPE, 'IORING_OP_PIPE');
  const ring = openRing();
  const fds = fdPair();
  expect(complete(ring, (sqe) => io_uring_prep_pipe(sqe, fds, O_NONBLOCK)).res).toBe(0);
  for (const fd of fds) closing(fd);
  expect(read(fds[0], buf, 1)).toBe(-EAGAIN);
  expect(write(fds[1], hello, 5)).toBe(5);

  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  expect(complete(ring, (sqe) => io_uring_prep_pipe_direct(sqe, fds, O_NONBLOCK, 2)).res).toBe(0);
  const install = (slot: number): number =>
    closing(complete(ring, (sqe) => io_uring_prep_fixed_fd_install(sqe, slot, 0)).res);
  const [out, into] = [install(2), install(3)];
  expect(read(out, buf, 1)).toBe(-EAGAIN);
  expect(write(into, hello, 5)).toBe(5);
  expect(readSlot(ring, 2)).toBe('hello');
  expect(readSlot(ring, 0)).toBe(-EBADF);
});

it('io_uring_prep_uring_cmd, of a socket', () => {
  needs(IORING_OP_URING_CMD, 'IORING_OP_URING_CMD');
  const ring = openRing();
  const fd = closing(socket(AF_INET, SOCK_DGRAM, 0));
  const addr = loopback();
  expect(bind(fd, addr)).toBe(0);
  expect(getsockname(fd, addr)).toBe(0);
  expect(sendto(fd, hello, 5, 0, addr)).toBe(5);
  // 5 bytes wait to be received, none to be sent
  expect(complete(ring, (sqe) => io_uring_prep_uring_cmd(sqe, 0, fd)).res).toBe(5);
  expect(complete(ring, (sqe) => io_uring_prep_uring_cmd(sqe, SOCKET_URING_OP_SIOCOUTQ, fd)).res).toBe(0);
});

// operations that no kernel here supports: the request is all there is to look at
it('io_uring_prep_uring_cmd128, io_uring_prep_cmd_discard, io_uring_prep_zero: the members', () => {
  const sqe = alloc(io_uring_sqe, 2).at(0);
  io_uring_prep_uring_cmd128(sqe, 0x1234, 7);
  expect([sqe.cmd_op, sqe.fd]).toEqual([0x1234, 7]);
  io_uring_prep_cmd_discard(sqe, 7, 4096, 8192);
  expect([sqe.fd, sqe.addr, sqe.addr3]).toEqual([7, 4096n, 8192n]);
  io_uring_prep_zero(sqe, 7, 4096, 8192);
  expect([sqe.fd, sqe.off, sqe.addr]).toEqual([7, 4096n, 8192n]);
});
