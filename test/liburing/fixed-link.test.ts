/** The port of liburing's test/fixed-link.c: linked reads into registered buffers. */

import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IOSQE_IO_LINK,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_prep_read_fixed,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_sqe_set_data,
  io_uring_sqe_set_flags,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { O_RDONLY } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, open } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

const IOVECS_LEN = 2;
const str = '#include <errno.h>';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const data = allocString(str);

  const fd = open('/dev/zero', O_RDONLY);
  expect(fd).toBeGreaterThanOrEqual(0);

  expect(io_uring_queue_init(32, ring, 0)).toBe(0);

  const buffers = Array.from({ length: IOVECS_LEN }, () => allocArray(64).fill(0x55));
  const iovecs = iovecOf(...buffers);

  expect(io_uring_register_buffers(ring, iovecs, IOVECS_LEN)).toBe(0);

  for (let i = 0; i < IOVECS_LEN; ++i) {
    const sqe = get_sqe(ring);

    iovecs.at(i).iov_len = str.length;
    io_uring_prep_read_fixed(sqe, fd, iovecs.at(i).iov_base, str.length, 0, i);
    if (i === 0) io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
    io_uring_sqe_set_data(sqe, data);
  }

  expect(io_uring_submit_and_wait(ring, IOVECS_LEN)).toBe(IOVECS_LEN);

  for (let i = 0; i < IOVECS_LEN; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.res).toBe(iovecs.at(i).iov_len);
    // C sets the data, and does not check it
    expect(io_uring_cqe_get_data(cqe.value)).toBe(data.byteOffset);
    io_uring_cqe_seen(ring, cqe.value);
  }
  for (const buffer of buffers) expect(buffer.indexOf(0x55)).toBe(str.length);

  close(fd);
  io_uring_queue_exit(ring);
});
