/** The port of liburing's test/pipe.c: test pipe creation through io_uring. */
import { describe, expect, it } from 'vitest';
import {
  allocArray,
  IORING_FILE_INDEX_ALLOC,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_pipe,
  io_uring_prep_pipe_direct,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_register_files_sparse,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, ENFILE } from '../../src/linux.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

interface params {
  fixed: boolean;
  async: boolean;
  too_small: boolean;
}

function pipe_comms(ring: io_uring, fds: Int32Array & { 0: number; 1: number }, p: params): void {
  const cqe = newCqe();
  const src = allocArray(32).fill(0x5a);
  const dst = allocArray(32);

  let sqe = get_sqe(ring);
  io_uring_prep_write(sqe, fds[1], src, src.length, 0);
  if (p.fixed) sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 1;
  io_uring_submit(ring);

  sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], dst, dst.length, 0);
  if (p.fixed) sqe.flags |= IOSQE_FIXED_FILE;
  sqe.user_data = 2;
  io_uring_submit(ring);

  for (let i = 0; i < 2; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(32);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(dst).toEqual(src);
}

function pipe_test(init_flags: number, p: params): void {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();

  expect(t_create_ring(8, ring, init_flags)).toBe(T_SETUP_OK);
  if (p.fixed) {
    const ret = io_uring_register_files_sparse(ring, p.too_small ? 1 : 100);
    if (ret === -EINVAL) skip('no sparse file tables');
    expect(ret).toBe(0);
  }

  fds.fill(-1);

  const sqe = get_sqe(ring);
  if (!p.fixed) io_uring_prep_pipe(sqe, fds, 0);
  else io_uring_prep_pipe_direct(sqe, fds, 0, IORING_FILE_INDEX_ALLOC);
  if (p.async) sqe.flags |= IOSQE_ASYNC;
  io_uring_submit(ring);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const { res } = cqe.value;
  if (res === -EINVAL) skip('no IORING_OP_PIPE');
  if (p.fixed && p.too_small) {
    expect(res).toBe(-ENFILE);
    io_uring_queue_exit(ring);
    return;
  }
  expect(res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);

  pipe_comms(ring, fds, p);

  if (!p.fixed) {
    close(fds[0]);
    close(fds[1]);
  }
  io_uring_queue_exit(ring);
}

describe.each([0, IORING_SETUP_SQPOLL, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER])(
  'init_flags %d',
  (init_flags) => {
    it.each([
      { fixed: false, async: false, too_small: false },
      { fixed: false, async: true, too_small: false },
      { fixed: true, async: false, too_small: false },
      { fixed: true, async: true, too_small: false },
      { fixed: false, async: false, too_small: true },
      { fixed: false, async: true, too_small: true },
      { fixed: true, async: false, too_small: true },
      { fixed: true, async: true, too_small: true },
    ])('pipe_test $fixed $async $too_small', (p) => pipe_test(init_flags, p));
  },
);
