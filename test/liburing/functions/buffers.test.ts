/** Registered and provided buffers: functions that no port calls. */
import { readFileSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import {
  __io_uring_buf_ring_cq_advance,
  __io_uring_clone_buffers,
  __io_uring_clone_buffers_offset,
  allocArray,
  allocString,
  IORING_CQE_BUFFER_SHIFT,
  IORING_OP_READV_FIXED,
  IORING_REGISTER_DST_REPLACE,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  type io_uring,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_available,
  io_uring_buf_ring_cq_advance,
  io_uring_buf_ring_mask,
  io_uring_clone_buffers,
  io_uring_clone_buffers_offset,
  io_uring_cq_ready,
  io_uring_free_buf_ring,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_opcode_supported,
  io_uring_prep_nop,
  io_uring_prep_provide_buffers,
  io_uring_prep_read,
  io_uring_prep_read_fixed,
  io_uring_prep_readv_fixed,
  io_uring_prep_remove_buffers,
  io_uring_prep_writev_fixed,
  io_uring_register_buffers,
  io_uring_register_buffers_sparse,
  io_uring_register_buffers_tags,
  io_uring_register_buffers_update_tag,
  io_uring_register_files_sparse,
  io_uring_register_files_update_tag,
  io_uring_setup_buf_ring,
  io_uring_sqe_set_buf_group,
  io_uring_submit,
  io_uring_unregister_buffers,
  io_uring_unregister_files,
} from '../../../src/c.js';
import { EBUSY, EFAULT, EINVAL, ENOBUFS, ENOENT, EOVERFLOW, O_CREAT, O_RDWR } from '../../../src/linux.js';
import { iovecOf, stringOf } from '../support/buffers.js';
import { atEnd, closing } from '../support/clean.js';
import { newPath, open, pipe, read, write } from '../support/files.js';
import { type Completion, complete, get_sqe, next, openRing } from '../support/rings.js';
import { lacking } from '../support/skip.js';
import { fdPair } from '../support/sockets.js';

const err = allocArray(1, Int32Array);
const fds = fdPair();
beforeEach(() => {
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
});

function bufRing(
  ring: io_uring,
  count: number,
  bgid: number,
  size: number,
): { br: io_uring_buf_ring; buf: Uint8Array } {
  const br = io_uring_setup_buf_ring(ring, count, bgid, 0, err);
  if (!br) throw new Error(`no buffer ring: ${err[0]}`);
  const buf = allocArray(count * size);
  for (let i = 0; i < count; i++) io_uring_buf_ring_add(br, buf.subarray(i * size), size, i, count - 1, i);
  return { br, buf };
}

it.each([
  { name: 'io_uring_buf_ring_cq_advance', cq: 2, bufs: 2 },
  { name: '__io_uring_buf_ring_cq_advance', cq: 1, bufs: 3 },
])('$name', ({ name, cq, bufs }) => {
  const ring = openRing();
  const { br } = bufRing(ring, 4, 1, 32);
  for (let i = 0; i < 3; i++) io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit(ring)).toBe(3);
  expect(io_uring_cq_ready(ring)).toBe(3);
  expect(io_uring_buf_ring_available(ring, br, 1)).toBe(0);
  if (name === 'io_uring_buf_ring_cq_advance') io_uring_buf_ring_cq_advance(ring, br, cq);
  else __io_uring_buf_ring_cq_advance(ring, br, cq, bufs);
  expect(io_uring_cq_ready(ring)).toBe(3 - cq);
  expect(io_uring_buf_ring_available(ring, br, 1)).toBe(bufs);
});

it('io_uring_buf_ring_add, one at a time', () => {
  const ring = openRing();
  const br = io_uring_setup_buf_ring(ring, 4, 1, 0, err);
  if (!br) throw new Error(`no buffer ring: ${err[0]}`);
  atEnd(() => io_uring_free_buf_ring(ring, br, 4, 1));
  const buf = allocArray(3 * 4);
  for (let i = 0; i < 3; i++) {
    io_uring_buf_ring_add(br, buf.subarray(4 * i), 4, 10 + i, io_uring_buf_ring_mask(4), 0);
    io_uring_buf_ring_advance(br, 1);
  }
  expect(write(fds[1], allocString('onetwo++last'), 12)).toBe(12);
  for (let i = 0; i < 3; i++) {
    const { res, flags } = complete(ring, (sqe) => {
      io_uring_prep_read(sqe, fds[0], null, 4, 0);
      sqe.flags |= IOSQE_BUFFER_SELECT;
      io_uring_sqe_set_buf_group(sqe, 1);
    });
    expect([res, flags >>> IORING_CQE_BUFFER_SHIFT]).toEqual([4, 10 + i]);
  }
  expect(stringOf(buf)).toBe('onetwo++last');
});

/** A ring with two registered buffers. */
function source(): { src: io_uring; buffers: readonly [Uint8Array, Uint8Array] } {
  const src = openRing();
  const buffers = [allocArray(64), allocArray(64)] as const;
  expect(io_uring_register_buffers(src, iovecOf(...buffers), 2)).toBe(0);
  return { src, buffers };
}

/** Reads a text into a ring's registered buffer: -errno, or what has arrived there. */
function readInto(ring: io_uring, buffer: Uint8Array, index: number): string | number {
  buffer.fill(0);
  expect(write(fds[1], allocString('clone'), 5)).toBe(5);
  const { res } = complete(ring, (sqe) => io_uring_prep_read_fixed(sqe, fds[0], buffer, 5, 0, index));
  if (res < 0) expect(read(fds[0], allocArray(5), 5)).toBe(5);
  return res < 0 ? res : stringOf(buffer);
}

it('io_uring_clone_buffers', () => {
  const { src, buffers } = source();
  const dst = openRing();
  expect(readInto(dst, buffers[1], 1)).toBe(-EFAULT);
  expect(io_uring_clone_buffers(dst, src)).toBe(0);
  expect(readInto(dst, buffers[1], 1)).toBe('clone');
});

it('__io_uring_clone_buffers', () => {
  const { src, buffers } = source();
  const dst = openRing();
  // a registered ring has to be told from a descriptor
  expect(__io_uring_clone_buffers(dst, src, 0x8000)).toBe(-EINVAL);
  expect(__io_uring_clone_buffers(dst, src, 0)).toBe(0);
  expect(__io_uring_clone_buffers(dst, src, 0)).toBe(-EBUSY);
  expect(__io_uring_clone_buffers(dst, src, IORING_REGISTER_DST_REPLACE)).toBe(0);
  expect(readInto(dst, buffers[0], 0)).toBe('clone');
});

it.each([
  { name: 'io_uring_clone_buffers_offset', clone: io_uring_clone_buffers_offset },
  { name: '__io_uring_clone_buffers_offset', clone: __io_uring_clone_buffers_offset },
])('$name', ({ clone }) => {
  const { src, buffers } = source();
  const dst = openRing();
  // the source's second becomes the destination's fourth
  expect(clone(dst, src, 3, 1, 1, 0)).toBe(0);
  expect(readInto(dst, buffers[1], 3)).toBe('clone');
  expect(readInto(dst, buffers[1], 1)).toBe(-EFAULT);
  expect(readInto(dst, buffers[0], 3)).toBe(-EFAULT);
  expect(clone(dst, src, 0, 1, 2, IORING_REGISTER_DST_REPLACE)).toBe(-EOVERFLOW);
});

it('io_uring_register_buffers_sparse, _update_tag', () => {
  const ring = openRing();
  const buffer = allocArray(64);
  expect(io_uring_register_buffers_sparse(ring, 4)).toBe(0);
  expect(readInto(ring, buffer, 2)).toBe(-EFAULT);
  expect(io_uring_register_buffers_update_tag(ring, 2, iovecOf(buffer), BigUint64Array.of(77n), 1)).toBe(1);
  expect(readInto(ring, buffer, 2)).toBe('clone');
  expect(io_uring_register_buffers_update_tag(ring, 4, iovecOf(buffer), BigUint64Array.of(0n), 1)).toBe(-EINVAL);
  expect(io_uring_unregister_buffers(ring)).toBe(0);
  // the kernel posts the tag of a buffer that was replaced
  expect(next(ring)).toMatchObject({ user_data: 77n, res: 0 });
});

it('io_uring_register_buffers_tags', () => {
  const ring = openRing();
  const buffers = [allocArray(64), allocArray(64)] as const;
  expect(io_uring_register_buffers_tags(ring, iovecOf(...buffers), BigUint64Array.of(5n, 6n), 2)).toBe(0);
  expect(readInto(ring, buffers[1], 1)).toBe('clone');
  expect(io_uring_unregister_buffers(ring)).toBe(0);
  expect([next(ring).user_data, next(ring).user_data].sort()).toEqual([5n, 6n]);
});

it('io_uring_register_files_update_tag', () => {
  const ring = openRing();
  const buf = allocArray(8);
  expect(io_uring_register_files_sparse(ring, 4)).toBe(0);
  expect(io_uring_register_files_update_tag(ring, 2, Int32Array.of(fds[0]), BigUint64Array.of(9n), 1)).toBe(1);
  expect(io_uring_register_files_update_tag(ring, 4, Int32Array.of(fds[0]), BigUint64Array.of(0n), 1)).toBe(-EINVAL);
  expect(write(fds[1], allocString('slot'), 4)).toBe(4);
  const { res } = complete(ring, (sqe) => {
    io_uring_prep_read(sqe, 2, buf, 8, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
  });
  expect(res).toBe(4);
  expect(io_uring_unregister_files(ring)).toBe(0);
  expect(next(ring)).toMatchObject({ user_data: 9n, res: 0 });
});

it('io_uring_prep_readv_fixed, io_uring_prep_writev_fixed', () => {
  const ring = openRing();
  const buffer = allocArray(64);
  const path = newPath();
  const fd = closing(open(path, O_RDWR | O_CREAT, 0o600));
  buffer.set(Buffer.from('0123456789'));
  const probe = io_uring_get_probe_ring(ring);
  const supported = probe !== null && io_uring_opcode_supported(probe, IORING_OP_READV_FIXED);
  if (probe) io_uring_free_probe(probe);
  if (!supported) return lacking('no vectored operations with registered buffers');
  expect(io_uring_register_buffers_sparse(ring, 4)).toBe(0);
  expect(io_uring_register_buffers_update_tag(ring, 3, iovecOf(buffer), null, 1)).toBe(1);
  const parts = iovecOf(buffer.subarray(6, 9), buffer.subarray(0, 2));
  expect(complete(ring, (sqe) => io_uring_prep_writev_fixed(sqe, fd, parts, 2, 4, 0, 3)).res).toBe(5);
  expect(readFileSync(path, 'latin1')).toBe('\0\0\0\x0067801');
  const back = iovecOf(buffer.subarray(20, 22), buffer.subarray(30, 33));
  expect(complete(ring, (sqe) => io_uring_prep_readv_fixed(sqe, fd, back, 2, 4, 0, 3)).res).toBe(5);
  expect([stringOf(buffer.subarray(20, 22)), stringOf(buffer.subarray(30, 33))]).toEqual(['67', '801']);
  expect(complete(ring, (sqe) => io_uring_prep_readv_fixed(sqe, fd, back, 2, 4, 0, 0)).res).toBe(-EFAULT);
  expect(complete(ring, (sqe) => io_uring_prep_writev_fixed(sqe, fd, back, 2, 4, 0, 0)).res).toBe(-EFAULT);
  expect(complete(ring, (sqe) => io_uring_prep_readv_fixed(sqe, fd, back, 2, 4, 0x800000, 3)).res).toBeLessThan(0);
  expect(complete(ring, (sqe) => io_uring_prep_writev_fixed(sqe, fd, back, 2, 4, 0x800000, 3)).res).toBeLessThan(0);
});

it('io_uring_prep_provide_buffers, io_uring_prep_remove_buffers, io_uring_sqe_set_buf_group', () => {
  const ring = openRing();
  const buf = allocArray(3 * 16);
  expect(complete(ring, (sqe) => io_uring_prep_provide_buffers(sqe, buf, 16, 3, 7, 40)).res).toBeGreaterThanOrEqual(0);
  const select = (group: number): Completion =>
    complete(ring, (sqe) => {
      io_uring_prep_read(sqe, fds[0], null, 16, 0);
      sqe.flags |= IOSQE_BUFFER_SELECT;
      io_uring_sqe_set_buf_group(sqe, group);
    });
  expect(write(fds[1], allocString('provided'), 8)).toBe(8);
  const { res, flags } = select(7);
  expect(res).toBe(8);
  const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
  expect([40, 41, 42]).toContain(bid);
  expect(stringOf(buf.subarray((bid - 40) * 16))).toBe('provided');
  expect(select(8).res).toBe(-ENOBUFS);
  expect(complete(ring, (sqe) => io_uring_prep_remove_buffers(sqe, 1, 7)).res).toBe(1);
  expect(complete(ring, (sqe) => io_uring_prep_remove_buffers(sqe, 9, 7)).res).toBe(1);
  expect(complete(ring, (sqe) => io_uring_prep_remove_buffers(sqe, 9, 8)).res).toBe(-ENOENT);
});
