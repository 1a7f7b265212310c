/**
 * The port of liburing's test/sq-poll-dup.c: test SQPOLL with IORING_SETUP_ATTACH_WQ and closing of the
 * original ring descriptor. A file of 1 MB instead of C's 128, of which it reads no more.
 */

import { beforeAll, expect, it } from 'vitest';
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
import { EACCES, EINVAL, EPERM, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { t_create_buffers } from './support/buffers.js';
import { closing } from './support/clean.js';
import { close, dup, newPath, open, t_create_file } from './support/files.js';
import { newCqe, newParams, newRing } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';
import { usleep } from './support/time.js';

const FILE_SIZE = 1024 * 1024;
const BS = 4096;
const BUFFERS = 64;
const NR_RINGS = 4;

const vecs = t_create_buffers(BUFFERS, BS);
const fname = newPath('.basic-rw-poll-dup');
beforeAll(() => t_create_file(fname, FILE_SIZE));

function wait_io(ring: io_uring, nr_ios: number): void {
  const cqe = newCqe();
  for (; nr_ios > 0; nr_ios--) {
    if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait');
    if (cqe.value.res !== BS) expect.fail(`Unexpected ret ${cqe.value.res}`);
    io_uring_cqe_seen(ring, cqe.value);
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

function do_io(fd: number, rings: io_uring[]): void {
  const rets = rings.map((ring) => queue_io(ring, fd, BUFFERS));
  // C uses as many as the SQ ring has room for
  expect(Math.min(...rets)).toBeGreaterThan(0);
  for (const [i, ring] of rings.entries()) wait_io(ring, rets[i] as number);
}

function test(do_dup_and_close: boolean, close_ring: boolean): void {
  const fd = open(fname, O_RDONLY | O_DIRECT);
  if ([-EINVAL, -EPERM, -EACCES].includes(fd)) skip('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);
  closing(fd);

  const rings: io_uring[] = [];
  for (let i = 0; i < NR_RINGS; i++) {
    const p = newParams({ flags: IORING_SETUP_SQPOLL, sq_thread_idle: 100 });
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

  /* test all rings */
  do_io(fd, rings);

  /* dup and close original ring fd */
  const first = rings[0] as io_uring;
  const ring_fd = dup(first.ring_fd);
  expect(ring_fd).toBeGreaterThanOrEqual(0);
  if (close_ring) close(first.ring_fd);
  else closing(first.ring_fd);
  first.ring_fd = ring_fd;
  first.enter_ring_fd = ring_fd;

  if (!do_dup_and_close) {
    /* test all but closed one */
    do_io(fd, rings.slice(1));

    /* test closed one */
    do_io(fd, [first]);

    /* make sure thread is idle so we enter the kernel */
    usleep(200000);

    /* test closed one */
    do_io(fd, [first]);
  }

  for (const ring of rings) io_uring_queue_exit(ring);
}

it('test 0 0', () => test(false, false));
it('test 0 1', () => test(false, true));
it('test 1 0', () => test(true, false));
