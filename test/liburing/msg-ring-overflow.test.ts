/** The port of liburing's test/msg-ring-overflow.c: test ring messaging command. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SINGLE_ISSUER,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_msg_ring,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, EOPNOTSUPP } from '../../src/linux.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

function test(ring: io_uring, dst_flags: number): void {
  const dst = newRing();
  const cqe = newCqe();

  const p = newParams({ flags: dst_flags | IORING_SETUP_CQSIZE, cq_entries: 4 });
  expect(io_uring_queue_init_params(4, dst, p)).toBe(0);

  for (let i = 0; i < 8; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_msg_ring(sqe, dst.ring_fd, 0x10, 0x1234, 0);
    sqe.user_data = i + 1;
  }

  const ret = io_uring_submit(ring);
  /*
   * Likely an old kernel that doesn't support the opcode,
   * just skip the test.
   */
  if (ret === 1) skip('no IORING_OP_MSG_RING');
  expect(ret).toBe(8);

  for (let i = 0; i < 8; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { user_data, res } = cqe.value;
    if (res === -EINVAL || res === -EOPNOTSUPP) skip('no IORING_OP_MSG_RING');
    expect(user_data).toBeGreaterThanOrEqual(1n);
    expect(user_data).toBeLessThanOrEqual(8n);
    expect(res).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
  }

  for (let i = 0; i < 8; i++) {
    expect(io_uring_wait_cqe(dst, cqe)).toBe(0);
    expect(cqe.value).toMatchObject({ user_data: 0x1234n, res: 0x10 });
    io_uring_cqe_seen(dst, cqe.value);
  }

  io_uring_queue_exit(dst);
}

const src = newRing();
beforeAll(() => expect(io_uring_queue_init(8, src, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(src));

const DEFER = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;

it('test(0)', () => test(src, 0));
it('test(IORING_SETUP_IOPOLL)', () => test(src, IORING_SETUP_IOPOLL));
it('test(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER)', () => test(src, DEFER));
it('test(… | IORING_SETUP_IOPOLL)', () => test(src, DEFER | IORING_SETUP_IOPOLL));
