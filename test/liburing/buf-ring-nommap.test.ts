/**
 * The port of liburing's test/buf-ring-nommap.c: test IOU_PBUF_RING_MMAP with a ring setup without
 * mmap'ing sq/cq arrays.
 */

import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_SETUP_NO_MMAP,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_MMAP,
  io_uring_buf_reg,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  io_uring_cqe_seen,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init_mem,
  io_uring_register_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, ENOMEM } from '../../src/linux.js';
import { stringOf, t_aligned_alloc } from './support/buffers.js';
import { close, pipe, write } from './support/files.js';
import { mapBufRing } from './support/mapped-buf-ring.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const bgid = 5;
const bid = 89;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  const buf = allocArray(32);

  const ring_mem = t_aligned_alloc(16384, 16384).fill(0);

  const p = newParams({ flags: IORING_SETUP_NO_MMAP });
  let ret = io_uring_queue_init_mem(1, ring, p, ring_mem, 16384);
  if (ret === -EINVAL || ret === -ENOMEM) skip('no IORING_SETUP_NO_MMAP');
  expect(ret).toBeGreaterThanOrEqual(0);

  expect(pipe(fds)).toBe(0);

  const reg = alloc(io_uring_buf_reg);
  reg.ring_entries = 1;
  reg.bgid = bgid;
  reg.flags = IOU_PBUF_RING_MMAP;
  const ring_mask = io_uring_buf_ring_mask(1);
  expect(ring_mask).toBe(0);

  ret = io_uring_register_buf_ring(ring, reg, 0);
  if (ret === -EINVAL) skip('no IOU_PBUF_RING_MMAP');
  expect(ret).toBe(0);

  const br = mapBufRing(ring, bgid, 1);
  io_uring_buf_ring_add(br.ring, buf, buf.length, bid, ring_mask, 0);
  io_uring_buf_ring_advance(br.ring, 1);
  br.publish();

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], null, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = bgid;

  io_uring_submit(ring);

  expect(write(fds[1], Buffer.from('Hello'), 5)).toBe(5);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  // C accepts what is not negative
  expect(cqe.value.res).toBe(5);
  expect(cqe.value.flags & IORING_CQE_F_BUFFER).not.toBe(0);
  expect(cqe.value.flags >>> IORING_CQE_BUFFER_SHIFT).toBe(bid);
  expect(stringOf(buf)).toBe('Hello');

  io_uring_cqe_seen(ring, cqe.value);

  br.unmap();
  for (const fd of fds) close(fd);
  io_uring_queue_exit(ring);
});
