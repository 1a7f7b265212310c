/**
 * The port of liburing's test/vec-regbuf.c: vectors of registered buffers. C reads what was sent in a thread;
 * here it is read when the send is submitted, which needs nobody to go on.
 */

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  alloc,
  IORING_CQE_F_MORE,
  IORING_OP_READV_FIXED,
  type io_uring,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_opcode_supported,
  io_uring_peek_cqe,
  io_uring_prep_readv_fixed,
  io_uring_prep_sendmsg_zc_fixed,
  io_uring_prep_writev_fixed,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers_sparse,
  io_uring_register_buffers_update_tag,
  type io_uring_sqe,
  io_uring_submit,
  iovec,
  msghdr,
  type StructArray,
} from '../../src/c.js';
import { EFAULT, O_RDWR, PROT_READ, PROT_WRITE } from '../../src/linux.js';
import { bytesOf, iovecOf, t_aligned_alloc } from './support/buffers.js';
import { atEnd } from './support/clean.js';
import { close, newPath, open, read } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, next } from './support/rings.js';
import { skip } from './support/skip.js';
import { t_create_socketpair_ip } from './support/sockets.js';
import { syscall } from './support/syscall.js';

const BUF_BASE_IDX = 1;
const page_sz = 4096;
const size = page_sz * 32;

/* a buffer between two pages that nobody may touch */
const mem = t_aligned_alloc(page_sz, size + page_sz * 2);
const buf_wr = mem.subarray(page_sz).subarray(0, size);
const guards = [mem.byteOffset, buf_wr.byteOffset + size];

let has_regvec = false;

function probe_support(): boolean {
  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);
  const p = io_uring_get_probe_ring(ring);
  const ret = p !== null && io_uring_opcode_supported(p, IORING_OP_READV_FIXED) !== 0;
  if (p) io_uring_free_probe(p);
  io_uring_queue_exit(ring);
  return ret;
}

beforeAll(() => {
  has_regvec = probe_support();
  for (const guard of guards) expect(syscall('mprotect', guard, page_sz, 0)).toBe(0);
});

afterAll(() => {
  for (const guard of guards) expect(syscall('mprotect', guard, page_sz, PROT_READ | PROT_WRITE)).toBe(0);
});

beforeEach(() => {
  if (!has_regvec) skip("doesn't support registered vector ops");
});

/** reinit_ring and bind_ring */
function reinit_ring(): io_uring {
  const ring = newRing();
  expect(io_uring_queue_init(32, ring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  expect(io_uring_register_buffers_sparse(ring, 128)).toBe(0);
  const ret = io_uring_register_buffers_update_tag(ring, BUF_BASE_IDX, iovecOf(buf_wr), null, 1);
  if (ret !== 1 && process.geteuid?.()) skip('Not root');
  expect(ret).toBe(1);
  return ring;
}

/** A struct iovec: where in the buffer, or with `at` anywhere. */
interface Vec {
  off?: number;
  at?: number;
  len: number;
}

function iovecs(vecs: readonly Vec[]): StructArray<iovec> {
  const made = alloc(iovec, vecs.length);
  for (const [i, { off = 0, at, len }] of vecs.entries()) {
    made.at(i).iov_base = at ?? buf_wr.byteOffset + off;
    made.at(i).iov_len = len;
  }
  return made;
}

const bytesOfAll = (vecs: StructArray<iovec>): Buffer => Buffer.concat([...vecs].map(bytesOf));

function verify_data(expected: Buffer, fd: number): void {
  const buf_rd = Buffer.alloc(expected.length);
  for (let read_bytes = 0; read_bytes < expected.length; ) {
    const ret = read(fd, buf_rd.subarray(read_bytes), expected.length - read_bytes);
    if (ret <= 0) expect.fail(`can't read ${ret}`);
    read_bytes += ret;
  }
  expect(Buffer.compare(buf_rd, expected), 'data').toBe(0);
}

/** Prepares what test_rw and test_sendzc send. */
function prep_send(sqe: io_uring_sqe, rw: boolean, vecs: StructArray<iovec>, fd_wr: number): void {
  if (rw) io_uring_prep_writev_fixed(sqe, fd_wr, vecs, vecs.length, 0, 0, BUF_BASE_IDX);
  else {
    const msg = alloc(msghdr);
    msg.msg_iov = vecs.address;
    msg.msg_iovlen = vecs.length;
    io_uring_prep_sendmsg_zc_fixed(sqe, fd_wr, msg, 0, BUF_BASE_IDX);
  }
}

/** The result of a send, with its notification, if there is one, out of the way. */
function result_of(ring: io_uring): number {
  const { res, flags } = next(ring);
  if (flags & IORING_CQE_F_MORE) next(ring);
  return res;
}

function test_vec(ring: io_uring, rw: boolean, vecs: StructArray<iovec>, expect_fail: boolean): number {
  const { client, server } = t_create_socketpair_ip({ ipv6: true, client_connect: true, msg_zc: false, tcp: true });

  for (let i = 0; i < size; i++) buf_wr[i] = i;

  prep_send(get_sqe(ring), rw, vecs, client);
  expect(io_uring_submit(ring)).toBe(1);

  let ret: number;
  if (expect_fail) ret = result_of(ring);
  else {
    const expected = bytesOfAll(vecs);
    // a failed request sends nothing to wait for
    const cqe = newCqe();
    if (io_uring_peek_cqe(ring, cqe) === 0) expect(cqe.value.res).toBe(expected.length);
    verify_data(expected, server);
    ret = result_of(ring);
    expect(ret).toBe(expected.length);
  }
  close(client);
  close(server);
  return ret;
}

function test_sequence(rw: boolean, ...works: (readonly Vec[])[]): void {
  const ring = reinit_ring();
  for (const work of works) test_vec(ring, rw, iovecs(work), false);
}

const iov_page = { off: 0, len: page_sz };
const iov_inner = { off: 1, len: 3 };
const iov_maxbvec = { off: page_sz - 1, len: page_sz + 2 };
const iov_big = { off: 0, len: page_sz * 12 + 33 };
const iov_big_unalign = { off: 10, len: page_sz * 7 + 41 };
const iov_full = { off: 0, len: size };
const iov_right1 = { off: size - page_sz + 5, len: page_sz - 5 };
const iov_right2 = { off: size - page_sz - 5, len: page_sz + 5 };
const iov_full_unalign = { off: 1, len: size - 1 };
const vecs = [iov_page, iov_big, iov_inner, iov_big_unalign, iov_big_unalign];
const times = (vec: Vec, count: number): Vec[] => Array.from({ length: count }, () => vec);
const first = (count: number): Vec[] => vecs.slice(0, count);

describe.each([
  { name: 'sendmsg_zc', rw: false },
  { name: 'writev', rw: true },
])('$name', ({ rw }) => {
  it.each<[string, Vec[][]]>([
    ['basic aligned, once', [[iov_page]]],
    ['basic aligned', [[iov_page], [iov_page]]],
    ['multi page buffer', [[iov_big], [iov_big]]],
    ['misaligned buffer', [[iov_inner], [iov_inner]]],
    ['misaligned multipage buffer', [[iov_big_unalign], [iov_big_unalign]]],
    ['realloc + increase bvec', [[iov_page], [iov_big_unalign]]],
    ['realloc + decrease bvec', [[iov_big_unalign], [iov_page]]],
    ['multisegment', [first(4), first(4)]],
    ['multisegment 2', [first(2), first(3), first(4)]],
    ['increase iovec', [times(iov_page, 1), times(iov_page, 2), times(iov_page, 3)]],
    ['decrease iovec', [times(iov_page, 3), times(iov_page, 2), times(iov_page, 1)]],
    ['right aligned', [[iov_right1], [iov_right2], [iov_right1]]],
    ['full size', [[iov_full], [iov_full], times(iov_full, 3)]],
    ['full size unsigned', [[iov_full_unalign], [iov_full_unalign], times(iov_full_unalign, 3)]],
    ['overestimated segments', [times(iov_maxbvec, 1), times(iov_maxbvec, 2), times(iov_maxbvec, 3)]],
    ['overestimated segments 2', [times(iov_maxbvec, 6), times(iov_maxbvec, 6), times(iov_maxbvec, 6)]],
  ])('test_basic: %s', (_, works) => test_sequence(rw, ...works));

  it('test_fail: 0 length', () => {
    const cqe_ret = test_vec(reinit_ring(), rw, iovecs(times({ off: 0, len: 0 }, 8)), true);
    expect(cqe_ret).toBeLessThanOrEqual(0);
  });

  it.each<[string, Vec]>([
    ['0 buf', { at: 0, len: 1 }],
    ['inv buf', { at: 0xffffffff, len: 1 }],
    ['inv buf underflow', { off: -1, len: 1 }],
    ['inv buf overflow', { off: size, len: 1 }],
  ])('test_fail: %s', (_, vec) => {
    // C accepts any error
    expect(test_vec(reinit_ring(), rw, iovecs([vec]), true)).toBe(-EFAULT);
  });
});

function test_readv_fixed(wanted: readonly Vec[]): void {
  const ring = reinit_ring();
  const into = iovecs(wanted);
  const total_len = wanted.reduce((sum, { len }) => sum + len, 0);
  const expected = Buffer.from(Array.from({ length: total_len }, (_, i) => i & 0xff));

  /* Write expected data to file */
  const filename = newPath('.readv_fixed');
  writeFileSync(filename, expected);
  const fd = open(filename, O_RDWR);
  expect(fd).toBeGreaterThanOrEqual(0);

  /* Clear registered buffer before reading into it */
  buf_wr.fill(0);

  /* Read using READV_FIXED */
  const { res } = complete(ring, (sqe) => io_uring_prep_readv_fixed(sqe, fd, into, into.length, 0, 0, BUF_BASE_IDX));
  close(fd);
  expect(res).toBe(total_len);

  /* Verify data across all iovec segments */
  expect(Buffer.compare(bytesOfAll(into), expected), 'data').toBe(0);
}

it('test_readv: single page', () => test_readv_fixed([iov_page]));
it('test_readv: multi-segment', () =>
  test_readv_fixed([0, 1, 2].map((page) => ({ off: page * page_sz, len: page_sz }))));
it('test_readv: unaligned', () => test_readv_fixed([{ off: 1, len: page_sz - 1 }]));
