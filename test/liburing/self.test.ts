/**
 * The port of liburing's test/self.c: test that pathname resolution works from async context when using
 * /proc/self/ which should be the original submitting task, not the async worker.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocString,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_openat2,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
  open_how,
} from '../../src/c.js';
import { EINVAL, EOPNOTSUPP, O_RDONLY } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { close, read } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

function io_openat2(ring: io_uring, path: string, dfd: number): number {
  const cqe = newCqe();
  const how = alloc(open_how);
  how.flags = O_RDONLY;
  io_uring_prep_openat2(get_sqe(ring), dfd, allocString(path), how);

  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);

  const ret = cqe.value.res;
  io_uring_cqe_seen(ring, cqe.value);
  return ret;
}

it('main', () => {
  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  const fd = io_openat2(ring, '/proc/self/comm', -1);
  if (fd === -EOPNOTSUPP || fd === -EINVAL) skipCase('openat2 not supported');
  expect(fd).toBeGreaterThanOrEqual(0);

  const buf = allocArray(64);
  expect(read(fd, buf, buf.length)).toBeGreaterThan(0);
  // C's name is "self"
  expect(stringOf(buf)).toBe(readFileSync(`/proc/${process.pid}/comm`, 'latin1'));
  io_uring_queue_exit(ring);
  close(fd);
});
