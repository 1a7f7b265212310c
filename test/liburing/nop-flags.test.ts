/**
 * The port of liburing's test/nop-flags.c: test NOP flags (IORING_NOP_FILE, IORING_NOP_FIXED_FILE,
 * IORING_NOP_FIXED_BUFFER, IORING_NOP_TW, IORING_NOP_CQE32). These flags allow NOP to exercise file lookups,
 * buffer lookups, and task_work completion paths without real I/O, useful for targeted testing.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_NOP_CQE32,
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_CQE32,
  IORING_SETUP_SUBMIT_ALL,
  type io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_register_files,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_unregister_buffers,
  io_uring_unregister_files,
  memory,
} from '../../src/c.js';
import { EBADF, EFAULT, EINVAL, O_RDWR } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, open } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, next, waited } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';

/* as C, where the header is older */
const IORING_NOP_FILE = 1 << 1;
const IORING_NOP_FIXED_FILE = 1 << 2;
const IORING_NOP_FIXED_BUFFER = 1 << 3;
const IORING_NOP_TW = 1 << 4;

/** The SQE's members that the tests set. */
type Fields = Partial<Pick<io_uring_sqe, 'nop_flags' | 'fd' | 'len' | 'buf_index' | 'off' | 'addr'>>;

const nop = (ring: io_uring, fields: Fields): number =>
  complete(ring, (sqe) => {
    io_uring_prep_nop(sqe);
    Object.assign(sqe, fields);
    sqe.user_data = 1;
  }).res;

let nop_flags = false;
let nop_file = false;

/** C's ring of the first tests. */
function submit_all_ring(): io_uring {
  const ring = newRing();
  const ret = io_uring_queue_init(8, ring, IORING_SETUP_SUBMIT_ALL);
  if (ret === -EINVAL) skip('no IORING_SETUP_SUBMIT_ALL');
  expect(ret).toBe(0);
  return ring;
}

/*
 * Detect NOP flags support using INJECT_RESULT. A kernel that supports
 * NOP flags will return the injected value; one that doesn't will
 * return 0 (plain NOP) or -EINVAL.
 */
it('test_nop_detect', () => {
  const ring = submit_all_ring();
  const res = nop(ring, { nop_flags: IORING_NOP_INJECT_RESULT, len: 42 });
  io_uring_queue_exit(ring);
  if (res !== 42) skip('NOP flags not supported');
  nop_flags = true;
});

/*
 * Detect IORING_NOP_FILE support by using it with a bad fd.
 * If supported, returns -EBADF. If not, returns 0 (NOP succeeds,
 * kernel ignores the FILE flag).
 */
it('test_nop_file_bad_fd', () => {
  if (!nop_flags) skip('NOP flags not supported');
  const ring = submit_all_ring();
  const res = nop(ring, { nop_flags: IORING_NOP_FILE, fd: 9999 /* invalid fd */ });
  io_uring_queue_exit(ring);
  if (res === 0) skipSilently('no IORING_NOP_FILE');
  // C accepts -EINVAL, too
  expect(res).toBe(-EBADF);
  nop_file = true;
});

const open_null = (): number => {
  if (!nop_file) skipSilently('no IORING_NOP_FILE');
  const fd = open('/dev/null', O_RDWR);
  expect(fd).toBeGreaterThanOrEqual(0);
  return fd;
};

/*
 * Test IORING_NOP_FILE - NOP with a normal fd lookup
 */
it('test_nop_file', () => {
  const fd = open_null();
  const ring = submit_all_ring();
  expect(nop(ring, { nop_flags: IORING_NOP_FILE, fd })).toBe(0);
  io_uring_queue_exit(ring);
  close(fd);
});

/*
 * Test IORING_NOP_FIXED_FILE - NOP with a fixed file lookup
 */
it('test_nop_fixed_file', () => {
  const fd = open_null();
  const ring = submit_all_ring();
  expect(io_uring_register_files(ring, Int32Array.of(fd), 1)).toBe(0);

  const fixed = IORING_NOP_FILE | IORING_NOP_FIXED_FILE;
  expect(nop(ring, { nop_flags: fixed, fd: 0 /* fixed file index */ })).toBe(0);

  /* Test with invalid fixed file index */
  expect(nop(ring, { nop_flags: fixed, fd: 999 /* invalid index */ })).toBe(-EBADF);

  expect(io_uring_unregister_files(ring)).toBe(0);
  io_uring_queue_exit(ring);
  close(fd);
});

/*
 * Test IORING_NOP_FIXED_BUFFER - NOP with a registered buffer lookup
 */
it('test_nop_fixed_buffer', () => {
  if (!nop_flags) skip('NOP flags not supported');
  const ring = submit_all_ring();
  expect(io_uring_register_buffers(ring, iovecOf(allocArray(4096)), 1)).toBe(0);

  /* Valid buffer index */
  let res = nop(ring, { nop_flags: IORING_NOP_FIXED_BUFFER, buf_index: 0 });
  if (res === -EINVAL) skipSilently('no IORING_NOP_FIXED_BUFFER');
  expect(res).toBe(0);

  /* Invalid buffer index */
  res = nop(ring, { nop_flags: IORING_NOP_FIXED_BUFFER, buf_index: 999 });
  if (res === 0) skipSilently('no IORING_NOP_FIXED_BUFFER');
  expect(res).toBe(-EFAULT);

  expect(io_uring_unregister_buffers(ring)).toBe(0);
  io_uring_queue_exit(ring);
});

/*
 * Test IORING_NOP_TW - NOP completing via task_work
 */
it('test_nop_tw', () => {
  if (!nop_flags) skip('NOP flags not supported');
  const ring = submit_all_ring();

  /* Submit several NOPs via task_work path */
  for (let i = 0; i < 8; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.nop_flags = IORING_NOP_TW;
    sqe.user_data = i + 1;
  }

  expect(io_uring_submit(ring)).toBe(8);

  const seen: bigint[] = [];
  for (let i = 0; i < 8; i++) {
    const { res, user_data } = next(ring);
    if (res === -EINVAL) skipSilently('no IORING_NOP_TW');
    expect(res).toBe(0);
    seen.push(user_data);
  }
  // C accepts one for another
  expect(seen.sort()).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
  io_uring_queue_exit(ring);
});

/*
 * Test IORING_NOP_TW combined with IORING_NOP_INJECT_RESULT
 */
it('test_nop_tw_inject', () => {
  if (!nop_flags) skip('NOP flags not supported');
  const ring = submit_all_ring();
  const res = nop(ring, { nop_flags: IORING_NOP_TW | IORING_NOP_INJECT_RESULT, len: 42 });
  if (res === -EINVAL) skipSilently('no IORING_NOP_TW');
  expect(res).toBe(42);
  io_uring_queue_exit(ring);
});

/*
 * Test IORING_NOP_CQE32 - NOP with extra1/extra2 in big CQE
 */
it('test_nop_cqe32', () => {
  if (!nop_flags) skip('NOP flags not supported');
  const ring = newRing();
  const cqe = newCqe();
  const ret = io_uring_queue_init(8, ring, IORING_SETUP_CQE32);
  if (ret === -EINVAL) skipSilently('no IORING_SETUP_CQE32');
  expect(ret).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.nop_flags = IORING_NOP_CQE32;
  sqe.off = 0xdeadbeef12345678n; /* extra1 */
  sqe.addr = 0xabcdef0011223344n; /* extra2 */
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  const { res, address } = waited(ring, cqe);
  if (res === -EINVAL) skipSilently('no IORING_NOP_CQE32');
  expect(res).toBe(0);

  const big_cqe = (index: number): bigint => memory.view.getBigUint64(address + io_uring_cqe.size + 8 * index, true);
  expect(big_cqe(0)).toBe(0xdeadbeef12345678n);
  expect(big_cqe(1)).toBe(0xabcdef0011223344n);

  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
});

/*
 * Test IORING_NOP_CQE32 requires CQE32 or CQE_MIXED ring
 */
it('test_nop_cqe32_no_ring_support', () => {
  if (!nop_flags) skip('NOP flags not supported');
  const ring = newRing();
  /* Ring without CQE32 */
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  expect(nop(ring, { nop_flags: IORING_NOP_CQE32, off: 1n, addr: 2n })).toBe(-EINVAL);

  io_uring_queue_exit(ring);
});

/*
 * Test combined flags: FILE + FIXED_FILE + FIXED_BUFFER + TW
 */
it('test_nop_combined', () => {
  const fd = open_null();
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  expect(io_uring_register_files(ring, Int32Array.of(fd), 1)).toBe(0);
  expect(io_uring_register_buffers(ring, iovecOf(allocArray(4096)), 1)).toBe(0);

  /* All flags combined */
  const all = IORING_NOP_FILE | IORING_NOP_FIXED_FILE | IORING_NOP_FIXED_BUFFER | IORING_NOP_TW;
  expect(nop(ring, { nop_flags: all, fd: 0, buf_index: 0 })).toBe(0);

  expect(io_uring_unregister_buffers(ring)).toBe(0);
  expect(io_uring_unregister_files(ring)).toBe(0);
  io_uring_queue_exit(ring);
  close(fd);
});
