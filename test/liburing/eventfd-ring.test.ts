/** The port of liburing's test/eventfd-ring.c: test use of eventfds with multiple rings. */
import { expect, it } from 'vitest';
import {
  IORING_FEAT_CUR_PERSONALITY,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_queue_init_params,
  io_uring_register_eventfd,
  io_uring_submit,
} from '../../src/c.js';
import { EFD_CLOEXEC, EINVAL, POLLIN } from '../../src/linux.js';
import { eventfd } from './support/events.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, waited } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';

function test(flags: number): void {
  const p = newParams({ flags });
  const ring1 = newRing();
  const ring2 = newRing();

  const ret = io_uring_queue_init_params(8, ring1, p);
  if (ret === -EINVAL) skipCase('no rings of this kind');
  expect(ret).toBe(0);
  if (!(p.features & IORING_FEAT_CUR_PERSONALITY)) skip('Skipping');
  expect(io_uring_queue_init(8, ring2, flags)).toBe(0);

  const evfd1 = eventfd(0, EFD_CLOEXEC);
  expect(evfd1).toBeGreaterThanOrEqual(0);

  const evfd2 = eventfd(0, EFD_CLOEXEC);
  expect(evfd2).toBeGreaterThanOrEqual(0);

  expect(io_uring_register_eventfd(ring1, evfd1)).toBe(0);
  expect(io_uring_register_eventfd(ring2, evfd2)).toBe(0);

  let sqe = get_sqe(ring1);
  io_uring_prep_poll_add(sqe, evfd2, POLLIN);
  sqe.user_data = 1;

  sqe = get_sqe(ring2);
  io_uring_prep_poll_add(sqe, evfd1, POLLIN);
  sqe.user_data = 1;

  expect(io_uring_submit(ring1)).toBe(1);
  expect(io_uring_submit(ring2)).toBe(1);

  sqe = get_sqe(ring1);
  io_uring_prep_nop(sqe);
  sqe.user_data = 3;

  expect(io_uring_submit(ring1)).toBe(1);

  // C, which ends here, accepts all that does not hang; both polls have to complete
  const cqe = newCqe();
  const of1 = [waited(ring1, cqe)].map(({ user_data, res }) => ({ user_data, res }));
  expect(of1).toEqual([{ user_data: 3n, res: 0 }]);
  io_uring_cqe_seen(ring1, cqe.value);
  expect(waited(ring2, cqe)).toMatchObject({ user_data: 1n, res: POLLIN });
  io_uring_cqe_seen(ring2, cqe.value);

  io_uring_queue_exit(ring1);
  io_uring_queue_exit(ring2);
  close(evfd1);
  close(evfd2);
}

it('test(0)', () => test(0));

it('test(IORING_SETUP_DEFER_TASKRUN|IORING_SETUP_SINGLE_ISSUER)', () => {
  test(IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER);
});
