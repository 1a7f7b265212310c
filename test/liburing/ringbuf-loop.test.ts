/**
 * The port of liburing's test/ringbuf-loop.c: test that having a command overwrite the provided ring
 * buffer itself doesn't impact committing of the received length at completion time.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_F_BUFFER,
  IORING_SETUP_NO_SQARRAY,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_INC,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_prep_recv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_setup_buf_ring,
  io_uring_submit_and_wait,
} from '../../src/c.js';
import { AF_UNIX, EINVAL, MSG_DONTWAIT, SOCK_DGRAM } from '../../src/linux.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newRing, waited } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair, send, socketpair } from './support/sockets.js';

const BGID = 0;
const RENTRIES = 2;
const RMASK = RENTRIES - 1;

it('main', () => {
  const ring = newRing();
  const err = allocArray(1, Int32Array);
  const fds = fdPair();

  const ret = io_uring_queue_init(1, ring, IORING_SETUP_NO_SQARRAY);
  if (ret === -EINVAL) skip('no IORING_SETUP_NO_SQARRAY');
  expect(ret).toBe(0);

  const br = io_uring_setup_buf_ring(ring, RENTRIES, BGID, IOU_PBUF_RING_INC, err);
  if (!br) {
    io_uring_queue_exit(ring);
    if (err[0] === -EINVAL) skip('no IOU_PBUF_RING_INC');
    throw new Error(`buffer ring register failed ${err[0]}`);
  }

  /*
   * Use the buffer ring itself as the provided buffer address. Once the
   * recv completes, it will have zero filled the buffer addr/len.
   */
  io_uring_buf_ring_add(br, br.address, 4096, 0, RMASK, 0);
  io_uring_buf_ring_advance(br, 1);

  expect(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds)).toBe(0);

  /*
   * Send zeroes, overwriting the buffer ring
   */
  const send_buf = allocArray(32);
  expect(send(fds[0], send_buf, 32, MSG_DONTWAIT)).toBe(32);

  /*
   * Do recv, picking the first buffer. When buffer is picked,
   * it's still fully valid. By the time it needs to get committed,
   * it will have invalid addr/len fields (all zeroes from the recv)
   */
  const sqe = get_sqe(ring);
  io_uring_prep_recv(sqe, fds[1], null, 0, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_index = BGID;

  io_uring_submit_and_wait(ring, 1);

  // C checks no result
  const cqe = newCqe();
  expect(waited(ring, cqe).res).toBe(32);
  expect(cqe.value.flags & IORING_CQE_F_BUFFER).toBe(IORING_CQE_F_BUFFER);
  io_uring_cqe_seen(ring, cqe.value);

  io_uring_free_buf_ring(ring, br, RENTRIES, BGID);
  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
});
