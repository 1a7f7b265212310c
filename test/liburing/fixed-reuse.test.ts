/**
 * The port of liburing's test/fixed-reuse.c: link <open file><read from file><close file> with an existing
 * file present in the opened slot, verifying that we get the new file rather than the old one.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_FEAT_CQE_SKIP,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_prep_close_direct,
  io_uring_prep_openat_direct,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_files,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { AT_FDCWD, O_RDONLY } from '../../src/linux.js';
import { newPath, t_create_file_pattern } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const MAX_FILES = 8;
const FNAME1 = newPath('.slot.reuse.1');
const FNAME2 = newPath('.slot.reuse.2');
const PAT1 = 0xaa;
const PAT2 = 0x55;
const BSIZE = 4096;

function test(ring: io_uring): void {
  const cqe = newCqe();
  const buf = allocArray(BSIZE);

  /* open FNAME1 in slot 0 */
  let sqe = get_sqe(ring);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, allocString(FNAME1), O_RDONLY, 0, 0);
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);

  /*
   * Now open FNAME2 in that same slot, verifying we get data from
   * FNAME2 and not FNAME1.
   */
  sqe = get_sqe(ring);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, allocString(FNAME2), O_RDONLY, 0, 0);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 2;

  sqe = get_sqe(ring);
  io_uring_prep_read(sqe, 0, buf, buf.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 3;

  sqe = get_sqe(ring);
  io_uring_prep_close_direct(sqe, 0);
  sqe.user_data = 4;

  expect(io_uring_submit(ring)).toBe(3);

  const results = new Map<bigint, number>();
  for (let i = 0; i < 3; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    results.set(cqe.value.user_data, cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(results.get(2n), 'open').toBe(0);
  expect(results.get(3n), 'read').toBe(BSIZE);
  expect(results.get(4n), 'close').toBe(0);

  expect(buf.every((byte) => byte === PAT2)).toBe(true);
}

it('main', () => {
  const ring = newRing();
  const p = newParams();
  expect(io_uring_queue_init_params(8, ring, p)).toBe(0);
  if (!(p.features & IORING_FEAT_CQE_SKIP)) skip('no IORING_FEAT_CQE_SKIP');

  const files = allocArray(MAX_FILES, Int32Array).fill(-1);
  expect(io_uring_register_files(ring, files, files.length)).toBe(0);

  t_create_file_pattern(FNAME1, 4096, PAT1);
  t_create_file_pattern(FNAME2, 4096, PAT2);

  test(ring);
  io_uring_queue_exit(ring);
});
