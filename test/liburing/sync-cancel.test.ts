/** The port of liburing's test/sync-cancel.c: test io_uring_register_sync_cancel(). */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_OP,
  IORING_OP_READ,
  IOSQE_ASYNC,
  io_uring_cqe_seen,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_register_sync_cancel,
  io_uring_submit,
  io_uring_sync_cancel_reg,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, ETIME } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { pipe } from './support/files.js';
import { get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';
import { skip, skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { usleep } from './support/time.js';

const ring = newRing();
const cqe = newCqe();
const buf = allocArray(32);
const fds = fdPair();
beforeAll(() => expect(t_create_ring(7, ring, 0)).toBe(T_SETUP_OK));
afterAll(() => io_uring_queue_exit(ring));
beforeEach(() => {
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
});

function prep_reads(count: number, async: boolean): void {
  for (let i = 0; i < count; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_read(sqe, fds[0], buf, buf.length, 0);
    sqe.user_data = 0x89;
    if (async) sqe.flags |= IOSQE_ASYNC;
  }
  expect(io_uring_submit(ring)).toBe(count);
}

function canceled(count: number): void {
  for (let i = 0; i < count; i++) {
    /*
     * we could _almost_ use peek_cqe() here, but there is still
     * a small gap where io-wq is done with the request and on
     * its way to posting a completion, but hasn't done it just
     * yet. the request is canceled and won't be doing any IO
     * to buffers etc, but the cqe may not have quite arrived yet.
     */
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.user_data).toBe(0x89n);
    expect(cqe.value.res).toBeLessThan(0);
    io_uring_cqe_seen(ring, cqe.value);
  }
}

function test_sync_cancel_timeout(async: boolean): void {
  const reg = alloc(io_uring_sync_cancel_reg);
  prep_reads(1, async);
  usleep(10000);

  reg.flags = IORING_ASYNC_CANCEL_OP;
  reg.opcode = IORING_OP_READ;
  reg.timeout.tv_nsec = 1;
  const ret = io_uring_register_sync_cancel(ring, reg);
  /* earlier kernels had sync cancel, but not per-op */
  if (ret === -EINVAL) skipCase('no sync cancel per operation');
  /* we expect -ETIME here, but can race and get 0 */
  if (async) expect([-ETIME, 0]).toContain(ret);
  else expect(ret).toBeGreaterThanOrEqual(0);
  canceled(1);
}

function test_sync_cancel(async: boolean, nr_all: boolean, use_fd: boolean): void {
  const reg = alloc(io_uring_sync_cancel_reg);
  const to_prep = nr_all ? 4 : 1;
  prep_reads(to_prep, async);
  usleep(10000);

  if (!use_fd) reg.addr = 0x89;
  else reg.fd = fds[0];
  reg.timeout.tv_sec = 200;
  if (nr_all) reg.flags |= IORING_ASYNC_CANCEL_ALL;
  if (use_fd) reg.flags |= IORING_ASYNC_CANCEL_FD;
  const ret = io_uring_register_sync_cancel(ring, reg);
  if (ret === -EINVAL) skip('no sync cancel');
  expect(ret).toBeGreaterThanOrEqual(0);
  canceled(to_prep);
}

it.each([
  [false, false, false],
  [false, false, true],
  [true, false, false],
  [true, false, true],
  [false, true, false],
  [false, true, true],
  [true, true, false],
  [true, true, true],
])('test_sync_cancel, async %s, all %s, by fd %s', (async, nr_all, use_fd) => test_sync_cancel(async, nr_all, use_fd));

it.each([false, true])('test_sync_cancel_timeout, async %s', (async) => test_sync_cancel_timeout(async));
