/** The port of liburing's test/close-opath.c: IORING_OP_CLOSE with an O_PATH file. */
import { expect, it } from 'vitest';
import {
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_close,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADF, EINVAL, EOPNOTSUPP, O_PATH, O_RDONLY } from '../../src/linux.js';
import { close, fcntl, open } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

function test_io_uring_close(ring: io_uring, fd: number): void {
  const cqe = newCqe();
  io_uring_prep_close(get_sqe(ring), fd);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  if ([-EOPNOTSUPP, -EINVAL, -EBADF].includes(ret)) {
    close(fd);
    skipCase('the kernel does not close these');
  }
  expect(ret).toBe(0);
}

it.each([
  { flnames: 'O_RDONLY', oflags: O_RDONLY },
  { flnames: 'O_PATH', oflags: O_PATH },
])('$flnames', ({ oflags }) => {
  const ring = newRing();
  expect(io_uring_queue_init(2, ring, 0)).toBe(0);

  const fd = open('.', oflags);
  expect(fd).toBeGreaterThanOrEqual(0);

  /* Should always succeed */
  test_io_uring_close(ring, fd);
  expect(fcntl(fd, 'F_GETFD')).toBe(-EBADF);

  io_uring_queue_exit(ring);
});
