/** The port of liburing's test/ringbuf-status.c: test reading provided ring buf head. */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IOSQE_BUFFER_SELECT,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_available,
  io_uring_buf_ring_head,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, ENOENT } from '../../src/linux.js';
import { t_aligned_alloc } from './support/buffers.js';
import { close, pipe, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const BUF_SIZE = 32;
const NR_BUFS = 8;
const FSIZE = BUF_SIZE * NR_BUFS;

const BR_MASK = NR_BUFS - 1;
const BGID = 1;

const err = allocArray(1, Int32Array);

it('test_max', () => {
  const ring = newRing();
  const nr_bufs = 32768;

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);
  const buf = t_aligned_alloc(4096, FSIZE);

  const br = io_uring_setup_buf_ring(ring, nr_bufs, BGID, 0, err);
  if (!br) throw new Error(`Buffer ring register failed ${err[0]}`);

  expect(io_uring_buf_ring_available(ring, br, BGID)).toBe(0);

  for (let i = 0; i < nr_bufs / 2; i++) io_uring_buf_ring_add(br, buf, BUF_SIZE, i + 1, nr_bufs - 1, i);
  io_uring_buf_ring_advance(br, nr_bufs / 2);

  expect(io_uring_buf_ring_available(ring, br, BGID)).toBe(nr_bufs / 2);

  for (let i = 0; i < nr_bufs / 2; i++) io_uring_buf_ring_add(br, buf, BUF_SIZE, i + 1, nr_bufs - 1, i);
  io_uring_buf_ring_advance(br, nr_bufs / 2);

  expect(io_uring_buf_ring_available(ring, br, BGID)).toBe(nr_bufs);

  expect(io_uring_free_buf_ring(ring, br, nr_bufs, BGID)).toBe(0);
  io_uring_queue_exit(ring);
});

function test(invalid: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  const head = allocArray(1, Uint16Array);
  const output = allocArray(16).fill(0x55);

  expect(io_uring_queue_init(NR_BUFS, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);
  const buf = t_aligned_alloc(4096, FSIZE);

  const br = io_uring_setup_buf_ring(ring, NR_BUFS, BGID, 0, err);
  if (!br) {
    if (err[0] === -EINVAL) skip('no buffer rings');
    throw new Error(`Buffer ring register failed ${err[0]}`);
  }

  for (let i = 0; i < NR_BUFS; i++) {
    io_uring_buf_ring_add(br, buf.subarray(i * BUF_SIZE), BUF_SIZE, i + 1, BR_MASK, i);
  }
  io_uring_buf_ring_advance(br, NR_BUFS);

  /* head should be zero at this point */
  head[0] = 1;
  let ret = io_uring_buf_ring_head(ring, invalid ? BGID + 10 : BGID, head);
  if (ret === -EINVAL) skip('no IORING_REGISTER_PBUF_STATUS');
  if (invalid) {
    expect(ret).toBe(-ENOENT);
    for (const fd of fds) close(fd);
    io_uring_queue_exit(ring);
    return;
  }
  expect(ret).toBe(0);
  expect(head[0]).toBe(0);

  expect(io_uring_buf_ring_available(ring, br, BGID)).toBe(NR_BUFS);

  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], null, BUF_SIZE, NR_BUFS * BUF_SIZE);
  sqe.buf_group = BGID;
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  /* head should still be zero at this point, no buffers consumed */
  head[0] = 1;
  ret = io_uring_buf_ring_head(ring, BGID, head);
  expect(ret).toBe(0);
  expect(head[0]).toBe(0);

  expect(write(fds[1], output, output.length)).toBe(output.length);

  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(output.length);
  expect(cqe.value.flags & IORING_CQE_F_BUFFER).toBe(IORING_CQE_F_BUFFER);
  // C does not check the buffer: the first, with what was written
  expect(cqe.value.flags >>> IORING_CQE_BUFFER_SHIFT).toBe(1);
  expect(buf.subarray(0, output.length)).toEqual(output);
  io_uring_cqe_seen(ring, cqe.value);

  /* head should now be one, we consumed a buffer */
  ret = io_uring_buf_ring_head(ring, BGID, head);
  expect(ret).toBe(0);
  expect(head[0]).toBe(1);

  expect(io_uring_buf_ring_available(ring, br, BGID)).toBe(NR_BUFS - 1);

  close(fds[0]);
  close(fds[1]);
  io_uring_queue_exit(ring);
}

it('test(0)', () => test(false));
it('test(1)', () => test(true));
