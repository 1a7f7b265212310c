/** The port of liburing's test/regbuf-clone.c: test buffer cloning between rings. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type Address,
  alloc,
  allocArray,
  IORING_REGISTER_DST_REPLACE,
  type io_uring,
  io_uring_clone_buffers,
  io_uring_clone_buffers_offset,
  io_uring_prep_read_fixed,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_register_buffers_sparse,
  io_uring_register_buffers_update_tag,
  io_uring_register_ring_fd,
  io_uring_submit,
  io_uring_unregister_buffers,
  iovec,
  type StructArray,
} from '../../src/c.js';
import {
  EBUSY,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENXIO,
  EOVERFLOW,
  MAP_ANONYMOUS,
  MAP_HUGETLB,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from '../../src/linux.js';
import { iovecOf, t_aligned_alloc } from './support/buffers.js';
import { atEnd } from './support/clean.js';
import { close, pipe, write } from './support/files.js';
import { get_sqe, newRing, next } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { syscall } from './support/syscall.js';

const NR_VECS = 64;
const BUF_SIZE = 8192;

/** Reads what the kernel says of a ring, as C does: it must not trip over its buffers. */
const fdinfo_read = (ring: io_uring): string => readFileSync(`/proc/self/fdinfo/${ring.ring_fd}`, 'utf8');

function use_buf(ring: io_uring, addr: Address, index: number): number {
  const src_buf = allocArray(32).fill(0xbb);
  const fds = fdPair();

  expect(fdinfo_read(ring)).toContain('UserBufs');

  expect(pipe(fds)).toBe(0);

  io_uring_prep_read_fixed(get_sqe(ring), fds[0], addr, src_buf.length, 0, index);
  io_uring_submit(ring);

  expect(write(fds[1], src_buf, src_buf.length)).toBe(src_buf.length);

  const { res } = next(ring);
  for (const fd of fds) close(fd);
  if (res < 0) return res;
  // C does not check its result
  expect(res).toBe(src_buf.length);
  return 0;
}

it('test_merge', () => {
  const size = 2 * 1024 * 1024;
  const MAP_HUGE_2MB = 21 << 26;
  const flags = MAP_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB | MAP_ANONYMOUS;
  const p1 = syscall('mmap', null, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (p1 < 0) skipSilently('no huge pages');
  atEnd(() => syscall('munmap', p1, size));

  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  const vecs = alloc(iovec, 8);
  let ret = io_uring_register_buffers(ring, vecs, 8);
  if (ret === -EINVAL) skipSilently('no empty buffers');
  expect(ret).toBe(0);

  vecs.at(0).iov_base = p1;
  vecs.at(0).iov_len = 4096;
  vecs.at(1).iov_base = p1 + 4096;
  vecs.at(1).iov_len = 4096;

  const tags = allocArray(2, BigUint64Array);
  tags.set([1n, 2n]);
  ret = io_uring_register_buffers_update_tag(ring, 4, vecs, tags, 2);
  if (ret === -EINVAL) skipSilently('no tags');
  expect(ret).toBeGreaterThanOrEqual(0);
});

function rings(): { src: io_uring; dst: io_uring } {
  const src = newRing();
  const dst = newRing();
  expect(io_uring_queue_init(1, src, 0)).toBe(0);
  expect(io_uring_queue_init(1, dst, 0)).toBe(0);
  return { src, dst };
}

/** NR_VECS buffers. */
const buffers = (): StructArray<iovec> =>
  iovecOf(...Array.from({ length: NR_VECS }, () => t_aligned_alloc(4096, BUF_SIZE)));

const base = (vecs: StructArray<iovec>, index: number): number => vecs.at(index).iov_base;

function test(reg_src: boolean, reg_dst: boolean): void {
  const { src, dst } = rings();
  for (const ring of [...(reg_src ? [src] : []), ...(reg_dst ? [dst] : [])]) {
    const ret = io_uring_register_ring_fd(ring);
    if (ret === -EINVAL) skip('no registered rings');
    expect(ret).toBe(1);
  }

  /* test fail with no buffers in src */
  let ret = io_uring_clone_buffers(dst, src);
  /* no buffer copy support */
  if (ret === -EINVAL) skip('no clones of buffers');
  expect(ret).toBe(-ENXIO);

  const vecs = buffers();
  ret = io_uring_register_buffers(src, vecs, NR_VECS);
  if (ret === -ENOMEM) skip('not enough memory to be locked');
  expect(ret).toBe(0);

  expect(use_buf(src, base(vecs, 0), 0)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(-EFAULT);

  /* copy should work now */
  expect(io_uring_clone_buffers(dst, src)).toBe(0);

  const half = NR_VECS / 2;
  expect(use_buf(dst, base(vecs, half), half)).toBe(0);

  /* try copy again, should get -EBUSY */
  expect(io_uring_clone_buffers(dst, src)).toBe(-EBUSY);

  expect(io_uring_unregister_buffers(dst)).toBe(0);

  expect(use_buf(dst, base(vecs, half), half)).toBe(-EFAULT);

  expect(io_uring_unregister_buffers(dst)).toBe(-ENXIO);

  expect(use_buf(src, base(vecs, half), half)).toBe(0);

  expect(io_uring_unregister_buffers(src)).toBe(0);

  expect(use_buf(src, base(vecs, half), half)).toBe(-EFAULT);

  expect(io_uring_register_buffers(dst, vecs, NR_VECS)).toBe(0);

  expect(io_uring_clone_buffers(src, dst)).toBe(0);

  expect(io_uring_unregister_buffers(dst)).toBe(0);

  expect(io_uring_unregister_buffers(dst)).toBe(-ENXIO);

  expect(io_uring_unregister_buffers(src)).toBe(0);

  io_uring_queue_exit(src);
  io_uring_queue_exit(dst);
}

it('test 0 0', () => test(false, false));
it('test 0 1', () => test(false, true));
it('test 1 0', () => test(true, false));
it('test 1 1', () => test(true, true));

it('test_dummy', () => {
  const vec = alloc(iovec, 1);
  const { src, dst } = rings();

  expect(io_uring_register_buffers(src, vec, 1)).toBe(0);

  expect(io_uring_clone_buffers(dst, src)).toBe(0);

  expect(io_uring_unregister_buffers(src)).toBe(0);
  expect(io_uring_unregister_buffers(dst)).toBe(0);

  io_uring_queue_exit(src);
  io_uring_queue_exit(dst);
});

it('test_offsets', () => {
  const { src, dst } = rings();
  const vecs = buffers();
  const clone = (src_off: number, dst_off: number, nr: number, flags: number): number =>
    io_uring_clone_buffers_offset(dst, src, dst_off, src_off, nr, flags);

  let ret = io_uring_register_buffers(src, vecs, NR_VECS);
  if (ret === -ENOMEM) skipSilently('not enough memory to be locked');
  expect(ret).toBe(0);

  /* clone half the buffers, src offset 0, but ask for too many */
  ret = clone(NR_VECS / 2, 0, NR_VECS, 0);
  if (ret === -EINVAL) skipSilently('no offsets');
  expect(ret).toBe(-EOVERFLOW);

  /* ask for too many buffers */
  expect(clone(0, 0, NR_VECS + 1, 0)).toBe(-EINVAL);

  /* clone half the buffers into start of src offset */
  const nr = NR_VECS / 2;
  expect(clone(nr, 0, nr, 0)).toBe(0);

  /* 'nr' offset should be 0 on the src side */
  expect(use_buf(dst, base(vecs, nr), 0)).toBe(0);

  expect(io_uring_unregister_buffers(dst)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(-EFAULT);

  /* clone half the buffers into middle of src offset */
  expect(clone(nr, nr, nr, 0)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(-EFAULT);

  expect(use_buf(dst, base(vecs, nr), nr)).toBe(0);

  expect(io_uring_unregister_buffers(dst)).toBe(0);

  /* clone buffers, but specify overflowing dst offset */
  expect(clone(0xffffffff - 32, 0, NR_VECS, 0)).toBe(-EOVERFLOW);

  /* clone half the buffers into middle of src offset */
  expect(clone(nr, nr, nr, 0)).toBe(0);

  expect(use_buf(dst, base(vecs, nr), nr)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(-EFAULT);

  /* should get -EBUSY now, REPLACE not set */
  expect(clone(nr, nr, nr, 0)).toBe(-EBUSY);

  /* now replace the initial 0..n in dst (which are dummy nodes) */
  expect(clone(0, 0, nr, IORING_REGISTER_DST_REPLACE)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(0);

  expect(io_uring_unregister_buffers(dst)).toBe(0);

  expect(io_uring_register_buffers_sparse(dst, NR_VECS)).toBe(0);

  /* dst has a full sparse table, replace first NR_VECS / 2 with bufs */
  expect(clone(0, 0, nr, 0)).toBe(-EBUSY);

  expect(clone(0, 0, nr, IORING_REGISTER_DST_REPLACE)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(0);

  /* now expand existing dst table, from to NR_VECS + NR_VECS / 2 */
  expect(clone(0, NR_VECS / 2, NR_VECS, IORING_REGISTER_DST_REPLACE)).toBe(0);

  expect(use_buf(dst, base(vecs, 0), 0)).toBe(0);

  expect(use_buf(dst, base(vecs, NR_VECS - 1), NR_VECS + NR_VECS / 2 - 1)).toBe(0);

  expect(use_buf(dst, base(vecs, NR_VECS / 2), NR_VECS)).toBe(0);

  io_uring_queue_exit(src);
  io_uring_queue_exit(dst);
});

it('test_same', () => {
  const src = newRing();
  const vecs = alloc(iovec, 2);

  expect(io_uring_queue_init(1, src, 0)).toBe(0);

  vecs.at(0).iov_base = t_aligned_alloc(4096, BUF_SIZE);
  vecs.at(0).iov_len = BUF_SIZE;

  expect(io_uring_register_buffers(src, vecs, 2)).toBe(0);

  expect(io_uring_clone_buffers_offset(src, src, 1, 0, 2, IORING_REGISTER_DST_REPLACE)).toBe(0);

  // C does not check the copy
  expect(use_buf(src, base(vecs, 0), 1)).toBe(0);

  expect(io_uring_unregister_buffers(src)).toBe(0);

  io_uring_queue_exit(src);
});
