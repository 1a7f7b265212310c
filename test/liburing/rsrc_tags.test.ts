/** The port of liburing's test/rsrc_tags.c: run various file registration tests. */

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_FEAT_RSRC_TAGS,
  IORING_REGISTER_BUFFERS_UPDATE,
  IORING_REGISTER_BUFFERS2,
  IORING_REGISTER_FILES_UPDATE2,
  IORING_REGISTER_FILES2,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  type io_uring,
  io_uring_peek_cqe,
  io_uring_prep_read_fixed,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register,
  io_uring_register_buffers_tags,
  io_uring_register_files,
  io_uring_register_files_tags,
  io_uring_register_files_update,
  io_uring_rsrc_register,
  io_uring_rsrc_update2,
  io_uring_submit,
  io_uring_unregister_files,
  iovec,
  type StructArray,
} from '../../src/c.js';
import { EAGAIN, EINVAL } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, pipe } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, next, t_probe_defer_taskrun } from './support/rings.js';
import { skip, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { usleep } from './support/time.js';

const TEST_IORING_RSRC_FILE = 0;
const TEST_IORING_RSRC_BUFFER = 1;

const pipes = fdPair();
let supported = 0;

beforeAll(() => {
  expect(pipe(pipes)).toBe(0);
  // has_rsrc_update
  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);
  supported = ring.features & IORING_FEAT_RSRC_TAGS;
  io_uring_queue_exit(ring);
});

afterAll(() => {
  for (const fd of pipes) close(fd);
});

beforeEach(() => {
  if (!supported) skip("doesn't support rsrc tags");
});

function check_cq_empty(ring: io_uring): boolean {
  usleep(1000); /* doesn't happen immediately, so wait */
  return io_uring_peek_cqe(ring, newCqe()) === -EAGAIN; /* nothing should be there */
}

type Rsrc = Int32Array | StructArray<iovec> | iovec;
const addressOf = (arg: Rsrc): number => (arg instanceof Int32Array ? arg.byteOffset : arg.address);

/*
 * There are io_uring_register_buffers_tags() and other wrappers,
 * but they may change, so hand-code to specifically test this ABI.
 */
function register_rsrc(ring: io_uring, type: number, nr: number, arg: Rsrc, tags: BigUint64Array | null): number {
  const reg = alloc(io_uring_rsrc_register);
  reg.nr = nr;
  reg.data = addressOf(arg);
  reg.tags = tags?.byteOffset ?? 0;

  const reg_type = type === TEST_IORING_RSRC_FILE ? IORING_REGISTER_FILES2 : IORING_REGISTER_BUFFERS2;
  return io_uring_register(ring.ring_fd, reg_type, reg, io_uring_rsrc_register.size);
}

/*
 * There are io_uring_register_buffers_update_tag() and other wrappers,
 * but they may change, so hand-code to specifically test this ABI.
 */
function update_rsrc(
  ring: io_uring,
  type: number,
  nr: number,
  off: number,
  arg: Rsrc,
  tags: BigUint64Array | null,
): number {
  const up = alloc(io_uring_rsrc_update2);
  up.offset = off;
  up.data = addressOf(arg);
  up.tags = tags?.byteOffset ?? 0;
  up.nr = nr;

  const up_type = type === TEST_IORING_RSRC_FILE ? IORING_REGISTER_FILES_UPDATE2 : IORING_REGISTER_BUFFERS_UPDATE;
  return io_uring_register(ring.ring_fd, up_type, up, io_uring_rsrc_update2.size);
}

function newTags(nr: number): BigUint64Array {
  const tags = allocArray(nr, BigUint64Array);
  for (let i = 0; i < nr; i++) tags[i] = BigInt(i + 1);
  return tags;
}

/** The user_data of the next completion. */
const tag_of = (ring: io_uring): bigint => next(ring).user_data;

function test_tags_generic(nr: number, type: number, rsrc: Rsrc): void {
  const ring = newRing();
  const tags = newTags(nr);

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  expect(register_rsrc(ring, type, nr, rsrc, tags)).toBe(0);

  /* test that tags are set */
  tags[0] = 666n;
  expect(update_rsrc(ring, type, 1, 0, rsrc, tags)).toBe(1);
  expect(tag_of(ring)).toBe(1n);

  /* test that tags are updated */
  tags[0] = 0n;
  expect(update_rsrc(ring, type, 1, 0, rsrc, tags)).toBe(1);
  expect(tag_of(ring)).toBe(666n);

  /* test tag=0 doesn't emit CQE */
  tags[0] = 1n;
  expect(update_rsrc(ring, type, 1, 0, rsrc, tags)).toBe(1);
  expect(check_cq_empty(ring)).toBe(true);

  io_uring_queue_exit(ring);
}

it('test_tagged_register_partial_fail', () => {
  const tags = newTags(2);
  const fds = allocArray(2, Int32Array);
  fds.set([pipes[0], -1]);
  const buffer = allocArray(16);
  const iovecs = alloc(iovec, 2);
  const ring = newRing();

  iovecs.at(0).iov_base = buffer;
  iovecs.at(0).iov_len = 1;
  iovecs.at(1).iov_base = 1;
  iovecs.at(1).iov_len = 1;

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  expect(io_uring_register_buffers_tags(ring, iovecs, tags, 2)).toBeLessThan(0);
  expect(check_cq_empty(ring), 'stray buffer CQEs').toBe(true);

  expect(io_uring_register_files_tags(ring, fds, tags, 2)).toBeLessThan(0);
  expect(check_cq_empty(ring), 'stray file CQEs').toBe(true);

  io_uring_queue_exit(ring);
});

it('test_notag', () => {
  const ring = newRing();
  const nr = 50;
  const files = allocArray(nr, Int32Array).fill(pipes[0]);

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  expect(io_uring_register_files(ring, files, nr)).toBe(0);

  /* default register, update shouldn't emit CQE */
  const fd = allocArray(1, Int32Array).fill(-1);
  expect(io_uring_register_files_update(ring, 0, fd, 1)).toBe(1);
  expect(check_cq_empty(ring)).toBe(true);

  expect(io_uring_unregister_files(ring)).toBe(0);
  expect(io_uring_peek_cqe(ring, newCqe())).toBe(-EAGAIN); /* nothing should be there */

  io_uring_queue_exit(ring);
});

function test_files(ring_flags: number): void {
  const ring = newRing();
  const nr = 50;
  const off = 5;
  const files = allocArray(nr, Int32Array).fill(pipes[0]);
  const tags = newTags(nr);

  test_tags_generic(nr, TEST_IORING_RSRC_FILE, files);

  expect(io_uring_queue_init(1, ring, ring_flags)).toBe(0);
  expect(register_rsrc(ring, TEST_IORING_RSRC_FILE, nr, files, tags)).toBe(0);

  /* check update did update tag */
  const fd = allocArray(1, Int32Array).fill(-1);
  expect(io_uring_register_files_update(ring, off, fd, 1)).toBe(1);
  expect(tag_of(ring)).toBe(tags[off]);

  /* remove removed file, shouldn't emit old tag */
  expect(io_uring_register_files_update(ring, off, fd, 1)).toBeLessThanOrEqual(1);
  expect(check_cq_empty(ring)).toBe(true);

  /* non-zero tag with remove update is disallowed */
  const tag = allocArray(1, BigUint64Array).fill(1n);
  fd[0] = -1;
  // C accepts 1, too
  expect(update_rsrc(ring, TEST_IORING_RSRC_FILE, 1, off + 1, fd, tag)).toBe(-EINVAL);

  io_uring_queue_exit(ring);
}

it.each([
  { name: '0', flag: 0 },
  { name: 'IOPOLL', flag: IORING_SETUP_IOPOLL },
  { name: 'SQPOLL', flag: IORING_SETUP_SQPOLL },
  { name: 'DEFER_TASKRUN', flag: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
])('test_files, $name', ({ flag }) => {
  if (flag & IORING_SETUP_DEFER_TASKRUN && !t_probe_defer_taskrun()) skipSilently('no DEFER_TASKRUN');
  test_files(flag);
});

it('test_buffers_update', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();
  const nr = 5;
  const buf_idx = 1;
  const tmp_buf = allocArray(1024);
  const tmp_buf2 = allocArray(1024);
  const vecs = iovecOf(...Array.from({ length: nr }, () => tmp_buf));
  const tags = newTags(nr);

  test_tags_generic(nr, TEST_IORING_RSRC_BUFFER, vecs);

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);
  expect(register_rsrc(ring, TEST_IORING_RSRC_BUFFER, nr, vecs, tags)).toBe(0);

  /* test that CQE is not emitted before we're done with a buffer */
  const sqe = get_sqe(ring);
  io_uring_prep_read_fixed(sqe, fds[0], tmp_buf, 10, 0, 1);
  sqe.user_data = 100;
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_peek_cqe(ring, cqe)).toBe(-EAGAIN);

  vecs.at(buf_idx).iov_base = tmp_buf2;
  const ret = update_rsrc(ring, TEST_IORING_RSRC_BUFFER, 1, buf_idx, vecs.at(buf_idx), tags.subarray(buf_idx));
  expect(ret).toBe(1);

  expect(io_uring_peek_cqe(ring, cqe)).toBe(-EAGAIN); /* nothing should be there */
  close(fds[0]);
  close(fds[1]);

  expect(tag_of(ring)).toBe(100n);
  expect(tag_of(ring)).toBe(BigInt(buf_idx + 1));

  io_uring_queue_exit(ring);
});

it('test_buffers_empty_buffers', () => {
  const ring = newRing();
  const nr = 5;
  const tmp_buf = allocArray(1024);
  const vecs = alloc(iovec, nr);
  const update = (index: number): number => update_rsrc(ring, TEST_IORING_RSRC_BUFFER, 1, index, vecs.at(index), null);
  const set = (index: number, base: Uint8Array | null, len: number): void => {
    vecs.at(index).iov_base = base ?? 0;
    vecs.at(index).iov_len = len;
  };

  set(0, tmp_buf, 10);

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  expect(register_rsrc(ring, TEST_IORING_RSRC_BUFFER, nr, vecs, null)).toBe(0);

  /* empty to buffer */
  set(1, tmp_buf, 10);
  expect(update(1)).toBe(1);

  /* buffer to empty */
  set(0, null, 0);
  expect(update(0)).toBe(1);

  /* zero to zero is ok */
  expect(update(2)).toBe(1);

  /* empty buf with non-zero len fails */
  set(3, null, 1);
  expect(update(3)).toBeLessThan(0);

  /* test rw on empty ubuf is failed */
  for (const nbytes of [10, 0]) {
    const { user_data, res } = complete(ring, (sqe) => {
      io_uring_prep_read_fixed(sqe, pipes[0], tmp_buf, nbytes, 0, 2);
      sqe.user_data = 100;
    });
    expect(user_data).toBe(100n);
    // C treats success as a failure
    expect(res).toBeLessThan(0);
  }

  io_uring_queue_exit(ring);
});
