/** The port of liburing's test/truncate.c: run various truncate tests. */
import { fstatSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  allocString,
  IORING_OP_FTRUNCATE,
  io_uring_cqe_seen,
  io_uring_prep_ftruncate,
  io_uring_prep_rw,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADF, EINVAL, O_CREAT, O_TRUNC, O_WRONLY } from '../../src/linux.js';
import { close, newPath, open } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const TWO_GIG_SIZE = 2 * 1024 * 1024 * 1024;
const ONE_GIG_SIZE = 1024 * 1024 * 1024;
const HALF_GIG_SIZE = 512 * 1024 * 1024;

const ring = newRing();
const cqe = newCqe();
const fd = open(newPath('.truncate'), O_WRONLY | O_CREAT | O_TRUNC, 0o600);
beforeAll(() => expect(io_uring_queue_init(1, ring, 0)).toBe(0));
afterAll(() => {
  io_uring_queue_exit(ring);
  close(fd);
});

function result(): number {
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

it('test_ftruncate', () => {
  const test_sizes = [TWO_GIG_SIZE, ONE_GIG_SIZE, HALF_GIG_SIZE];
  for (const [i, len] of test_sizes.entries()) {
    io_uring_prep_ftruncate(get_sqe(ring), fd, len);
    const ret = result();
    // C's status is T_EXIT_PASS then
    if (i === 0 && (ret === -EBADF || ret === -EINVAL)) skipCase('Ftruncate not supported');
    expect(ret).toBe(0);
    expect(fstatSync(fd).size).toBe(len);
  }
});

it('test_truncate', () => {
  io_uring_prep_rw(IORING_OP_FTRUNCATE, get_sqe(ring), fd, allocString('fail'), 0, 4);
  expect(result()).toBe(-EINVAL);
});
