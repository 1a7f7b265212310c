/** The port of liburing's test/sq-space_left.c: test SQ queue space left. */
import { expect, it } from 'vitest';
import {
  io_uring_get_sqe,
  io_uring_prep_nop,
  io_uring_sq_ready,
  io_uring_sq_space_left,
  io_uring_submit,
} from '../../src/c.js';
import { get_sqe, openRing } from './support/rings.js';

it('test_left', () => {
  const ring = openRing(8);
  expect(io_uring_sq_space_left(ring)).toBe(8);

  let i = 0;
  while (io_uring_get_sqe(ring) !== null) {
    i++;
    expect(io_uring_sq_space_left(ring)).toBe(8 - i);
  }

  expect(i).toBe(8);
});

it('test_sync', () => {
  const ring = openRing(32);

  /* prep 8 NOPS */
  for (let i = 0; i < 8; i++) io_uring_prep_nop(get_sqe(ring));

  /* prep known bad command, this should terminate submission */
  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.opcode = 0xfe;

  /* prep 8 NOPS */
  for (let i = 0; i < 8; i++) io_uring_prep_nop(get_sqe(ring));

  /* we should have 8 + 1 + 8 pending now */
  expect(io_uring_sq_ready(ring)).toBe(17);

  /* should submit 8 successfully, then error #9 and stop */
  expect(io_uring_submit(ring)).toBe(9);

  /* should now have 8 ready, with 9 gone */
  expect(io_uring_sq_ready(ring)).toBe(8);

  /* the last 8 should submit fine */
  expect(io_uring_submit(ring)).toBe(8);

  expect(io_uring_sq_ready(ring)).toBe(0);
});
