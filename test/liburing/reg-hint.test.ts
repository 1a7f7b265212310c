/** The port of liburing's test/reg-hint.c: test alloc hint sanity after unregistering the file table. */
import { expect, it } from 'vitest';
import {
  io_uring_cqe_seen,
  io_uring_prep_socket_direct_alloc,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files_sparse,
  io_uring_submit,
  io_uring_unregister_files,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { AF_UNIX, EINVAL, ENFILE, SOCK_DGRAM } from '../../src/linux.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();

  io_uring_queue_init(1, ring, 0);

  const ret = io_uring_register_files_sparse(ring, 16);
  if (ret === -EINVAL) skip('no sparse file tables');
  expect(ret).toBe(0);

  io_uring_unregister_files(ring);

  io_uring_prep_socket_direct_alloc(get_sqe(ring), AF_UNIX, SOCK_DGRAM, 0, 0);

  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(-ENFILE);
  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
});
