/** The port of liburing's test/iopoll-overflow.c: IOPOLL with overflow test case. */

import { expect, it } from 'vitest';
import {
  IORING_ENTER_GETEVENTS,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SUBMIT_ALL,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_enter,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_submit,
  io_uring_wait_cqe,
  type iovec,
  type StructArray,
} from '../../src/c.js';
import { EACCES, EINVAL, EOPNOTSUPP, EPERM, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { t_create_buffers } from './support/buffers.js';
import { close, newPath, open, t_create_file } from './support/files.js';
import {
  get_sqe,
  newCqe,
  newParams,
  newRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring_params,
} from './support/rings.js';
import { skip } from './support/skip.js';
import { usleep } from './support/time.js';

const FILE_SIZE = 128 * 1024;
const BS = 4096;
const BUFFERS = FILE_SIZE / BS;

function test(ring: io_uring, fd: number, vecs: StructArray<iovec>): void {
  const cqe = newCqe();

  let off = FILE_SIZE - BS;
  for (let j = 0; j < 8; j++) {
    for (let i = 0; i < BUFFERS; i++) {
      const { iov_base, iov_len } = vecs.at(i);
      const sqe = get_sqe(ring);
      io_uring_prep_read(sqe, fd, iov_base, iov_len, off);
      sqe.user_data = j * BUFFERS + i;
      if (!off) off = FILE_SIZE - BS;
      else off -= BS;
    }
    expect(io_uring_submit(ring)).toBe(BUFFERS);
  }

  usleep(1000000);

  io_uring_enter(ring.ring_fd, 0, BUFFERS * 8, IORING_ENTER_GETEVENTS, null);

  // C counts them, and does not look at what they brought
  const results = new Map<bigint, number>();
  for (let i = 0; i < BUFFERS * 8; i++) {
    if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait');
    results.set(cqe.value.user_data, cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(results.size).toBe(BUFFERS * 8);
  expect(new Set(results.values()).size).toBe(1);
  expect([BS, -EOPNOTSUPP]).toContain(results.get(0n));
}

it('main', () => {
  const ring = newRing();
  const p = newParams({
    flags: IORING_SETUP_IOPOLL | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL,
    cq_entries: 64,
  });
  const ret = t_create_ring_params(64, ring, p);
  if (ret === T_SETUP_SKIP || ret === -EINVAL) skip('no such ring');
  expect(ret).toBe(T_SETUP_OK);

  const fname = newPath('.basic-rw');
  t_create_file(fname, FILE_SIZE);

  const fd = open(fname, O_RDONLY | O_DIRECT);
  if ([-EINVAL, -EACCES, -EPERM].includes(fd)) skip('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);

  test(ring, fd, t_create_buffers(BUFFERS, BS));
  io_uring_queue_exit(ring);
  close(fd);
});
