/** The port of liburing's test/pipe-eof.c: test that closed pipe reads returns 0, instead of waiting for more data. */
import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  io_uring_cqe_seen,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { stringOf } from './support/buffers.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { pthread_create, pthread_join } from './support/thread.js';

const BUFSIZE = 512;

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const buf = allocArray(BUFSIZE);
  const fds = fdPair();
  const str = allocString('This is a test string');

  expect(pipe(fds)).toBe(0);
  expect(t_create_ring(8, ring, 0)).toBe(T_SETUP_OK);

  const thread = pthread_create(
    (library, d) => {
      const ret = library.syscall('write', d.fd, d.str, d.length);
      library.syscall('close', d.fd);
      return ret;
    },
    { fd: fds[1], str: str.byteOffset, length: str.length - 1 },
  );

  let text = '';
  for (;;) {
    io_uring_prep_read(get_sqe(ring), fds[0], buf, BUFSIZE, 0);
    expect(io_uring_submit(ring)).toBe(1);
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res } = cqe.value;
    io_uring_cqe_seen(ring, cqe.value);
    expect(res).toBeGreaterThanOrEqual(0);
    if (res === 0) break;
    text += stringOf(buf.subarray(0, res));
  }

  expect(text).toBe('This is a test string');
  expect(pthread_join(thread)).toBe(str.length - 1);
  io_uring_queue_exit(ring);
  close(fds[0]);
});
