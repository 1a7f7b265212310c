/**
 * The port of liburing's test/pipe-direct-fixed.c: test pipe creation with specific fixed file slots (not
 * auto-alloc). Some kernels took the result of the installation, 0, for the slot: the fds were always
 * reported as {0, 0}, and errors removed slot 0.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  IOSQE_FIXED_FILE,
  io_uring_cqe_seen,
  io_uring_prep_pipe_direct,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files_sparse,
  io_uring_register_files_update,
  io_uring_submit,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { close, pipe, write } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

/*
 * Create a pipe at specific fixed slots, verify the returned fds match
 * the requested slots, and verify communication works through them.
 */
function test_specific_slots(slot: number): void {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const ret = io_uring_register_files_sparse(ring, 20);
  if (ret === -EINVAL) skip('no sparse file tables');
  expect(ret).toBe(0);

  fds.fill(-1);
  const { res } = complete(ring, (sqe) => io_uring_prep_pipe_direct(sqe, fds, 0, slot));
  if (res === -EINVAL) skip('no IORING_OP_PIPE');
  expect(res).toBe(0);

  /* Verify returned fds are the correct 0-based slot indices */
  expect([...fds]).toEqual([slot, slot + 1]);

  /* Verify pipe works through the fixed file slots */
  const src = allocArray(32).fill(0x5a);
  const dst = allocArray(32);

  let sqe = get_sqe(ring);
  io_uring_prep_write(sqe, fds[1], src, src.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 1;
  io_uring_submit(ring);

  sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], dst, dst.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 2;
  io_uring_submit(ring);

  for (let i = 0; i < 2; i++) {
    expect(waited(ring, cqe).res).toBe(src.length);
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(dst).toEqual(src);

  io_uring_queue_exit(ring);
}

it('test_specific_slots(5)', () => test_specific_slots(5));
it('test_specific_slots(0)', () => test_specific_slots(0));

/*
 * Verify that creating a pipe at specific fixed slots doesn't accidentally
 * clobber slot 0. Without the fix, fds would be {0, 0} and error cleanup
 * would remove slot 0 instead of the actual pipe slots.
 */
it('test_no_clobber_slot0', () => {
  const ring = newRing();
  const pipe_fds = fdPair();
  const fds = fdPair();

  expect(pipe(pipe_fds)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const ret = io_uring_register_files_sparse(ring, 20);
  if (ret === -EINVAL) skip('no sparse file tables');
  expect(ret).toBe(0);

  /* Put a sentinel pipe-read-end at slot 0 */
  const sentinel_fd = Int32Array.of(pipe_fds[0]);
  expect(io_uring_register_files_update(ring, 0, sentinel_fd, 1)).toBe(1);

  /* Create pipe at specific slots 5 and 6 */
  fds.fill(-1);
  const { res } = complete(ring, (sqe) => io_uring_prep_pipe_direct(sqe, fds, 0, 5));
  if (res === -EINVAL) skip('no IORING_OP_PIPE');
  expect(res).toBe(0);

  /* Verify slot 0 sentinel is still intact by reading through it */
  expect(write(pipe_fds[1], Buffer.from('x'), 1)).toBe(1);

  const buf = allocArray(1);
  const read = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, 0, buf, 1, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  expect(read.res, 'slot 0 may have been clobbered').toBe(1);
  expect(stringOf(buf)).toBe('x');

  for (const fd of pipe_fds) close(fd);
  io_uring_queue_exit(ring);
});
