/**
 * The port of liburing's test/ooo-file-unreg.c: test that out-of-order file updates with inflight requests
 * work as expected. C then sleeps a second for the kernel to complain.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  IOSQE_FIXED_FILE,
  io_uring_cq_ready,
  io_uring_prep_poll_add,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files_sparse,
  io_uring_register_files_update,
  io_uring_submit,
} from '../../src/c.js';
import { AF_INET, EBADF, EINVAL, POLLIN, POLLOUT, SOCK_DGRAM } from '../../src/linux.js';
import { close } from './support/files.js';
import { complete, get_sqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair, socket } from './support/sockets.js';

it('main', () => {
  const ring = newRing();
  const fds = fdPair();

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  const res = io_uring_register_files_sparse(ring, 2);
  if (res === -EINVAL) skip('no sparse file tables');
  expect(res).toBe(0);

  fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
  expect(fds[0]).toBeGreaterThanOrEqual(0);
  fds[1] = socket(AF_INET, SOCK_DGRAM, 0);
  expect(fds[1]).toBeGreaterThanOrEqual(0);

  expect(io_uring_register_files_update(ring, 0, fds, 2)).toBe(2);

  const sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, 0, POLLIN);
  sqe.flags = IOSQE_FIXED_FILE;
  sqe.user_data = 1;
  expect(io_uring_submit(ring)).toBe(1);

  close(fds[0]);
  close(fds[1]);

  const sockid = allocArray(1, Int32Array).fill(-1);
  expect(io_uring_register_files_update(ring, 1, sockid, 1)).toBe(1);

  sockid[0] = -1;
  expect(io_uring_register_files_update(ring, 0, sockid, 1)).toBe(1);

  // both slots are empty now, and the poll keeps its file
  for (const slot of [0, 1]) {
    const read = complete(ring, (empty) => {
      io_uring_prep_poll_add(empty, slot, POLLOUT);
      empty.flags = IOSQE_FIXED_FILE;
      empty.user_data = 2;
    });
    expect(read).toMatchObject({ res: -EBADF, user_data: 2n });
  }
  expect(io_uring_cq_ready(ring)).toBe(0);
  io_uring_queue_exit(ring);
});
