/**
 * The port of liburing's test/file-exit-unreg.c: test that a defer task_work file with tags
 * unregistration doesn't trigger a lockdep violation. C then sleeps a second for the kernel to complain.
 */
import { expect, it } from 'vitest';
import {
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  io_uring_cqe_seen,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files_tags,
  io_uring_unregister_files,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

it('main', () => {
  const tags = BigUint64Array.of(1n, 2n);
  const ring = newRing();
  const fds = fdPair();

  expect(pipe(fds)).toBe(0);

  let ret = io_uring_queue_init(4, ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  if (ret === -EINVAL) skip('no DEFER_TASKRUN');
  expect(ret).toBe(0);

  ret = io_uring_register_files_tags(ring, fds, tags, 2);
  if (ret === -EINVAL) skip('no tags');
  expect(ret).toBe(0);

  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
});

// C does not notice lost tags
it('the tags are posted when the files are unregistered', () => {
  const tags = BigUint64Array.of(1n, 2n);
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  expect(io_uring_queue_init(4, ring, 0)).toBe(0);
  expect(io_uring_register_files_tags(ring, fds, tags, 2)).toBe(0);
  expect(io_uring_unregister_files(ring)).toBe(0);
  const seen: bigint[] = [];
  for (let i = 0; i < 2; i++) {
    seen.push(waited(ring, cqe).user_data);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(seen.sort()).toEqual([1n, 2n]);
  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
});
