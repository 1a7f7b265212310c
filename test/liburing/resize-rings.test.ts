/**
 * The port of liburing's test/resize-rings.c: test sq/cq ring resizing. A file instead of C's disk, which it
 * only has if it is given one, and 2 MB of it instead of 64. Without test_mmap_race, whose forked processes
 * map the ring and write to it: it asserts nothing, and the ring's memory is the window's here.
 */

import { describe, expect, it } from 'vitest';
import {
  allocArray,
  free,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  type io_uring,
  io_uring_cq_advance,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_get_sqe,
  type io_uring_params,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_queue_init_params,
  io_uring_resize_rings,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EINVAL, ENOMEM, EOVERFLOW, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { bytesOf, t_create_buffers } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { close, newPath, open, pipe, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, next } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { pthread_create, pthread_join } from './support/thread.js';

const NVECS = 128;

const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

const newSizes = (sq_entries: number, cq_entries: number): io_uring_params => newParams({ sq_entries, cq_entries });

/** Resizes a ring while requests complete, to the next of the sizes if it can. */
function resize_on(ring: io_uring, p: io_uring_params): void {
  const ret = io_uring_resize_rings(ring, p);
  if (ret === -EOVERFLOW) return;
  expect(ret).toBe(0);
  if (p.sq_entries === 32) p.sq_entries = 64;
  else if (p.sq_entries === 64) p.sq_entries = 16;
  else p.sq_entries = 32;
  if (p.cq_entries === 128) p.cq_entries = 256;
  else p.cq_entries = 128;
}

/** What test_pipes and test_reads have in common: as many requests as fit, and resizes while they complete. */
function round(
  ring: io_uring,
  p: io_uring_params,
  first: bigint,
  want: number,
  prep: (sqe: io_uring_sqe) => void,
): number {
  const cqe = newCqe();
  let ud = first;
  let i = 0;
  for (; i < want; i++) {
    const sqe = io_uring_get_sqe(ring);
    /* resized smaller */
    if (!sqe) break;
    prep(sqe);
    sqe.user_data = ++ud;
  }
  if (io_uring_submit(ring) !== i) expect.fail('submit');

  // C accepts each of them any number of times, and the one before
  const seen = new Set<bigint>();
  for (let done = 0; done < i; done++) {
    if (done === 0) {
      expect([0, -EOVERFLOW]).toContain(io_uring_resize_rings(ring, p));
      p.sq_entries = 32;
      p.cq_entries = 128;
    }
    if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait cqe');
    const { res, user_data } = cqe.value;
    if (res < 0) expect.fail(`cqe res ${res}`);
    if (user_data <= first || user_data > ud) expect.fail(`user_data ${user_data} out of range`);
    seen.add(user_data);
    io_uring_cqe_seen(ring, cqe.value);
    if (!(done % 17)) resize_on(ring, p);
  }
  expect(seen.size).toBe(i);
  free(cqe);
  return i;
}

function test_pipes(ring: io_uring, async: boolean): void {
  const p = newSizes(128, 128);
  const fds = fdPair();
  const buffer = allocArray(8);
  const words = allocArray(8).fill(0x5a);
  const nr_writes = 4096;

  expect(io_uring_resize_rings(ring, p)).toBe(0);

  expect(pipe(fds)).toBe(0);

  /*
   * Put NVECS inflight, then resize while waiting. Repeat until
   * 'to_read' has been read.
   */
  p.sq_entries = 64;
  p.cq_entries = 256;

  const thread = pthread_create(
    ({ syscall, usleep }, { fd, address, count }) => {
      usleep(10000);
      for (let left = count; left > 0; left--) {
        if (syscall('write', fd, address, 8) !== 8) return 1;
        usleep(5);
      }
      return 0;
    },
    { fd: fds[1], address: words.byteOffset, count: nr_writes },
  );

  let ud = 0;
  for (let to_read = nr_writes - 128; to_read > 0; ) {
    const done = round(ring, p, BigInt(ud), Math.min(NVECS, to_read), (sqe) => {
      io_uring_prep_read(sqe, fds[0], buffer, buffer.length, 0);
      if (async) sqe.flags |= IOSQE_ASYNC;
    });
    ud += done;
    to_read -= done;
  }

  expect(pthread_join(thread)).toBe(0);
  // C does not check it
  expect(buffer.every((byte) => byte === 0x5a)).toBe(true);
  for (const fd of fds) close(fd);
}

function test_reads(ring: io_uring, async: boolean): void {
  const p = newSizes(128, 128);
  const total = 2 * 1024 * 1024;
  const fname = newPath('disk');
  t_create_file(fname, 2 * total);
  const fd = open(fname, O_RDONLY | O_DIRECT);
  if (fd === -EINVAL) skipSilently('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);
  closing(fd);

  expect(io_uring_resize_rings(ring, p)).toBe(0);

  const vecs = t_create_buffers(NVECS, 4096);

  /*
   * Put NVECS inflight, then resize while waiting. Repeat until
   * 'to_read' has been read.
   */
  p.sq_entries = 64;
  p.cq_entries = 256;
  let offset = 0;
  let ud = 0;
  for (let to_read = total; to_read > 0; ) {
    let i = 0;
    const done = round(ring, p, BigInt(ud), NVECS, (sqe) => {
      const { iov_base, iov_len } = vecs.at(i++);
      io_uring_prep_read(sqe, fd, iov_base, iov_len, offset);
      if (async) sqe.flags |= IOSQE_ASYNC;
      offset += 8192;
    });
    ud += done;
    to_read -= done * 4096;
  }
  expect(bytesOf(vecs.at(0)).every((byte) => byte === 0xaa)).toBe(true);
}

function test_basic(ring: io_uring, async: boolean): void {
  const nop = (user_data: number): void => {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    if (async) sqe.flags |= IOSQE_ASYNC;
    sqe.user_data = user_data;
    io_uring_submit(ring);
  };
  nop(1);

  const ret = io_uring_resize_rings(ring, newSizes(32, 64));
  if (ret === -EINVAL || ret === -ENOMEM) skipSilently('no resize of such rings');
  expect(ret).toBe(0);

  nop(2);

  const seen = [next(ring).user_data, next(ring).user_data];
  // io-wq has an order of its own, which C counts on
  expect(async ? seen.sort() : seen).toEqual([1n, 2n]);
}

function fill(ring: io_uring): void {
  for (let i = 0; i < 32; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = i + 1;
  }
  expect(io_uring_submit(ring)).toBe(32);
}

const oneTo32 = Array.from({ length: 32 }, (_, i) => BigInt(i + 1));

function test_all_copy(ring: io_uring): void {
  expect(io_uring_resize_rings(ring, newSizes(32, 64))).toBe(0);

  fill(ring);

  expect(io_uring_resize_rings(ring, newSizes(64, 128))).toBe(0);

  expect([...io_uring_for_each_cqe(ring)].map((cqe) => cqe.user_data)).toEqual(oneTo32);
  io_uring_cq_advance(ring, 32);
}

function test_overflow(ring: io_uring): void {
  expect(io_uring_resize_rings(ring, newSizes(32, 64))).toBe(0);

  fill(ring);

  /* have 32 CQEs pending, resize to CQ size 32 which should work */
  expect(io_uring_resize_rings(ring, newSizes(32, 32))).toBe(0);

  /* now resize to CQ size 16, which should fail with -EOVERFLOW */
  expect(io_uring_resize_rings(ring, newSizes(8, 16))).toBe(-EOVERFLOW);

  io_uring_cq_advance(ring, 32);
}

function test_same_resize(flags: number): void {
  const ring = newRing();
  expect(io_uring_queue_init(32, ring, flags)).toBe(0);

  expect(io_uring_resize_rings(ring, newSizes(32, 64))).toBe(0);

  fill(ring);

  expect(oneTo32.map(() => next(ring).user_data)).toEqual(oneTo32);

  io_uring_queue_exit(ring);
}

describe.each([
  { name: 'none', flags: 0 },
  { name: 'SQPOLL', flags: IORING_SETUP_SQPOLL },
  { name: 'DEFER_TASKRUN', flags: DEFER },
])('flags: $name', ({ flags }) => {
  /** The ring of C's test(), resized once, as each of its functions finds it. */
  function resized(async: boolean): io_uring {
    const ring = newRing();
    const ret = io_uring_queue_init_params(8, ring, newParams({ flags }));
    if (ret === -EINVAL) skipSilently('no such ring');
    expect(ret).toBe(0);
    atEnd(() => io_uring_queue_exit(ring));
    test_basic(ring, async);
    return ring;
  }

  it.each([false, true])('test_basic, async %s', (async) => void resized(async));
  it.each([false, true])('test_reads, async %s', (async) => test_reads(resized(async), async));
  it.each([false, true])('test_pipes, async %s', (async) => test_pipes(resized(async), async));
  it('test_all_copy', () => test_all_copy(resized(false)));
  it('test_overflow', () => test_overflow(resized(false)));
  it('test_same_resize', () => {
    resized(false);
    test_same_resize(flags);
  });
});
