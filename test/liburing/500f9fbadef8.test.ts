/** The port of liburing's test/500f9fbadef8.c: single depth submit+wait poll hang test. */

import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  IORING_SETUP_IOPOLL,
  io_uring_cqe_seen,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, EOPNOTSUPP, O_CREAT, O_DIRECT, O_EXCL, O_RDWR } from '../../src/linux.js';
import { iovecOf, t_aligned_alloc } from './support/buffers.js';
import { closing } from './support/clean.js';
import { newPath, open } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const BLOCKS = 4096;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const iov = iovecOf(t_aligned_alloc(4096, 4096));

  expect(io_uring_queue_init(1, ring, IORING_SETUP_IOPOLL)).toBe(0);

  const buf = newPath();
  const fd = open(buf, O_RDWR | O_CREAT | O_EXCL | O_DIRECT, 0o600);
  if (fd === -EINVAL) skip('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);
  closing(fd);

  let offset = 0;
  for (let blocks = BLOCKS; blocks > 0; --blocks) {
    const sqe = get_sqe(ring);
    io_uring_prep_writev(sqe, fd, iov, 1, offset);
    if (io_uring_submit_and_wait(ring, 1) !== 1) expect.fail('submit_and_wait');
    if (io_uring_wait_cqe(ring, cqe) < 0) expect.fail('wait completion');
    if (cqe.value.res !== 4096) {
      if (cqe.value.res === -EOPNOTSUPP) skip('Polling not supported in current dir, test skipped');
      expect.fail(`res ${cqe.value.res}`);
    }
    io_uring_cqe_seen(ring, cqe.value);
    offset += 4096;
  }
  // C does not check the file
  expect(statSync(buf).size).toBe(BLOCKS * 4096);
  io_uring_queue_exit(ring);
});
