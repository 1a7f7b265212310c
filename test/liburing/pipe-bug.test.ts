/**
 * The port of liburing's test/pipe-bug.c: tests bug fixed in "io_uring: don't gate task_work run on
 * TIF_NOTIFY_SIGNAL". 1,000 rounds instead of C's 10,000.
 */
import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  free,
  io_uring_cqe_seen,
  io_uring_prep_close,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
  io_uring_wait_cqe_timeout,
} from '../../src/c.js';
import { ENOMEM } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { close, pipe } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { timespec, usleep } from './support/time.js';

function pipe_bug(): void {
  const ring = newRing();
  const cqe = newCqe();
  const buf = allocArray(1024);
  const fds = fdPair();
  const to = timespec(30);
  const foobar = allocString('foobar');

  const ret = io_uring_queue_init(8, ring, 0);
  /* can hit -ENOMEM due to repeated ring creation and teardowns */
  if (ret === -ENOMEM) {
    usleep(1000);
    return;
  }
  expect(ret).toBe(0);
  expect(pipe(fds)).toBe(0);

  /* WRITE */
  io_uring_prep_write(get_sqe(ring), fds[1], foobar, 6, 0); /* or -1 */
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
  expect(cqe.value.res).toBe(6);

  io_uring_cqe_seen(ring, cqe.value);

  /* CLOSE */
  io_uring_prep_close(get_sqe(ring), fds[1]);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe_timeout(ring, cqe, to)).toBe(0);
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);

  /* READ */
  io_uring_prep_read(get_sqe(ring), fds[0], buf, buf.length, 0); /* or -1 */
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe_timeout(ring, cqe, to)).toBe(0);
  expect(cqe.value.res).toBe(6);
  expect(stringOf(buf)).toBe('foobar');
  io_uring_cqe_seen(ring, cqe.value);
  buf.fill(0);

  /* READ */
  io_uring_prep_read(get_sqe(ring), fds[0], buf, buf.length, 0); /* or -1 */
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_wait_cqe_timeout(ring, cqe, to)).toBe(0);
  expect(cqe.value.res).toBe(0);
  io_uring_cqe_seen(ring, cqe.value);
  close(fds[0]);
  io_uring_queue_exit(ring);
  for (const block of [ring, cqe, buf, fds, to, foobar]) free(block);
}

it('pipe_bug', () => {
  for (let i = 0; i < 1000; i++) pipe_bug();
});
