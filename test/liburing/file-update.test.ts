/** The port of liburing's test/file-update.c: run various file registration tests. */

import { expect, it } from 'vitest';
import {
  allocArray,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_files_update,
  io_uring_prep_fsync,
  io_uring_queue_exit,
  io_uring_register_files,
  io_uring_register_files_update,
  io_uring_submit,
  io_uring_unregister_files,
} from '../../src/c.js';
import { EBADF, EINVAL, EMFILE, ENXIO, EOVERFLOW } from '../../src/linux.js';
import { close_files, open_files } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, openRing, T_SETUP_OK, t_create_ring, waited } from './support/rings.js';
import { skip } from './support/skip.js';

function test_update_multiring(r1: io_uring, r2: io_uring, r3: io_uring, do_unreg: boolean): void {
  const rings = [r1, r2, r3];
  const fds = open_files(10, 0, 0);
  const newfds = open_files(10, 0, 1);

  for (const ring of rings) expect(io_uring_register_files(ring, fds, 10)).toBe(0);
  for (const ring of rings) expect(io_uring_register_files_update(ring, 0, newfds, 10)).toBe(10);
  if (do_unreg) for (const ring of rings) expect(io_uring_unregister_files(ring)).toBe(0);

  close_files(fds, 10);
  close_files(newfds, 10);
}

function test_sqe_update(ring: io_uring): void {
  const cqe = newCqe();
  const fds = allocArray(10, Int32Array).fill(-1);

  io_uring_prep_files_update(get_sqe(ring), fds, 10, 0);
  expect(io_uring_submit(ring)).toBe(1);
  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  if (res === -EINVAL) skip('IORING_OP_FILES_UPDATE not supported');
  expect(res).toBe(10);
}

it('main: test_update_multiring, test_sqe_update', () => {
  const [r1, r2, r3] = [openRing(), openRing(), openRing()];
  test_update_multiring(r1, r2, r3, true);
  test_update_multiring(r1, r2, r3, false);
  test_sqe_update(r1);
  // the rings have let go of the old files, and one of them of the new ones: C does not check
  const slot = (ring: io_uring): number =>
    complete(ring, (sqe) => {
      io_uring_prep_fsync(sqe, 0, 0);
      sqe.flags |= IOSQE_FIXED_FILE;
    }).res;
  expect(slot(r1)).toBe(-EBADF);
  expect(slot(r2)).toBe(0);
});

it('test_update_no_table', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = allocArray(4, Int32Array);
  fds.set([-1, 0, 1, 4]);

  expect(t_create_ring(2, ring, 0)).toBe(T_SETUP_OK);

  /* ignore other failures */
  expect([0, -EBADF]).toContain(io_uring_register_files(ring, fds, 4));

  const up_fd = allocArray(1, Int32Array);
  up_fd[0] = ring.ring_fd;
  io_uring_prep_files_update(get_sqe(ring), up_fd, 1, -1); //offset = -1
  expect(io_uring_submit(ring)).toBe(1);

  const { res } = waited(ring, cqe);
  io_uring_cqe_seen(ring, cqe.value);
  expect([-EMFILE, -EINVAL, -EOVERFLOW, -ENXIO, -EBADF]).toContain(res);

  io_uring_queue_exit(ring);
});
