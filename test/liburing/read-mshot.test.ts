/**
 * The port of liburing's test/read-mshot.c: test multishot read (IORING_OP_READ_MULTISHOT) on pipes, using
 * ring provided buffers. Where C sleeps for a millisecond that the kernel may read, the port waits until it has.
 */

import { describe, expect, it } from 'vitest';
import {
  allocArray,
  free,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_INC,
  type io_uring,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_get_events,
  io_uring_peek_cqe,
  io_uring_prep_read,
  io_uring_prep_read_multishot,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_setup_buf_ring,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EBADFD, EINVAL, ENOBUFS, O_CREAT, O_EXCL, O_RDWR } from '../../src/linux.js';
import { stringOf, t_aligned_alloc } from './support/buffers.js';
import { close, ioctl, newPath, open, pipe, unlink, write } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, waited } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { mtime_since_now, now, usleep } from './support/time.js';

const BUF_SIZE = 32;
const BUF_SIZE_FIRST = 17;
const NR_BUFS = 64;
const BUF_BGID = 1;
const BR_MASK = NR_BUFS - 1;
const NR_OVERFLOW = NR_BUFS / 4;

const err = allocArray(1, Int32Array);

/** io_uring_setup_buf_ring(3); without it a case is left out */
function setup_buf_ring(ring: io_uring, entries: number, flags: number): io_uring_buf_ring {
  const br = io_uring_setup_buf_ring(ring, entries, BUF_BGID, flags, err);
  if (br) return br;
  if (err[0] !== -EINVAL) throw new Error(`Buffer ring register failed ${err[0]}`);
  return flags & IOU_PBUF_RING_INC ? skipSilently('no IOU_PBUF_RING_INC') : skip('no buffer rings');
}

/** Waits until a pipe is empty. */
function drained(fd: number): void {
  const left = allocArray(1, Int32Array);
  const start = now();
  do {
    expect(ioctl(fd, 'FIONREAD', left)).toBe(0);
    if (mtime_since_now(start) > 20_000) expect.fail(`${left[0]} bytes stay in the pipe`);
    if (left[0]) usleep(100);
  } while (left[0]);
  free(left);
}

const message = (i: number): string => `this is buffer ${i}\n`;

function write_text(fd: number, text: string): void {
  expect(write(fd, Buffer.from(text), text.length)).toBe(text.length);
}

function test(first_good: boolean, async: boolean, overflow: boolean, incremental: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  let start_msg = 0;

  const p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: overflow ? NR_OVERFLOW : NR_BUFS + 1 });
  expect(io_uring_queue_init_params(1, ring, p)).toBe(0);

  const br = setup_buf_ring(ring, NR_BUFS, incremental ? IOU_PBUF_RING_INC : 0);

  expect(pipe(fds)).toBe(0);

  const buf = allocArray(NR_BUFS * BUF_SIZE);
  if (!incremental) {
    for (let i = 0; i < NR_BUFS; i++) {
      const size = i <= 1 ? BUF_SIZE_FIRST : BUF_SIZE;
      io_uring_buf_ring_add(br, buf.subarray(i * BUF_SIZE), size, i + 1, BR_MASK, i);
    }
    io_uring_buf_ring_advance(br, NR_BUFS);
  } else {
    io_uring_buf_ring_add(br, buf, NR_BUFS * BUF_SIZE, 1, BR_MASK, 0);
    io_uring_buf_ring_advance(br, 1);
  }

  if (first_good) write_text(fds[1], message(start_msg++));

  const sqe = get_sqe(ring);
  /* len == 0 means just use the defined provided buffer length */
  io_uring_prep_read_multishot(sqe, fds[0], 0, 0, BUF_BGID);
  if (async) sqe.flags |= IOSQE_ASYNC;

  expect(io_uring_submit(ring)).toBe(1);
  // -EINVAL, where there is no multishot read
  if (io_uring_peek_cqe(ring, cqe) === 0 && cqe.value.res === -EINVAL) skip('no multishot reads');

  /* write NR_BUFS + 1, or if first_good is set, NR_BUFS */
  const readable = overflow ? NR_OVERFLOW : NR_BUFS;
  for (let i = 0; i < NR_BUFS + Number(!first_good); i++) {
    /* prevent pipe buffer merging */
    if (i + start_msg <= readable) drained(fds[0]);
    write_text(fds[1], message(i + start_msg));
  }

  let inc_index = 0;
  let seen = 0;
  for (let i = 0; i < NR_BUFS + 1; i++) {
    const { res, flags } = waited(ring, cqe);
    /* expected failure as we try to read one too many */
    if (res === -ENOBUFS && i === NR_BUFS) break;
    if (res < 0) expect.fail(`${i}: cqe res ${res}`);
    if (i > 9) expect(res, `message ${i} is truncated`).toBeGreaterThan(17);

    expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);
    const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
    if (incremental) {
      expect(bid).toBe(1);
      // C compares only if the first was not there before
      expect(stringOf(buf.subarray(inc_index, inc_index + res))).toBe(message(i));
      inc_index += res;
    } else if (i <= readable) {
      // C does not check the data
      expect(bid).toBe(i + 1);
      expect(stringOf(buf.subarray(i * BUF_SIZE, i * BUF_SIZE + res))).toBe(message(i));
    }
    seen = i;
    if (!(flags & IORING_CQE_F_MORE)) {
      /* we expect this on overflow */
      if (overflow && i >= NR_OVERFLOW) break;
      expect.fail('no more cqes');
    }
    /* should've overflown! */
    if (overflow) expect(i).toBeLessThanOrEqual(NR_OVERFLOW);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(seen).toBeGreaterThanOrEqual(overflow ? NR_OVERFLOW : NR_BUFS - 1);

  io_uring_free_buf_ring(ring, br, NR_BUFS, BUF_BGID);
  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
}

describe('test', () => {
  const numbers = [0, 1];
  const all = numbers.flatMap((incremental) =>
    numbers.flatMap((first_good) =>
      numbers.flatMap((async) => numbers.map((overflow) => ({ first_good, async, overflow, incremental }))),
    ),
  );
  // all but one, which C has twice 1 0 1 instead of
  const cases = all.filter(
    ({ first_good, async, overflow, incremental }) => !(first_good && async && !overflow && !incremental),
  );
  it.each(cases)('$first_good $async $overflow $incremental', ({ first_good, async, overflow, incremental }) =>
    test(first_good === 1, async === 1, overflow === 1, incremental === 1),
  );
});

function test_invalid(async: boolean): void {
  const ring = newRing();
  const cqe = newCqe();

  const p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: NR_BUFS });
  expect(io_uring_queue_init_params(1, ring, p)).toBe(0);

  const fname = newPath('.mshot');
  const fd = open(fname, O_RDWR | O_CREAT | O_EXCL, 0o600);
  expect(fd).toBeGreaterThanOrEqual(0);
  unlink(fname);

  const buf = t_aligned_alloc(4096, BUF_SIZE);

  const br = setup_buf_ring(ring, 1, 0);

  io_uring_buf_ring_add(br, buf, BUF_SIZE, 1, 0, 0);
  io_uring_buf_ring_advance(br, 1);

  const sqe = get_sqe(ring);
  /* len == 0 means just use the defined provided buffer length */
  io_uring_prep_read_multishot(sqe, fd, 0, 0, BUF_BGID);
  if (async) sqe.flags |= IOSQE_ASYNC;

  expect(io_uring_submit(ring)).toBe(1);

  const { flags, res } = waited(ring, cqe);
  expect(flags & IORING_CQE_F_MORE).toBe(0);
  expect(res).toBe(-EBADFD);

  io_uring_cqe_seen(ring, cqe.value);
  io_uring_free_buf_ring(ring, br, 1, BUF_BGID);
  io_uring_queue_exit(ring);
  close(fd);
}

it('test_invalid 0', () => test_invalid(false));
it('test_invalid 1', () => test_invalid(true));

it('test_clamp', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();

  expect(io_uring_queue_init_params(4, ring, newParams())).toBe(0);
  expect(pipe(fds)).toBe(0);

  const buf = t_aligned_alloc(4096, NR_BUFS * BUF_SIZE);
  const br = setup_buf_ring(ring, NR_BUFS, 0);

  let at = 0;
  for (const [i, len] of [16, 32, 32, 32].entries()) {
    io_uring_buf_ring_add(br, buf.subarray(at), len, i + 1, BR_MASK, i);
    at += len;
  }
  io_uring_buf_ring_advance(br, 4);

  const tmp = allocArray(32).fill(0xaa);

  io_uring_prep_read_multishot(get_sqe(ring), fds[0], 0, 0, BUF_BGID);

  expect(io_uring_submit(ring)).toBe(1);

  /* prevent pipe buffer merging */
  for (const len of [16, 32, 16, 32]) {
    expect(write(fds[1], tmp, len)).toBe(len);
    drained(fds[0]);
  }

  /*
   * We should see a 16 byte completion, then a 32 byte, then a 16 byte,
   * and finally a 32 byte again.
   */
  for (const len of [16, 32, 16, 32]) {
    const { res, flags } = waited(ring, cqe);
    expect(flags & IORING_CQE_F_MORE).not.toBe(0);
    expect(res).toBe(len);
    io_uring_cqe_seen(ring, cqe.value);
  }

  io_uring_free_buf_ring(ring, br, NR_BUFS, BUF_BGID);
  io_uring_queue_exit(ring);
  for (const fd of fds) close(fd);
});

function arm_read(ring: io_uring, fd: number, use_mshot: boolean): void {
  const sqe = get_sqe(ring);
  if (use_mshot) io_uring_prep_read_multishot(sqe, fd, 0, 0, BUF_BGID);
  else {
    io_uring_prep_read(sqe, fd, null, 0, 0);
    sqe.flags = IOSQE_BUFFER_SELECT;
    sqe.buf_group = BUF_BGID;
  }
  io_uring_submit(ring);
}

function test_inc(use_mshot: boolean, flags: number): void {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  let nbytes = 65536;

  const ret = io_uring_queue_init_params(64, ring, newParams({ flags }));
  expect(ret).toBe(0);

  expect(pipe(fds)).toBe(0);

  const buf = t_aligned_alloc(4096, 65536);
  const br = setup_buf_ring(ring, 32, IOU_PBUF_RING_INC);

  for (let i = 0; i < 32; i++) io_uring_buf_ring_add(br, buf.subarray(65536 - 2048 * (i + 1)), 2048, i, 31, i);
  io_uring_buf_ring_advance(br, 32);

  const tmp = allocArray(31).fill(0x5a);

  arm_read(ring, fds[0], use_mshot);

  let bid = -1;
  let bid_bytes = 0;
  let written = 0;
  while (nbytes > 0) {
    io_uring_get_events(ring);
    // what was written is waited for, as C has its millisecond
    if (written > 0) {
      if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait');
      const { res, flags: cqe_flags } = cqe.value;
      if (res <= 0) expect.fail(`res ${res}`);
      const this_bid = cqe_flags >>> IORING_CQE_BUFFER_SHIFT;
      if (bid !== this_bid) {
        if (bid !== -1) expect(bid_bytes).toBe(2048);
        // C accepts any order
        expect(this_bid).toBe(bid + 1);
        bid = this_bid;
        bid_bytes = 0;
      }
      bid_bytes += res;
      nbytes -= res;
      written -= res;
      if (!(cqe_flags & IORING_CQE_F_MORE)) arm_read(ring, fds[0], use_mshot);
      io_uring_cqe_seen(ring, cqe.value);
      continue;
    }
    const write_size = Math.min(tmp.length, nbytes);
    if (write(fds[1], tmp, write_size) !== write_size) expect.fail('write');
    written += write_size;
  }
  expect(bid_bytes).toBe(2048);
  expect(buf.every((byte) => byte === 0x5a)).toBe(true);

  io_uring_free_buf_ring(ring, br, 32, BUF_BGID);
  io_uring_queue_exit(ring);
  close(fds[0]);
  close(fds[1]);
}

const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

it('test_inc 0 0', () => test_inc(false, 0));
it('test_inc 0 sqpoll', () => test_inc(false, IORING_SETUP_SQPOLL));
it('test_inc 0 defer', () => test_inc(false, DEFER));
it('test_inc 1 0', () => test_inc(true, 0));
it('test_inc 1 sqpoll', () => test_inc(true, IORING_SETUP_SQPOLL));
it('test_inc 1 defer', () => test_inc(true, DEFER));
