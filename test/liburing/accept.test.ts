/**
 * The port of liburing's test/accept.c: check that IORING_OP_ACCEPT works, and send some data across to verify we didn't
 * get a junk fd.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_F_MORE,
  IORING_FEAT_SQPOLL_NONFIXED,
  IORING_SETUP_SQPOLL,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_accept,
  io_uring_prep_accept_direct,
  io_uring_prep_cancel64,
  io_uring_prep_multishot_accept,
  io_uring_prep_multishot_accept_direct,
  io_uring_prep_nop,
  io_uring_prep_readv,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_register_files,
  io_uring_sqe_set_data64,
  io_uring_submit,
  io_uring_submit_and_wait,
  io_uring_wait_cqe_timeout,
  type sockaddr_in,
} from '../../src/c.js';
import {
  AF_INET,
  EALREADY,
  EBADF,
  ECANCELED,
  EINPROGRESS,
  EINTR,
  EINVAL,
  ETIME,
  IPPROTO_TCP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  TCP_NODELAY,
} from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { close } from './support/files.js';
import {
  type Completion,
  complete,
  get_sqe,
  newCqe,
  newParams,
  newRing,
  next,
  openRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring_params,
} from './support/rings.js';
import { skipCase, skipSilently } from './support/skip.js';
import { connect, listener, setsockopt, socket, t_clear_nonblock, t_set_nonblock } from './support/sockets.js';
import { number, syscall } from './support/syscall.js';
import { timespec, usleep } from './support/time.js';

const MAX_FDS = 32;
const NOP_USER_DATA = 1n << 50n;
const INITIAL_USER_DATA = 1000;

interface Args {
  fixed?: boolean;
  nonblock?: boolean;
  queue_accept_before_connect?: boolean;
  multishot?: boolean;
  extra_loops?: number;
  overflow?: boolean;
}

function queue_send(ring: io_uring, fd: number): Uint8Array {
  const d = allocArray(128).fill(0x61);
  const sqe = get_sqe(ring);
  io_uring_prep_writev(sqe, fd, iovecOf(d), 1, 0);
  sqe.user_data = 1;
  return d;
}

function queue_recv(ring: io_uring, fd: number, fixed: boolean): Uint8Array {
  const d = allocArray(128);
  const sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fd, iovecOf(d), 1, 0);
  sqe.user_data = 2;
  if (fixed) sqe.flags |= IOSQE_FIXED_FILE;
  return d;
}

function queue_accept_multishot(ring: io_uring, fd: number, idx: number, fixed: boolean): void {
  const sqe = get_sqe(ring);
  if (fixed) io_uring_prep_multishot_accept_direct(sqe, fd, null, null, 0);
  else io_uring_prep_multishot_accept(sqe, fd, null, null, 0);
  io_uring_sqe_set_data64(sqe, idx);
  expect(io_uring_submit(ring)).toBe(1);
}

function queue_accept_conn(ring: io_uring, fd: number, args: Args): void {
  if (args.multishot) {
    queue_accept_multishot(ring, fd, INITIAL_USER_DATA, args.fixed === true);
    return;
  }
  for (let count = 1 + (args.extra_loops ?? 0); count > 0; count--) {
    const sqe = get_sqe(ring);
    if (!args.fixed) io_uring_prep_accept(sqe, fd, null, null, 0);
    else io_uring_prep_accept_direct(sqe, fd, null, null, 0, 0);
    expect(io_uring_submit(ring)).toBe(1);
  }
}

/** The next accepted connection: its descriptor, or slot. */
function accept_conn(ring: io_uring, fixed: boolean, multishot: { idx: number }, fd: number): number {
  let cqe: Completion;
  do cqe = next(ring);
  while (cqe.user_data === NOP_USER_DATA);

  if (multishot.idx) {
    if (!(cqe.flags & IORING_CQE_F_MORE)) {
      multishot.idx++;
      queue_accept_multishot(ring, fd, multishot.idx, fixed);
    } else {
      expect(cqe.user_data, 'received multishot after told done!').toBe(BigInt(multishot.idx));
    }
  }
  return cqe.res;
}

function start_accept_listen(extra_flags = 0): { fd: number; addr: sockaddr_in } {
  const started = listener();
  if (extra_flags & SOCK_NONBLOCK) t_set_nonblock(started.fd);
  return started;
}

function set_client_fd(addr: sockaddr_in): number {
  const fd = closing(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  expect(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1)).toBe(0);

  t_set_nonblock(fd);
  expect(connect(fd, addr)).toBe(-EINPROGRESS);
  t_clear_nonblock(fd);
  return fd;
}

function cause_overflow(ring: io_uring): void {
  for (let i = 0; i < ring.cq.ring_entries; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, NOP_USER_DATA);
    expect(io_uring_submit(ring)).toBe(1);
  }
}

function clear_overflow(ring: io_uring): void {
  const cqe = newCqe();
  while (!io_uring_peek_cqe(ring, cqe)) {
    if (cqe.value.user_data !== NOP_USER_DATA) break;
    io_uring_cqe_seen(ring, cqe.value);
  }
}

function test_loop(ring: io_uring, args: Args, recv_s0: number, addr: sockaddr_in): void {
  const { fixed = false, multishot = false, overflow = false } = args;
  const nr_fds = multishot ? MAX_FDS : 1;
  const multishot_idx = { idx: multishot ? INITIAL_USER_DATA : 0 };
  const s_fd: number[] = [];
  const c_fd: number[] = [];

  if (overflow) cause_overflow(ring);

  for (let i = 0; i < nr_fds; i++) {
    c_fd.push(set_client_fd(addr));
    if (overflow && i === nr_fds / 2) clear_overflow(ring);
  }

  if (!args.queue_accept_before_connect) queue_accept_conn(ring, recv_s0, args);

  for (let i = 0; i < nr_fds; i++) {
    const fd = accept_conn(ring, fixed, multishot_idx, recv_s0);
    if (fd === -EINVAL)
      skipCase(`${fixed ? 'Fixed' : ''} ${multishot ? 'Multishot' : ''} Accept not supported, skipping`);
    expect(fd, `accept ${i}`).toBeGreaterThanOrEqual(0);
    s_fd.push(fixed ? fd : closing(fd));
  }

  if (multishot) {
    // for fixed multishot accept test, the file slots allocated are [0, 32)
    if (fixed) expect(s_fd.sort((a, b) => a - b)).toEqual(s_fd.map((_, i) => i));
    // C does not check that they differ
    expect(new Set(s_fd).size).toBe(MAX_FDS);
    return;
  }

  const send_d = queue_send(ring, c_fd[0] as number);
  const recv_d = queue_recv(ring, s_fd[0] as number, fixed);

  expect(io_uring_submit_and_wait(ring, 2)).toBe(2);
  for (let i = 0; i < 2; i++) expect(next(ring).res).toBe(128);
  // C does not check the received data
  expect(recv_d).toEqual(send_d);
}

function test(ring: io_uring, args: Args): void {
  const { fd: recv_s0, addr } = start_accept_listen(args.nonblock ? SOCK_NONBLOCK : 0);
  closing(recv_s0);
  if (args.queue_accept_before_connect) queue_accept_conn(ring, recv_s0, args);
  for (let loop = 0; loop < 1 + (args.extra_loops ?? 0); loop++) test_loop(ring, args, recv_s0, addr);
}

it.each([
  { count: 1, before: false },
  { count: 2, before: false },
  { count: 2, before: true },
])('test_accept($count, $before)', ({ count, before }) => {
  // C's accepts that are queued before each round are for all of them
  test(openRing(32), { queue_accept_before_connect: before, extra_loops: count - 1 });
});

it.each([
  { before: false, count: 1 },
  { before: true, count: 1 },
  { before: true, count: 3 },
])('test_accept_nonblock($before, $count)', ({ before, count }) => {
  test(openRing(32), { nonblock: true, queue_accept_before_connect: before, extra_loops: count - 1 });
});

function register_sparse(ring: io_uring, nr: number): void {
  const ret = io_uring_register_files(ring, new Int32Array(nr).fill(-1), nr);
  /* kernel doesn't support sparse registered files, skip */
  if (ret === -EBADF || ret === -EINVAL) skipSilently('no sparse tables');
  expect(ret).toBe(0);
}

it('test_accept_fixed', () => {
  const ring = openRing(32);
  register_sparse(ring, 1);
  test(ring, { fixed: true });
});

it('test_multishot_fixed_accept', () => {
  const ring = openRing(MAX_FDS + 10);
  register_sparse(ring, MAX_FDS);
  test(ring, { fixed: true, multishot: true });
});

it('test_accept_multishot_wrong_arg', () => {
  const ring = openRing(4);
  const { fd } = start_accept_listen();
  closing(fd);

  const { res } = complete(ring, (sqe) => {
    io_uring_prep_multishot_accept_direct(sqe, fd, null, null, 0);
    sqe.file_index = 1;
  });
  /* file index should be IORING_FILE_INDEX_ALLOC if its accept in multishot direct mode */
  expect(res).toBe(-EINVAL);
});

it('test_accept_sqpoll', () => {
  const ring = newRing();
  const p = newParams({ flags: IORING_SETUP_SQPOLL });
  const ret = t_create_ring_params(32, ring, p);
  if (ret === T_SETUP_SKIP) skipSilently('no SQPOLL');
  expect(ret).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));
  // where it is for registered files alone, before 5.11, C expects an error
  if (!(p.features & IORING_FEAT_SQPOLL_NONFIXED)) skipSilently('no IORING_FEAT_SQPOLL_NONFIXED');
  test(ring, {});
});

it.each(
  [false, true].flatMap((multishot) => [1, 4].flatMap((nr) => [0, 10000].map((usecs) => ({ usecs, nr, multishot })))),
)('test_accept_cancel($usecs, $nr, $multishot)', ({ usecs, nr, multishot }) => {
  const ring = openRing(32);
  const { fd } = start_accept_listen();
  closing(fd);

  for (let i = 1; i <= nr; i++) {
    const sqe = get_sqe(ring);
    if (!multishot) io_uring_prep_accept(sqe, fd, null, null, 0);
    else io_uring_prep_multishot_accept(sqe, fd, null, null, 0);
    sqe.user_data = i;
    expect(io_uring_submit(ring)).toBe(1);
  }

  if (usecs) usleep(usecs);

  for (let i = 1; i <= nr; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_cancel64(sqe, i, 0);
    sqe.user_data = nr + i;
    expect(io_uring_submit(ring)).toBe(1);
  }
  const seen = new Set<number>();
  for (let i = 0; i < nr * 2; i++) {
    const { user_data, res } = next(ring);
    seen.add(Number(user_data));
    /*
     * Two cases here:
     *
     * 1) We cancel the accept4() before it got started, we should
     *    get '0' for the cancel request and '-ECANCELED' for the
     *    accept request.
     * 2) We cancel the accept4() after it's already running, we
     *    should get '-EALREADY' for the cancel request and
     *    '-EINTR' for the accept request.
     */
    if (user_data <= nr) {
      if (res === -EINVAL) skipSilently('no multishot');
      expect([-EINTR, -ECANCELED]).toContain(res);
    } else {
      expect([-EALREADY, 0]).toContain(res);
    }
  }
  expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: nr * 2 }, (_, i) => i + 1));
});

it.each([
  { before: true, overflow: true },
  { before: false, overflow: false },
  { before: true, overflow: false },
])('test_multishot_accept(1, $before, $overflow)', ({ before, overflow }) => {
  test(openRing(MAX_FDS + 10), { queue_accept_before_connect: before, multishot: true, overflow });
});

/** Sets the soft limit of processes, which is that of io-wq's threads as well, until the test is over. */
function limitProcesses(limit: number): void {
  const resource = number('RLIMIT_NPROC');
  const old = allocArray(2, BigUint64Array);
  expect(syscall('prlimit64', 0, resource, null, old)).toBe(0);
  const lower = allocArray(2, BigUint64Array);
  lower.set([BigInt(limit), old[1] as bigint]);
  expect(syscall('prlimit64', 0, resource, lower, null)).toBe(0);
  atEnd(() => expect(syscall('prlimit64', 0, resource, old, null)).toBe(0));
}

/*
 * Test issue many accepts and see if we handle cancelation on exit
 */
it.each([
  { name: '', usecs: 0, nonblock: false, single_sock: false, close_fds: false },
  { name: 'sleep', usecs: 100000, nonblock: false, single_sock: false, close_fds: false },
  { name: 'nonblock', usecs: 0, nonblock: true, single_sock: false, close_fds: false },
  { name: 'nonblock,close', usecs: 0, nonblock: true, single_sock: true, close_fds: true },
])('test_accept_many($name)', ({ usecs, nonblock, single_sock, close_fds }) => {
  const nr = 128;
  const nr_socks = single_sock ? 1 : nr;
  const cqe = newCqe();
  limitProcesses(nr / 4);

  const ring = openRing(2 * nr);
  const fds = Array.from({ length: nr_socks }, () => start_accept_listen(nonblock ? SOCK_NONBLOCK : 0).fd);
  if (!close_fds) for (const fd of fds) closing(fd);

  for (let i = 0; i < nr; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_accept(sqe, fds[single_sock ? 0 : i] as number, null, null, 0);
    sqe.user_data = 1 + i;
    expect(io_uring_submit(ring)).toBe(1);
  }

  if (usecs) usleep(usecs);

  if (close_fds) for (const fd of fds) close(fd);

  for (let i = 0; i < nr; i++) {
    if (io_uring_peek_cqe(ring, cqe)) break;
    expect(cqe.value.res).toBe(-ECANCELED);
    io_uring_cqe_seen(ring, cqe.value);
  }
});

// C's alarm(2) ends the process after a second; here the ring ends, after a tenth of it
it('test_accept_pending_on_exit', () => {
  const ring = openRing(32);
  const { fd } = start_accept_listen();
  closing(fd);

  io_uring_prep_accept(get_sqe(ring), fd, null, null, 0);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe_timeout(ring, newCqe(), timespec(0, 100_000_000))).toBe(-ETIME);
});
