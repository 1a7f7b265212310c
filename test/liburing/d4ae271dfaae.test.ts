/**
 * The port of liburing's test/d4ae271dfaae.c: test case for SQPOLL missing a 'ret' clear in case of busy.
 *
 * Heavily based on a test case from Xiaoguang Wang <xiaoguang.wang@linux.alibaba.com>
 */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_SQPOLL,
  IOSQE_FIXED_FILE,
  io_uring_cqe_seen,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_register_files,
  io_uring_submit,
} from '../../src/c.js';
import { EACCES, EINVAL, EPERM, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { bytesOf, t_create_buffers } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { newPath, open, t_create_file } from './support/files.js';
import {
  get_sqe,
  newCqe,
  newParams,
  newRing,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring_params,
  waited,
} from './support/rings.js';
import { skip } from './support/skip.js';
import { usleep } from './support/time.js';

const FILE_SIZE = 128 * 1024;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const ret = t_create_ring_params(16, ring, newParams({ flags: IORING_SETUP_SQPOLL }));
  if (ret === T_SETUP_SKIP) skip('no SQPOLL');
  expect(ret).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));

  const fname = newPath('.sqpoll.tmp');
  t_create_file(fname, FILE_SIZE);
  const fd = open(fname, O_RDONLY | O_DIRECT);
  if (fd === -EINVAL || fd === -EPERM || fd === -EACCES) skip('no O_DIRECT');
  expect(fd).toBeGreaterThanOrEqual(0);
  closing(fd);

  const iovecs = t_create_buffers(10, 4096);
  expect(io_uring_register_files(ring, Int32Array.of(fd), 1)).toBe(0);

  for (let i = 0; i < 10; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_readv(sqe, 0, iovecs.at(i), 1, 0);
    sqe.flags |= IOSQE_FIXED_FILE;

    expect(io_uring_submit(ring)).toBeGreaterThan(0);
    usleep(1000);
  }

  for (let i = 0; i < 10; i++) {
    expect(waited(ring, cqe).res).toBe(4096);
    io_uring_cqe_seen(ring, cqe.value);
  }
  // C does not check the data
  for (const vec of iovecs) expect(Buffer.from(bytesOf(vec))).toEqual(Buffer.alloc(4096, 0xaa));
});
