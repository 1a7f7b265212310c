/**
 * The port of liburing's test/sq-poll-share.c: test SQPOLL with IORING_SETUP_ATTACH_WQ. A file of 8 MB
 * instead of C's 128.
 */

import { expect, it } from 'vitest';
import {
  free,
  IORING_FEAT_SQPOLL_NONFIXED,
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EACCES, EAGAIN, EINVAL, EPERM, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { t_create_buffers } from './support/buffers.js';
import { close, newPath, open, t_create_file } from './support/files.js';
import { newCqe, newParams, newRing } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';

const FILE_SIZE = 8 * 1024 * 1024;
const BS = 4096;
const BUFFERS = 64;
const NR_RINGS = 4;

const vecs = t_create_buffers(BUFFERS, BS);

function wait_io(ring: io_uring, nr_ios: number): void {
  const cqe = newCqe();
  while (nr_ios) {
    const ret = io_uring_wait_cqe(ring, cqe);
    if (ret === -EAGAIN) continue;
    if (ret) expect.fail(`io_uring_wait_cqe failed ${ret}`);
    if (cqe.value.res !== BS) expect.fail(`Unexpected ret ${cqe.value.res}`);
    io_uring_cqe_seen(ring, cqe.value);
    nr_ios--;
  }
  free(cqe);
}

function queue_io(ring: io_uring, fd: number, nr_ios: number): number {
  let i = 0;
  for (let sqe = io_uring_get_sqe(ring); sqe !== null; sqe = io_uring_get_sqe(ring)) {
    const { iov_base, iov_len } = vecs.at(i);
    io_uring_prep_read(sqe, fd, iov_base, iov_len, i * BS);
    if (++i === nr_ios) break;
  }
  io_uring_submit(ring);
  return i;
}

it('main', () => {
  const fname = newPath('.basic-rw-poll-share');
  t_create_file(fname, FILE_SIZE);

  const fd = open(fname, O_RDONLY | O_DIRECT);
  if ([-EPERM, -EACCES, -EINVAL].includes(fd)) skip('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);

  const rings: io_uring[] = [];
  for (let i = 0; i < NR_RINGS; i++) {
    const p = newParams({ flags: IORING_SETUP_SQPOLL });
    if (rings[0]) {
      p.wq_fd = rings[0].ring_fd;
      p.flags |= IORING_SETUP_ATTACH_WQ;
    }
    const ring = newRing();
    expect(io_uring_queue_init_params(BUFFERS, ring, p)).toBe(0);
    rings.push(ring);
    /* no sharing for non-fixed either */
    if (!(p.features & IORING_FEAT_SQPOLL_NONFIXED)) skipCase('No SQPOLL sharing');
  }

  let total = 0;
  for (let ios = 0; ios < FILE_SIZE / BS; ios += BUFFERS) {
    const rets = rings.map((ring) => queue_io(ring, fd, BUFFERS));
    for (const [i, ring] of rings.entries()) wait_io(ring, rets[i] as number);
    total += rets.reduce((sum, ret) => sum + ret);
  }
  // C does not check how many there were: a ring whose SQ is full has none for a while
  expect(total).toBeGreaterThan(FILE_SIZE / BS);

  for (const ring of rings) io_uring_queue_exit(ring);
  close(fd);
});
