/**
 * The port of liburing's test/sqwait.c: test that the app can always get a new sqe after having called
 * io_uring_sqring_wait(). The file has 1 MB instead of 256: all reads are of its first page.
 */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_SQPOLL,
  type io_uring,
  type io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqring_wait,
  io_uring_submit,
  io_uring_wait_cqe,
  type Pointers,
} from '../../src/c.js';
import { EINVAL, EPERM, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { t_create_buffers } from './support/buffers.js';
import { close, newPath, open, t_create_file } from './support/files.js';
import { newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const NR_IOS = 10000;
const INFLIGHT = 256;

const FILE_SIZE = 1024 * 1024;

let inflight = 0;

function reap(ring: io_uring, cqe: Pointers<io_uring_cqe>): void {
  while (inflight >= INFLIGHT / 2) {
    if (io_uring_wait_cqe(ring, cqe) < 0) expect.fail('wait');
    if (cqe.value.res !== 4096) expect.fail(`cqe res ${cqe.value.res}`);
    io_uring_cqe_seen(ring, cqe.value);
    inflight--;
  }
}

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fname = newPath('.sqwait');
  t_create_file(fname, FILE_SIZE);

  const iovs = t_create_buffers(INFLIGHT, 4096);

  const ret = io_uring_queue_init(8, ring, IORING_SETUP_SQPOLL);
  if (ret === -EINVAL || ret === -EPERM) skip('no SQPOLL');
  expect(ret).toBe(0);

  const fd = open(fname, O_RDONLY | O_DIRECT);
  if (fd === -EINVAL) {
    io_uring_queue_exit(ring);
    skip('no O_DIRECT here');
  }
  expect(fd).toBeGreaterThanOrEqual(0);

  let waits = 0;
  for (let i = 0; i < NR_IOS; i++) {
    const iov = iovs.at(i % INFLIGHT);

    let sqe = io_uring_get_sqe(ring);
    if (!sqe) {
      waits++;
      const left = io_uring_sqring_wait(ring);
      if (left < 0) expect.fail(`sqring_wait: ${left}`);
      sqe = io_uring_get_sqe(ring);
    }
    if (!sqe) throw new Error('Missing sqe post wait');

    io_uring_prep_read(sqe, fd, iov.iov_base, iov.iov_len, 0);
    io_uring_submit(ring);
    inflight++;

    reap(ring, cqe);
  }

  // otherwise the test saw nothing
  expect(waits).toBeGreaterThan(0);
  io_uring_queue_exit(ring);
  close(fd);
});
