/** The port of liburing's test/open-direct-link.c: link <open file><read from file><close file>. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_FEAT_CQE_SKIP,
  IOSQE_ASYNC,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_close_direct,
  io_uring_prep_openat_direct,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_files,
  io_uring_submit,
} from '../../src/c.js';
import { AT_FDCWD, O_RDONLY } from '../../src/linux.js';
import { newPath, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, waited } from './support/rings.js';
import { skipSilently } from './support/skip.js';

const MAX_FILES = 8;
const FNAME = newPath('.link.direct');
const fname = allocString(FNAME);

const ring = newRing();

beforeAll(() => {
  const p = newParams();
  expect(io_uring_queue_init_params(8, ring, p)).toBe(0);
  supported = (p.features & IORING_FEAT_CQE_SKIP) !== 0;
  const files = allocArray(MAX_FILES, Int32Array).fill(-1);
  expect(io_uring_register_files(ring, files, files.length)).toBe(0);
  t_create_file(FNAME, 4096);
});

afterAll(() => io_uring_queue_exit(ring));

let supported = false;

function test(skip_success: boolean, drain: boolean, async: boolean): void {
  if (!supported) skipSilently('no IORING_FEAT_CQE_SKIP');
  const cqe = newCqe();
  const buf = allocArray(4096);

  let sqe = get_sqe(ring);
  io_uring_prep_openat_direct(sqe, AT_FDCWD, fname, O_RDONLY, 0, 0);
  if (!drain) sqe.flags |= IOSQE_IO_LINK;
  if (skip_success) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  if (async) sqe.flags |= IOSQE_ASYNC;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_read(sqe, 0, buf, buf.length, 0);
  sqe.flags |= IOSQE_FIXED_FILE;
  if (drain) sqe.flags |= IOSQE_IO_DRAIN;
  else sqe.flags |= IOSQE_IO_LINK;
  if (async) sqe.flags |= IOSQE_ASYNC;
  sqe.user_data = 2;

  sqe = get_sqe(ring);
  io_uring_prep_close_direct(sqe, 0);
  sqe.user_data = 3;
  if (skip_success) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  if (drain) sqe.flags |= IOSQE_IO_DRAIN;
  if (async) sqe.flags |= IOSQE_ASYNC;

  expect(io_uring_submit(ring)).toBe(3);

  if (skip_success) {
    const { user_data, res } = waited(ring, cqe);
    expect(user_data).toBe(2n);
    expect(res).toBe(buf.length);
    io_uring_cqe_seen(ring, cqe.value);
    return;
  }

  for (let i = 0; i < 3; i++) {
    const { user_data, res } = waited(ring, cqe);
    switch (user_data) {
      case 1n:
        expect(res, 'open').toBe(0);
        break;
      case 2n:
        expect(res, 'read').toBe(buf.length);
        break;
      case 3n:
        expect(res, 'close').toBe(0);
        break;
      default:
        expect.fail(`user_data ${user_data}`);
    }
    io_uring_cqe_seen(ring, cqe.value);
  }
}

it('test 0 0 0', () => test(false, false, false));
it('test 0 1 0', () => test(false, true, false));
it('test 0 0 1', () => test(false, false, true));
it('test 0 1 1', () => test(false, true, true));
it('test 1 0 0', () => test(true, false, false));
it('test 1 0 1', () => test(true, false, true));
