/** The port of liburing's test/register-restrictions.c: test restrictions. */
import { beforeEach, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_OP_READV,
  IORING_OP_WRITE,
  IORING_OP_WRITEV,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_FILES,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_R_DISABLED,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_enable_rings,
  io_uring_prep_nop,
  io_uring_prep_readv,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_register_files,
  io_uring_register_restrictions,
  io_uring_restriction,
  io_uring_sqe_set_flags,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EACCES, EBADFD, EINVAL } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const ptr = allocArray(8);
const vec = iovecOf(ptr);
const pipe1 = fdPair();
beforeEach(() => {
  expect(pipe(pipe1)).toBe(0);
  for (const fd of pipe1) closing(fd);
});

/** A ring that is disabled, for each test one. */
function disabled_ring(): io_uring {
  const ring = newRing();
  const ret = io_uring_queue_init(8, ring, IORING_SETUP_R_DISABLED);
  if (ret === -EINVAL) skip('no IORING_SETUP_R_DISABLED');
  expect(ret).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  return ring;
}

type Restriction = { sqe_op: number } | { register_op: number } | { allowed: number } | { required: number };

function restrictions(ring: io_uring, ...list: Restriction[]): number {
  const res = alloc(io_uring_restriction, Math.max(list.length, 1));
  list.forEach((restriction, i) => {
    const entry = res.at(i);
    if ('sqe_op' in restriction) {
      entry.opcode = IORING_RESTRICTION_SQE_OP;
      entry.sqe_op = restriction.sqe_op;
    } else if ('register_op' in restriction) {
      entry.opcode = IORING_RESTRICTION_REGISTER_OP;
      entry.register_op = restriction.register_op;
    } else if ('allowed' in restriction) {
      entry.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
      entry.sqe_flags = restriction.allowed;
    } else {
      entry.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
      entry.sqe_flags = restriction.required;
    }
  });
  const ret = io_uring_register_restrictions(ring, res, list.length);
  if (ret === -EINVAL) skip('no restrictions');
  return ret;
}

function completions(ring: io_uring, count: number): Map<number, number> {
  const cqe = newCqe();
  const results = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    results.set(Number(cqe.value.user_data), cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  return results;
}

it('test_restrictions_sqe_op', () => {
  const ring = disabled_ring();
  expect(restrictions(ring, { sqe_op: IORING_OP_WRITEV }, { sqe_op: IORING_OP_WRITE })).toBe(0);
  expect(io_uring_enable_rings(ring)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_writev(sqe, pipe1[1], vec, 1, 0);
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, pipe1[0], vec, 1, 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  const results = completions(ring, 2);
  expect(results.get(1)).toBe(ptr.length); /* writev */
  expect(results.get(2)).toBe(-EACCES); /* readv should be denied */
});

it('test_restrictions_register_op', () => {
  const ring = disabled_ring();
  expect(restrictions(ring, { register_op: IORING_REGISTER_BUFFERS })).toBe(0);
  expect(io_uring_enable_rings(ring)).toBe(0);

  expect(io_uring_register_buffers(ring, vec, 1)).toBe(0);

  expect(io_uring_register_files(ring, pipe1, 2)).toBe(-EACCES);
});

it('test_restrictions_fixed_file', () => {
  const ring = disabled_ring();
  const ret = restrictions(
    ring,
    { sqe_op: IORING_OP_WRITEV },
    { sqe_op: IORING_OP_READV },
    { required: IOSQE_FIXED_FILE },
    { register_op: IORING_REGISTER_FILES },
  );
  expect(ret).toBe(0);
  expect(io_uring_enable_rings(ring)).toBe(0);

  expect(io_uring_register_files(ring, pipe1, 2)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_writev(sqe, 1, vec, 1, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, 0, vec, 1, 0);
  io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
  sqe.user_data = 2;

  sqe = get_sqe(ring);
  io_uring_prep_writev(sqe, pipe1[1], vec, 1, 0);
  sqe.user_data = 3;

  expect(io_uring_submit(ring)).toBe(3);

  const results = completions(ring, 3);
  expect(results.get(1)).toBe(ptr.length); /* writev */
  expect(results.get(2)).toBe(ptr.length); /* readv */
  expect(results.get(3)).toBe(-EACCES); /* writev without fixed_file should be denied */
});

it('test_restrictions_flags', () => {
  const ring = disabled_ring();
  const ret = restrictions(
    ring,
    { sqe_op: IORING_OP_WRITEV },
    { allowed: IOSQE_ASYNC | IOSQE_IO_LINK },
    { required: IOSQE_FIXED_FILE },
  );
  expect(ret).toBe(0);

  expect(io_uring_register_files(ring, pipe1, 2)).toBe(0);

  expect(io_uring_enable_rings(ring)).toBe(0);

  const writev = (fd: number, flags: number, user_data: number): void => {
    const sqe = get_sqe(ring);
    io_uring_prep_writev(sqe, fd, vec, 1, 0);
    io_uring_sqe_set_flags(sqe, flags);
    sqe.user_data = user_data;
  };

  writev(1, IOSQE_FIXED_FILE, 1);
  writev(1, IOSQE_FIXED_FILE | IOSQE_ASYNC, 2);
  writev(1, IOSQE_FIXED_FILE | IOSQE_IO_LINK, 3);
  expect(io_uring_submit(ring)).toBe(3);

  writev(1, IOSQE_FIXED_FILE | IOSQE_IO_DRAIN, 4);
  expect(io_uring_submit(ring)).toBe(1);

  writev(pipe1[1], IOSQE_IO_DRAIN, 5);
  expect(io_uring_submit(ring)).toBe(1);

  writev(pipe1[1], IOSQE_ASYNC, 6);
  expect(io_uring_submit(ring)).toBe(1);

  writev(pipe1[1], 0, 7);
  expect(io_uring_submit(ring)).toBe(1);

  const results = completions(ring, 7);
  for (const user_data of [1, 2, 3]) expect(results.get(user_data)).toBe(ptr.length);
  for (const user_data of [4, 5, 6, 7]) expect(results.get(user_data)).toBe(-EACCES);
});

it('test_restrictions_empty', () => {
  const ring = disabled_ring();
  expect(restrictions(ring)).toBe(0);
  expect(io_uring_enable_rings(ring)).toBe(0);

  expect(io_uring_register_buffers(ring, vec, 1)).toBe(-EACCES);

  expect(io_uring_register_files(ring, pipe1, 2)).toBe(-EACCES);

  const sqe = get_sqe(ring);
  io_uring_prep_writev(sqe, pipe1[1], vec, 1, 0);
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);
  expect(completions(ring, 1).get(1)).toBe(-EACCES);
});

it('test_restrictions_rings_not_disabled', () => {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(restrictions(ring, { sqe_op: IORING_OP_WRITEV })).toBe(-EBADFD);
  io_uring_queue_exit(ring);
});

it('test_restrictions_rings_disabled', () => {
  const ring = disabled_ring();
  io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(-EBADFD);
});
