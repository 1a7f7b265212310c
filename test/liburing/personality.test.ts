/** The port of liburing's test/personality.c: test if personalities work. */
import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  allocString,
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_openat,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_personality,
  io_uring_submit,
  io_uring_unregister_personality,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EACCES, EINVAL, O_CREAT, O_RDONLY } from '../../src/linux.js';
import { close, directory, newPath, open } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const FNAME = newPath('.tmp.access');
const fname = allocString(FNAME);
const USE_UID = 1000;

const ring = newRing();
const cqe = newCqe();
beforeAll(() => {
  // it is the file that only its owner may open, not the folder
  chmodSync(directory, 0o755);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
});
afterAll(() => io_uring_queue_exit(ring));

function open_file(cred_id: number, with_link: boolean): number {
  let to_submit = 1;
  let ret = 0;

  if (with_link) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.flags |= IOSQE_IO_LINK;
    sqe.user_data = 1;
    to_submit++;
  }

  const sqe = get_sqe(ring);
  io_uring_prep_openat(sqe, -1, fname, O_RDONLY, 0);
  sqe.user_data = 2;

  if (cred_id !== -1) sqe.personality = cred_id;

  ret = io_uring_submit(ring);
  if (ret !== to_submit) throw new Error(`submit got: ${ret}`);

  for (let i = 0; i < to_submit; i++) {
    ret = io_uring_wait_cqe(ring, cqe);
    if (ret < 0) throw new Error(`wait completion ${ret}`);
    ret = cqe.value.res;
    io_uring_cqe_seen(ring, cqe.value);
  }
  return ret;
}

const needs_root = (): void => {
  if (process.geteuid?.()) skipCase('Not root, skipping');
};

it('test_personality', () => {
  needs_root();
  const cred_id = io_uring_register_personality(ring);
  if (cred_id === -EINVAL) skipCase('Personalities not supported, skipping...');
  expect(cred_id).toBeGreaterThanOrEqual(0);

  /* create file only owner can open */
  let ret = open(FNAME, O_RDONLY | O_CREAT, 0o600);
  expect(ret).toBeGreaterThanOrEqual(0);
  close(ret);

  /* verify we can open it */
  ret = open_file(-1, false);
  expect(ret).toBeGreaterThanOrEqual(0);
  close(ret);

  process.seteuid?.(USE_UID);
  let results: number[];
  try {
    results = [
      /* verify we can't open it with current credentials */
      open_file(-1, false),
      /* verify we can open with registered credentials */
      open_file(cred_id, false),
      /* verify we can open with registered credentials and as a link */
      open_file(cred_id, true),
    ];
  } finally {
    process.seteuid?.(0);
  }
  for (const fd of results) if (fd >= 0) close(fd);
  expect(results[0]).toBe(-EACCES);
  expect(results[1]).toBeGreaterThanOrEqual(0);
  expect(results[2]).toBeGreaterThanOrEqual(0);

  expect(io_uring_unregister_personality(ring, cred_id)).toBe(0);
});

it('test_invalid_personality', () => {
  needs_root();
  expect(open_file(2, false)).toBe(-EINVAL);
});

it('test_invalid_unregister', () => {
  needs_root();
  expect(io_uring_unregister_personality(ring, 2)).toBe(-EINVAL);
});
