/**
 * The port of liburing's test/file-verify.c: run various reads tests, verifying data. A file of 8 MB instead
 * of C's 128.
 */

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  IORING_CQE_F_BUFFER,
  IOSQE_BUFFER_SELECT,
  io_uring_cqe_seen,
  io_uring_prep_provide_buffers,
  io_uring_prep_read,
  io_uring_prep_read_fixed,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_submit,
  io_uring_unregister_buffers,
  type iovec,
  type StructArray,
} from '../../src/c.js';
import { EACCES, EINVAL, EPERM, O_DIRECT, O_RDONLY, O_RDWR, POSIX_FADV_DONTNEED } from '../../src/linux.js';
import { iovecOf, t_aligned_alloc } from './support/buffers.js';
import { closing } from './support/clean.js';
import { newPath, open, pread, pwrite } from './support/files.js';
import { complete, get_sqe, newCqe, newRing, next, waited } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { syscall } from './support/syscall.js';

const FSIZE = 8 * 1024 * 1024;
const CHUNK_SIZE = 131072;
const PUNCH_SIZE = 32768;

/*
 * 8 because it fits within the on-stack iov, 16 because it's larger than 8
 */
const MIN_VECS = 8;
const MAX_VECS = 16;

/*
 * Can be anything, let's just do something for a bit of parallelism
 */
const READ_BATCH = 16;

const ring = newRing();
const cqe = newCqe();
const fname = newPath('.file-verify');

/*
 * Each offset in the file has the offset / sizeof(int) stored for every
 * sizeof(int) address.
 */
const pattern = Buffer.from(Uint32Array.from({ length: FSIZE / 4 }, (_, i) => i).buffer);

beforeAll(() => {
  writeFileSync(fname, pattern, { flush: true });
  expect(io_uring_queue_init(READ_BATCH, ring, 0)).toBe(0);
});
afterAll(() => io_uring_queue_exit(ring));

function verify_buf(buf: Uint8Array, off: number): void {
  if (pattern.compare(buf, 0, buf.length, off, off + buf.length) !== 0) expect.fail(`data at ${off}`);
}

/** open(2), without which a case is left out */
function opened(flags: number): number {
  const fd = open(fname, flags);
  if ([-EINVAL, -EPERM, -EACCES].includes(fd)) skipSilently('not to be opened so');
  expect(fd).toBeGreaterThanOrEqual(0);
  return closing(fd);
}

const dontneed = (fd: number, offset: number, len: number): void =>
  expect(syscall('fadvise64', fd, offset, len, POSIX_FADV_DONTNEED)).toBe(0);

/*
 * For each chunk in file, DONTNEED a start, end, or middle segment of it.
 * We enter here with the file fully cached every time, either freshly
 * written or after other reads. This forces (at least) the buffered reads
 * to be handled incrementally, exercising that path.
 */
function do_punch(fd: number): void {
  const within = [undefined, 0, PUNCH_SIZE, CHUNK_SIZE - PUNCH_SIZE];
  for (let offset = 0; offset + CHUNK_SIZE <= FSIZE; offset += CHUNK_SIZE) {
    const start = within[Math.floor(Math.random() * within.length)];
    if (start !== undefined) dontneed(fd, offset + start, PUNCH_SIZE);
  }
}

function provide_buffers(bufs: readonly Uint8Array[]): void {
  /* real use case would have one buffer chopped up, but... */
  for (const [i, buf] of bufs.entries()) io_uring_prep_provide_buffers(get_sqe(ring), buf, CHUNK_SIZE, 1, 0, i);

  expect(io_uring_submit(ring)).toBe(bufs.length);

  for (let i = 0; i < bufs.length; i++) expect(next(ring).res).toBeGreaterThanOrEqual(0);
}

interface Kind {
  name: string;
  buffered: boolean;
  nr_vecs?: number;
  registered?: boolean;
  provide?: boolean;
}

function test({ buffered, nr_vecs = 0, registered = false, provide = false }: Kind): void {
  const fd = opened(O_RDONLY | (buffered ? 0 : O_DIRECT));

  do_punch(fd);

  const bufs = Array.from({ length: READ_BATCH }, () => t_aligned_alloc(4096, CHUNK_SIZE));
  // the parts of a buffer, where C has buffers of their own
  const part = CHUNK_SIZE / nr_vecs;
  const vecs = bufs.map((buf) =>
    iovecOf(
      ...Array.from({ length: nr_vecs || 1 }, (_, i) => (nr_vecs ? buf.subarray(i * part, (i + 1) * part) : buf)),
    ),
  );

  if (registered) expect(io_uring_register_buffers(ring, iovecOf(...bufs), READ_BATCH)).toBe(0);

  for (let off = 0; off < FSIZE; off += READ_BATCH * CHUNK_SIZE) {
    if (provide) provide_buffers(bufs);
    for (const buf of bufs) buf.fill(0);

    for (let i = 0; i < READ_BATCH; i++) {
      const sqe = get_sqe(ring);
      const buf = bufs[i] as Uint8Array;
      const at = off + i * CHUNK_SIZE;
      if (nr_vecs) io_uring_prep_readv(sqe, fd, vecs[i] as StructArray<iovec>, nr_vecs, at);
      else if (registered) io_uring_prep_read_fixed(sqe, fd, buf, CHUNK_SIZE, at, i);
      else if (provide) {
        io_uring_prep_read(sqe, fd, null, CHUNK_SIZE, at);
        sqe.flags |= IOSQE_BUFFER_SELECT;
      } else io_uring_prep_read(sqe, fd, buf, CHUNK_SIZE, at);
      sqe.user_data = (BigInt(at) << 32n) | BigInt(i);
    }

    expect(io_uring_submit(ring)).toBe(READ_BATCH);

    // C takes a buffer twice
    const indices = new Set<number>();
    for (let i = 0; i < READ_BATCH; i++) {
      const { res, flags, user_data } = waited(ring, cqe);
      expect(res).toBe(CHUNK_SIZE);
      expect(flags & IORING_CQE_F_BUFFER).toBe(provide ? IORING_CQE_F_BUFFER : 0);
      const index = flags & IORING_CQE_F_BUFFER ? flags >>> 16 : Number(user_data & 0xffffffffn);
      indices.add(index);
      io_uring_cqe_seen(ring, cqe.value);
      verify_buf(bufs[index] as Uint8Array, Number(user_data >> 32n));
    }
    expect(indices.size).toBe(READ_BATCH);
  }

  if (registered) expect(io_uring_unregister_buffers(ring)).toBe(0);
}

const kinds: Kind[] = [true, false].flatMap((buffered) => {
  const how = buffered ? 'Buffered' : 'O_DIRECT';
  return [
    { name: `${how} novec`, buffered },
    { name: `${how} novec reg`, buffered, registered: true },
    { name: `${how} novec provide`, buffered, provide: true },
    { name: `${how} vec`, buffered, nr_vecs: MAX_VECS },
    { name: `${how} small vec`, buffered, nr_vecs: MIN_VECS },
  ];
});

it.each(kinds)('test: $name', (kind) => test(kind));

function test_truncate(buffered: boolean, vectored: boolean, provide_buf: boolean): void {
  const fd = opened(O_RDWR | (buffered ? 0 : O_DIRECT));
  const file_size = FSIZE;
  const half = CHUNK_SIZE / 2;
  const buf = t_aligned_alloc(4096, CHUNK_SIZE);
  const off = file_size - half;

  buf.set(pattern.subarray(0, CHUNK_SIZE));
  expect(pwrite(fd, buf, half, off)).toBe(half);

  /* Repeat, but punch first part instead of last */
  for (const punch_off of [off + CHUNK_SIZE / 4, file_size - CHUNK_SIZE / 4]) {
    /*
     * Read in last bit of file so it's known cached, then remove half of that
     * last bit so we get a short read that needs retry
     */
    expect(pread(fd, buf, half, off)).toBe(half);

    dontneed(fd, punch_off, CHUNK_SIZE / 4);

    if (provide_buf) {
      expect(complete(ring, (sqe) => io_uring_prep_provide_buffers(sqe, buf, CHUNK_SIZE, 1, 0, 0)).res).toBe(0);
    }

    const sqe = get_sqe(ring);
    if (vectored) io_uring_prep_readv(sqe, fd, iovecOf(buf), 1, off);
    else if (provide_buf) {
      io_uring_prep_read(sqe, fd, null, CHUNK_SIZE, off);
      sqe.flags |= IOSQE_BUFFER_SELECT;
    } else io_uring_prep_read(sqe, fd, buf, CHUNK_SIZE, off);
    buf.fill(0);

    expect(io_uring_submit(ring)).toBe(1);

    expect(next(ring).res).toBe(half);

    verify_buf(buf.subarray(0, half), 0);
  }
}

it('test_truncate: Buffered end truncate read', () => test_truncate(true, false, false));
it('test_truncate: Buffered end truncate vec read', () => test_truncate(true, true, false));
it('test_truncate: Buffered end truncate pbuf read', () => test_truncate(true, false, true));
it('test_truncate: O_DIRECT end truncate read', () => test_truncate(false, false, false));
it('test_truncate: O_DIRECT end truncate vec read', () => test_truncate(false, true, false));
it('test_truncate: O_DIRECT end truncate pbuf read', () => test_truncate(false, false, true));
