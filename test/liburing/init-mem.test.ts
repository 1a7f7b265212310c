/**
 * The port of liburing's test/init-mem.c: check that io_uring_queue_init_mem() doesn't underestimate the
 * memory required for various size rings.
 */
import { describe, expect, it } from 'vitest';
import {
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQE128,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_memory_size_params,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_mem,
  io_uring_submit,
  io_uring_wait_cqe,
  memory,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { t_aligned_alloc } from './support/buffers.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';

const PRE_RED = 0x5aa55aa55aa55aa5n;
const POST_RED = 0xa55aa55aa55aa55an;
const page_size = 4096;
const TWO_MB = 2 * 1024 * 1024;

const mem = t_aligned_alloc(page_size, page_size + TWO_MB);
const at = (offset: number): number => mem.byteOffset + offset;

interface q_entries {
  sqes: number;
  cqes: number;
  ring_flags: number;
}

function setup_ctx(ring: io_uring, q: q_entries): { check_red(): void } {
  mem.fill(0);
  const pre = at(page_size - 8);
  memory.view.setBigUint64(pre, PRE_RED, true);

  const ring_mem = mem.subarray(page_size);

  const p = newParams({ flags: q.ring_flags | IORING_SETUP_CQSIZE | IORING_SETUP_NO_SQARRAY });
  p.sq_entries = q.sqes;
  p.cq_entries = q.cqes;

  const rret = io_uring_memory_size_params(q.sqes, p);
  expect(rret).toBeLessThanOrEqual(TWO_MB);

  const ret = io_uring_queue_init_mem(q.sqes, ring, p, ring_mem, TWO_MB);
  if (ret === -EINVAL) skip('no IORING_SETUP_NO_MMAP');
  expect(ret).toBe(rret);

  const post = at(page_size + ret);
  memory.view.setBigUint64(post, POST_RED, true);
  return {
    check_red() {
      if (memory.view.getBigUint64(pre, true) !== PRE_RED) expect.fail('pre redzone');
      // the whole memory may be taken
      if (ret < TWO_MB && memory.view.getBigUint64(post, true) !== POST_RED) expect.fail('post redzone');
    },
  };
}

function test(q: q_entries): void {
  const ring = newRing();
  const cqe = newCqe();
  const ctx = setup_ctx(ring, q);

  const batch = Math.min(64, q.sqes);

  let i = 0;
  let ud = 0n;
  while (i < q.cqes * 2) {
    ctx.check_red();
    for (let j = 0; j < batch; j++) {
      const sqe = get_sqe(ring);
      io_uring_prep_nop(sqe);
      sqe.user_data = j + i;
    }
    io_uring_submit(ring);
    for (let j = 0; j < batch; j++) {
      if (io_uring_wait_cqe(ring, cqe)) expect.fail('cqe wait');
      if (cqe.value.user_data !== ud) expect.fail(`ud=${ud}, expected user_data ${cqe.value.user_data}`);
      ud++;
      io_uring_cqe_seen(ring, cqe.value);
    }
    i += batch;
  }
  expect(ud).toBe(BigInt(i));
  io_uring_queue_exit(ring);
}

const sizes = [
  { sqes: 256, cqes: 16384 },
  { sqes: 32, cqes: 4096 },
  { sqes: 128, cqes: 8192 },
  { sqes: 4096, cqes: 32768 },
  { sqes: 1, cqes: 8 },
  { sqes: 2, cqes: 1024 },
];

describe.each([
  { name: '0', ring_flags: 0 },
  { name: 'SQE128', ring_flags: IORING_SETUP_SQE128 },
  { name: 'CQE32', ring_flags: IORING_SETUP_CQE32 },
  { name: 'SQE128 | CQE32', ring_flags: IORING_SETUP_SQE128 | IORING_SETUP_CQE32 },
])('test, $name', ({ ring_flags }) => {
  it.each(sizes)('$sqes, $cqes', (size) => test({ ...size, ring_flags }));
});
