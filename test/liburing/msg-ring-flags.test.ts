/** The port of liburing's test/msg-ring-flags.c: test ring messaging with flags command. */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_msg_ring_cqe_flags,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { barrier, barrier_wait, pthread_create, pthread_join } from './support/thread.js';

const CUSTOM_FLAG = 0x42;
const USER_DATA = 0x5aa5;
const LEN = 0x20;
const ID = 0x1;

function recv_msg(ring: io_uring): void {
  const cqe = newCqe();
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value).toMatchObject({ user_data: BigInt(USER_DATA), res: LEN, flags: CUSTOM_FLAG });
  // C waits for the same one nine times
  io_uring_cqe_seen(ring, cqe.value);
}

function send_msg(ring: io_uring, target_fd: number): void {
  const cqe = newCqe();

  const sqe = get_sqe(ring);
  io_uring_prep_msg_ring_cqe_flags(sqe, target_fd, LEN, USER_DATA, 0, CUSTOM_FLAG);
  sqe.user_data = ID;

  const ret = io_uring_submit(ring);
  if (ret === -EINVAL) skip('no flags in messages');
  expect(ret).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  if (cqe.value.res === -EINVAL) skip('no flags in messages');
  expect(cqe.value).toMatchObject({ res: 0, user_data: BigInt(ID) });
  io_uring_cqe_seen(ring, cqe.value);
}

function test(ring_flags: number): void {
  const ring = newRing();
  const ring2 = newRing();

  expect(io_uring_queue_init(2, ring, ring_flags)).toBe(0);
  expect(io_uring_queue_init(2, ring2, ring_flags)).toBe(0);

  send_msg(ring, ring2.ring_fd);

  recv_msg(ring2);

  for (let i = 0; i < 8; i++) send_msg(ring, ring2.ring_fd);

  for (let i = 0; i < 8; i++) recv_msg(ring2);

  const d = { startup: barrier(2), fd: new Int32Array(new SharedArrayBuffer(4)).fill(-1) };
  const expected = { user_data: BigInt(USER_DATA), res: LEN, flags: CUSTOM_FLAG };
  const flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;
  const thread = pthread_create(
    async ({ liburing, barrier_wait }, data) => {
      const u = await liburing();
      const theirs = u.alloc(u.io_uring);
      const cqe = u.allocPointers(u.io_uring_cqe);
      const ret = u.io_uring_queue_init(2, theirs, data.flags);
      if (!ret) data.d.fd[0] = theirs.ring_fd;
      barrier_wait(data.d.startup);
      if (ret) return 1;
      if (u.io_uring_wait_cqe(theirs, cqe)) return 2;
      const { user_data, res, flags: cqe_flags } = cqe.value;
      u.io_uring_queue_exit(theirs);
      const { expected: e } = data;
      return user_data === e.user_data && res === e.res && cqe_flags === e.flags ? 0 : 3;
    },
    { d, expected, flags },
  );

  barrier_wait(d.startup);

  const fd = d.fd[0] as number;
  expect(fd).not.toBe(-1);

  send_msg(ring, fd);

  expect(pthread_join(thread)).toBe(0);
  io_uring_queue_exit(ring);
  io_uring_queue_exit(ring2);
}

it('test(0)', () => test(0));

it('test(IORING_SETUP_SINGLE_ISSUER|IORING_SETUP_DEFER_TASKRUN)', () =>
  test(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN));
