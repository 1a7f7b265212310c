/**
 * The port of liburing's test/msg-ring.c: test ring messaging command. C's threads are workers here, and its pairs of
 * rings are made for each case.
 */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_prep_msg_ring,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_register_sync_msg,
  io_uring_sqe,
  io_uring_submit,
  io_uring_unregister_files,
} from '../../src/c.js';
import { EBADFD, EINVAL, EOPNOTSUPP, O_RDONLY } from '../../src/linux.js';
import { patiently } from '../support/ring.js';
import { atEnd, closing } from './support/clean.js';
import { open } from './support/files.js';
import { complete, get_sqe, newRing, next } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';

const init = (flags: number): io_uring => {
  const ring = newRing();
  const ret = patiently(() => io_uring_queue_init(8, ring, flags));
  if (ret === -EINVAL) skipSilently('no such ring');
  expect(ret).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  return ring;
};

/** io_uring_register_sync_msg(3), of a message that no ring has to send */
function sync_msg(fd: number, len: number, data: number): void {
  const sqe = alloc(io_uring_sqe);
  io_uring_prep_msg_ring(sqe, fd, len, data, 0);
  sqe.user_data = 1;
  const ret = io_uring_register_sync_msg(sqe);
  if (ret === -EINVAL) skipSilently('no messages without a ring');
  expect(ret).toBe(0);
}

function test_own_sync(ring: io_uring): void {
  sync_msg(ring.ring_fd, 0x10, 0x1234);
  expect(next(ring)).toMatchObject({ user_data: 0x1234n, res: 0x10 });
}

function test_own(ring: io_uring): void {
  const sqe = get_sqe(ring);
  io_uring_prep_msg_ring(sqe, ring.ring_fd, 0x10, 0x1234, 0);
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  const seen = new Map<bigint, number>();
  for (let i = 0; i < 2; i++) {
    const { user_data, res } = next(ring);
    if (user_data === 1n && (res === -EINVAL || res === -EOPNOTSUPP)) skip('no messages');
    seen.set(user_data, res);
  }
  expect(seen.get(1n)).toBe(0);
  expect(seen.get(0x1234n)).toBe(0x10);
}

/** A thread with a ring, which waits for a message: 0 if it is the right one. */
function wait_cqe_fn(flags: number): { thread: Thread; ring_fd: number; go(): void } {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const startup = barrier(2);
  const sent = barrier(2);
  const thread = pthread_create(
    async ({ liburing, barrier_wait }, { flags, shared, startup, sent }) => {
      const u = await liburing();
      const ring = u.alloc(u.io_uring);
      const cqe = u.allocPointers(u.io_uring_cqe);

      shared[0] = u.io_uring_queue_init(4, ring, flags) || ring.ring_fd;
      barrier_wait(startup);
      barrier_wait(sent);
      if ((shared[0] as number) < 0) return 1;

      if (u.io_uring_wait_cqe(ring, cqe)) return 2;
      const { user_data, res } = cqe.value;
      u.io_uring_cqe_seen(ring, cqe.value);
      u.io_uring_queue_exit(ring);
      return user_data === 0x5aa5n && res === 0x20 ? 0 : 3;
    },
    { flags, shared, startup, sent },
  );
  barrier_wait(startup);
  return { thread, ring_fd: shared[0] as number, go: () => barrier_wait(sent) };
}

function test_remote_sync(ring_flags: number): void {
  const target = wait_cqe_fn(ring_flags);
  target.go();
  sync_msg(target.ring_fd, 0x20, 0x5aa5);
  expect(pthread_join(target.thread)).toBe(0);
}

function test_remote(ring: io_uring, ring_flags: number): void {
  const target = wait_cqe_fn(ring_flags);

  const sqe = get_sqe(ring);
  io_uring_prep_msg_ring(sqe, target.ring_fd, 0x20, 0x5aa5, 0);
  sqe.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);

  target.go();

  expect(next(ring)).toMatchObject({ user_data: 1n, res: 0 });
  expect(pthread_join(target.thread)).toBe(0);
}

/** A thread that sends a message to a ring, from its own. */
const remote_submit_fn = (target_fd: number): Thread =>
  pthread_create(
    async ({ liburing }, { target_fd }) => {
      const u = await liburing();
      const ring = u.alloc(u.io_uring);
      const cqe = u.allocPointers(u.io_uring_cqe);
      if (u.io_uring_queue_init(8, ring, 0)) return 1;
      const sqe = u.io_uring_get_sqe(ring);
      if (!sqe) return 2;

      u.io_uring_prep_msg_ring(sqe, target_fd, 0x20, 0x5aa5, 0);
      sqe.user_data = 1;
      if (u.io_uring_submit(ring) !== 1) return 3;

      if (u.io_uring_wait_cqe(ring, cqe)) return 4;
      const { user_data, res } = cqe.value;
      u.io_uring_cqe_seen(ring, cqe.value);
      u.io_uring_queue_exit(ring);
      return res === 0 && user_data === 1n ? 0 : 5;
    },
    { target_fd },
  );

function test_remote_submit(target: io_uring): void {
  const thread = remote_submit_fn(target.ring_fd);
  expect(next(target)).toMatchObject({ res: 0x20, user_data: 0x5aa5n });
  expect(pthread_join(thread)).toBe(0);
}

function test_invalid(ring: io_uring, fixed: boolean): void {
  // C uses the number 1, which may be any file here
  const fd = closing(open('/dev/null', O_RDONLY));
  const sqe = get_sqe(ring);
  if (fixed) {
    expect(io_uring_register_files(ring, Int32Array.of(fd), 1)).toBe(0);
    io_uring_prep_msg_ring(sqe, 0, 0, 0x8989, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  } else {
    io_uring_prep_msg_ring(sqe, fd, 0, 0x8989, 0);
  }

  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);
  expect(next(ring).res).toBe(-EBADFD);

  if (fixed) expect(io_uring_unregister_files(ring)).toBe(0);
}

function test_disabled_ring(ring: io_uring, flags: number): void {
  const disabled_ring = init(flags | IORING_SETUP_R_DISABLED);

  const { user_data, res } = complete(ring, (sqe) => {
    io_uring_prep_msg_ring(sqe, disabled_ring.ring_fd, 0x10, 0x1234, 0);
    sqe.user_data = 1;
  });
  expect([0, -EBADFD]).toContain(res);
  expect(user_data).toBe(1n);
}

const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

describe.each([
  { name: '0', ring_flags: 0 },
  { name: 'defer', ring_flags: DEFER },
])('ring flags $name', ({ ring_flags }) => {
  const pring_flags = ring_flags | IORING_SETUP_IOPOLL;
  it('test_own async', () => test_own(init(ring_flags)));
  it('test_own sync', () => test_own_sync(init(ring_flags)));
  it('test_own async iopoll', () => test_own(init(pring_flags)));
  it('test_own sync iopoll', () => test_own_sync(init(pring_flags)));
  it('test_invalid', () => test_invalid(init(ring_flags), false));
  it('test_invalid fixed', () => {
    const ring = init(ring_flags);
    for (let i = 0; i < 2; i++) test_invalid(ring, true);
  });
  it('test_remote', () => test_remote(init(ring_flags), ring_flags));
  it('test_remote sync', () => test_remote_sync(ring_flags));
  it('test_disabled_ring', () => test_disabled_ring(init(ring_flags), 0));
  it('test_disabled_ring defer', () => test_disabled_ring(init(ring_flags), DEFER));
});

describe('deferred', () => {
  it('test_own async', () => test_own(init(DEFER)));
  it('test_own sync', () => test_own_sync(init(DEFER)));
  it.each([false, true])('test_invalid(%s)', (fixed) => test_invalid(init(DEFER), fixed));
  it('test_remote_submit', () => test_remote_submit(init(DEFER)));
});
