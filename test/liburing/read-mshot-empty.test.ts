/**
 * The port of liburing's test/read-mshot-empty.c: test that multishot read correctly keeps reading until
 * all data has been emptied. the original implementation failed to do so, if the available buffer size was
 * less than what was available, hence requiring multiple reads to empty the file buffer.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_peek_cqe,
  io_uring_prep_read_multishot,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADF, EINVAL } from '../../src/linux.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { pthread_create, pthread_join } from './support/thread.js';

const BGID = 17;
const NR_BUFS = 4;
const BR_MASK = NR_BUFS - 1;

const BUF_SIZE = 32;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  const err = allocArray(1, Int32Array);

  expect(pipe(fds)).toBe(0);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const br = io_uring_setup_buf_ring(ring, NR_BUFS, BGID, 0, err);
  if (!br) {
    if (err[0] === -EINVAL) skip('no buffer rings');
    throw new Error(`Buffer ring register failed ${err[0]}`);
  }

  const buf = allocArray(NR_BUFS * BUF_SIZE);
  for (let i = 0; i < NR_BUFS; i++) {
    io_uring_buf_ring_add(br, buf.subarray(i * BUF_SIZE), BUF_SIZE, i, BR_MASK, i);
  }
  io_uring_buf_ring_advance(br, NR_BUFS);

  const sqe = get_sqe(ring);
  io_uring_prep_read_multishot(sqe, fds[0], 0, 0, BGID);

  expect(io_uring_submit(ring)).toBe(1);

  /*
   * read multishot not available would be ready as a cqe when
   * submission returns, check and skip if not.
   */
  if (!io_uring_peek_cqe(ring, cqe) && [-EINVAL, -EBADF].includes(cqe.value.res)) skip('no multishot read');

  const thread = pthread_create(
    (thread_library, { fd, w1, w2, size }) => {
      const do_write = (from: number): boolean => thread_library.syscall('write', fd, from, size) === size;
      if (!do_write(w1) || !do_write(w2)) return 1;
      thread_library.usleep(100000);
      return do_write(w1) && do_write(w2) ? 0 : 1;
    },
    {
      fd: fds[1],
      w1: allocArray(BUF_SIZE).fill(0x11).byteOffset,
      w2: allocArray(BUF_SIZE).fill(0x22).byteOffset,
      size: BUF_SIZE,
    },
  );

  for (let i = 0; i < 4; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res, flags } = cqe.value;
    expect(res).toBe(BUF_SIZE);
    expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);
    expect(flags & IORING_CQE_F_MORE).not.toBe(0);
    const buf_index = flags >>> 16;
    expect(buf_index).toBe(i);
    // C does not check the contents
    expect(new Set(buf.subarray(i * BUF_SIZE, (i + 1) * BUF_SIZE))).toEqual(new Set([i % 2 ? 0x22 : 0x11]));
    io_uring_cqe_seen(ring, cqe.value);
  }

  expect(pthread_join(thread)).toBe(0);
  io_uring_free_buf_ring(ring, br, NR_BUFS, BGID);
  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
});
