/** The port of liburing's test/msg-ring-fd.c: test fd passing with MSG_RING. */
import { describe, expect, it } from 'vitest';
import {
  allocArray,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_prep_msg_ring_fd,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_submit,
  io_uring_unregister_files,
} from '../../src/c.js';
import { EBADF, EINVAL } from '../../src/linux.js';
import { atEnd, closing } from './support/clean.js';
import { pipe } from './support/files.js';
import { get_sqe, newRing, next } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { barrier, barrier_wait, pthread_create, pthread_join, type Thread } from './support/thread.js';

const SIZE = 32;

function init(flags: number): io_uring {
  const ring = newRing();
  const ret = io_uring_queue_init(8, ring, flags);
  if (ret === -EINVAL) skipSilently('no such ring');
  expect(ret).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  return ring;
}

/** Registers the reading end of a pipe, writes random bytes to the other, and passes the first on. */
function send_fd(src: io_uring, fds: Int32Array, ring_fd: number, buf: Uint8Array, data: number): void {
  crypto.getRandomValues(buf as Uint8Array<ArrayBuffer>);
  expect(pipe(fds)).toBe(0);
  for (const end of fds) closing(end);
  expect(io_uring_register_files(src, fds.subarray(0, 1), 1)).toBe(0);

  let sqe = get_sqe(src);
  io_uring_prep_write(sqe, fds[1] as number, buf, buf.length, 0);
  sqe.user_data = 1;

  sqe = get_sqe(src);
  io_uring_prep_msg_ring_fd(sqe, ring_fd, 0, 0, data, 0);
  sqe.user_data = 2;

  expect(io_uring_submit(src)).toBe(2);

  for (let i = 0; i < 2; i++) {
    const { user_data, res } = next(src);
    if (user_data === 2n && res === -EINVAL) skipSilently('no passing of descriptors');
    expect(res).toBe(user_data === 1n ? buf.length : 0);
  }
}

function test_local(src: io_uring, dst: io_uring): void {
  const buf = allocArray(SIZE);
  const dst_buf = allocArray(SIZE);
  const ret = io_uring_register_files(dst, Int32Array.of(-1), 1);
  if (ret === -EBADF || ret === -EINVAL) skipSilently('no sparse tables');
  expect(ret).toBe(0);

  send_fd(src, fdPair(), dst.ring_fd, buf, 10);

  const { res: fd, user_data } = next(dst);
  expect(fd).toBe(0);
  // C does not check the data
  expect(user_data).toBe(10n);

  const sqe = get_sqe(dst);
  io_uring_prep_read(sqe, fd, dst_buf, dst_buf.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 3;
  expect(io_uring_submit(dst)).toBe(1);

  expect(next(dst).res).toBe(SIZE);
  expect(dst_buf).toEqual(buf);

  expect(io_uring_unregister_files(src)).toBe(0);
  expect(io_uring_unregister_files(dst)).toBe(0);
}

/** A thread with a ring of its own, which reads from the descriptor that it is sent. */
const thread_fn = (ring_flags: number, shared: Int32Array, ready: Int32Array, buf: SharedArrayBuffer): Thread =>
  pthread_create(
    async ({ liburing, barrier_wait }, { ring_flags, shared, ready, buf }) => {
      const u = await liburing();
      const ring = u.alloc(u.io_uring);
      const cqe = u.allocPointers(u.io_uring_cqe);
      const dst = u.allocArray(buf.byteLength);

      u.io_uring_queue_init(8, ring, ring_flags);
      const ret = u.io_uring_register_files(ring, Int32Array.of(-1), 1);
      shared[0] = ret || ring.ring_fd;
      barrier_wait(ready);
      if (ret) return ret;

      /* wait for MSG */
      if (u.io_uring_wait_cqe(ring, cqe)) return 1;
      const fd = cqe.value.res;
      if (fd < 0) return fd;
      u.io_uring_cqe_seen(ring, cqe.value);

      const sqe = u.io_uring_get_sqe(ring);
      if (!sqe) return 1;
      u.io_uring_prep_read(sqe, fd, dst, dst.length, 0);
      sqe.flags |= u.IOSQE_FIXED_FILE;
      u.io_uring_submit(ring);

      if (u.io_uring_wait_cqe(ring, cqe)) return 1;
      const { res } = cqe.value;
      new Uint8Array(buf).set(dst);
      u.io_uring_queue_exit(ring);
      return res;
    },
    { ring_flags, shared, ready, buf },
  );

function test_remote(src: io_uring, ring_flags: number): void {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const ready = barrier(2);
  const received = new SharedArrayBuffer(SIZE);
  const thread = thread_fn(ring_flags, shared, ready, received);
  barrier_wait(ready);
  const ring_fd = shared[0] as number;
  if (ring_fd === -EBADF || ring_fd === -EINVAL) skipSilently('no sparse tables');
  expect(ring_fd).toBeGreaterThanOrEqual(0);

  const buf = allocArray(SIZE);
  send_fd(src, fdPair(), ring_fd, buf, 0);

  expect(pthread_join(thread)).toBe(SIZE);
  expect(new Uint8Array(received)).toEqual(buf);
  expect(io_uring_unregister_files(src)).toBe(0);
}

describe.each([
  { name: '0', flags: 0 },
  { name: 'defer', flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
])('ring flags $name', ({ flags }) => {
  it('test_local', () => test_local(init(flags), init(flags)));
  it('test_remote', () => test_remote(init(flags), flags));
});
