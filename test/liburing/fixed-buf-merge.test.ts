/**
 * The port of liburing's test/fixed-buf-merge.c: test fixed buffer merging/skipping. Taken from:
 * https://github.com/axboe/liburing/issues/994
 */

import { expect, it } from 'vitest';
import {
  io_uring_cq_advance,
  io_uring_for_each_cqe,
  io_uring_prep_read_fixed,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { EINVAL, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { iovecOf, t_aligned_alloc } from './support/buffers.js';
import { close, newPath, open, t_create_file } from './support/files.js';
import { get_sqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

it('main', () => {
  const initial_offset = 4096;
  const num_requests = 3;
  const ring = newRing();

  expect(io_uring_queue_init(4, ring, 0)).toBe(0);

  const filename = newPath('.fixed-buf');
  t_create_file(filename, 4 * 4096);

  const fd = open(filename, O_RDONLY | O_DIRECT, 0o644);
  if (fd === -EINVAL) skip('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);

  const buffer = t_aligned_alloc(4096, 128 * 4096);

  /* Register buffer */
  const iov = iovecOf(buffer);
  expect(io_uring_register_buffers(ring, iov, 1)).toBe(0);

  /* Prepare read requests */
  for (let i = 0; i < num_requests; i++) {
    const at = initial_offset + 4096 * i;
    io_uring_prep_read_fixed(get_sqe(ring), fd, buffer.subarray(at), 4096, 4096 * i, 0);
  }

  /* Submit requests and reap completions */
  expect(io_uring_submit_and_wait(ring, num_requests)).toBe(num_requests);

  let i = 0;
  for (const cqe of io_uring_for_each_cqe(ring)) {
    expect(cqe.res).toBe(4096);
    i++;
  }
  expect(i).toBe(num_requests);

  io_uring_cq_advance(ring, i);
  // C does not check the buffer
  expect(buffer.indexOf(0xaa)).toBe(initial_offset);
  expect(buffer.lastIndexOf(0xaa)).toBe(initial_offset + num_requests * 4096 - 1);
  io_uring_queue_exit(ring);
  close(fd);
});
