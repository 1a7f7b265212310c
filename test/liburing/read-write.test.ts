/**
 * The port of liburing's test/read-write.c: basic read/write tests with buffered, O_DIRECT, and SQPOLL.
 * C lowers both limits of a file's size, which only some may raise again; here the soft one does.
 */

import { beforeAll, describe, expect, it } from 'vitest';
import {
  allocArray,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_OP_PROVIDE_BUFFERS,
  IORING_OP_READ,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_clone_buffers,
  io_uring_cqe_seen,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_opcode_supported,
  io_uring_peek_cqe,
  io_uring_prep_link_timeout,
  io_uring_prep_poll_add,
  io_uring_prep_provide_buffers,
  io_uring_prep_read,
  io_uring_prep_read_fixed,
  io_uring_prep_readv,
  io_uring_prep_remove_buffers,
  io_uring_prep_write,
  io_uring_prep_write_fixed,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buffers,
  io_uring_register_files,
  type io_uring_sqe,
  io_uring_sqe_set_data64,
  io_uring_submit,
  io_uring_unregister_buffers,
  io_uring_unregister_files,
  io_uring_wait_cqe,
  type iovec,
  type StructArray,
} from '../../src/c.js';
import {
  EACCES,
  ECANCELED,
  EFBIG,
  EINVAL,
  EPERM,
  ETIME,
  O_CREAT,
  O_DIRECT,
  O_RDONLY,
  O_WRONLY,
  POLLIN,
} from '../../src/linux.js';
import { bytesOf, iovecOf, t_create_buffers } from './support/buffers.js';
import { atEnd } from './support/clean.js';
import { eventfd } from './support/events.js';
import { close, newPath, open, pipe, t_create_file, unlink, write } from './support/files.js';
import { getrlimit, setrlimit } from './support/limits.js';
import {
  complete,
  get_sqe,
  newCqe,
  newRing,
  next,
  T_SETUP_OK,
  T_SETUP_SKIP,
  t_create_ring,
  waited,
} from './support/rings.js';
import { skipCase, skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { timespec } from './support/time.js';

const FILE_SIZE = 256 * 1024;
const BS = 8192;
const BUFFERS = FILE_SIZE / BS;

const fname = newPath('.basic-rw');
const vecs = t_create_buffers(2 * BUFFERS, BS);

const rand = (below: number): number => Math.floor(Math.random() * below);

/** C's create_nonaligned_buffers. */
function create_nonaligned_buffers(): StructArray<iovec> {
  const buffers = Array.from({ length: BUFFERS }, () => allocArray(3 * BS));
  return iovecOf(...buffers.map((p) => p.subarray(rand(BS)).subarray(0, 1 + rand(BS))));
}

/** has_nonvec_read: without OP_READ and OP_WRITE half of it is left out */
function has_nonvec_read(): boolean {
  const ring = newRing();
  expect(io_uring_queue_init(1, ring, 0)).toBe(0);
  const p = io_uring_get_probe_ring(ring);
  const ret = p !== null && io_uring_opcode_supported(p, IORING_OP_READ) !== 0;
  if (p) io_uring_free_probe(p);
  io_uring_queue_exit(ring);
  return ret;
}

let nonvecSupported = false;

beforeAll(() => {
  t_create_file(fname, FILE_SIZE);
  nonvecSupported = has_nonvec_read();
});

/** The parameters of _test_io. */
interface Io {
  write: boolean;
  buffered?: boolean;
  sqthread?: boolean;
  /** 1: registers the buffers; 2: they are there */
  fixed?: 0 | 1 | 2;
  nonvec: boolean;
  buf_select?: number;
  seq?: boolean;
  /** -1: as long as the buffer */
  exp_len: number;
  worker_offload?: boolean;
  vecs?: StructArray<iovec>;
}

function prep(sqe: io_uring_sqe, io: Io, fd: number, i: number, offset: number): void {
  const vec = (io.vecs ?? vecs).at(i);
  const { iov_base, iov_len } = vec;
  if (io.fixed && !(i & 1)) {
    const prep_fixed = io.write ? io_uring_prep_write_fixed : io_uring_prep_read_fixed;
    prep_fixed(sqe, fd, iov_base, iov_len, offset, i);
  } else if (io.nonvec) {
    const prep_plain = io.write ? io_uring_prep_write : io_uring_prep_read;
    prep_plain(sqe, fd, iov_base, iov_len, offset);
  } else {
    const prep_vec = io.write ? io_uring_prep_writev : io_uring_prep_readv;
    prep_vec(sqe, fd, vec.address, 1, offset);
  }
}

/** The data that a read into provided buffers brought: block `user_data` of the file. */
function checkSelected(flags: number, user_data: number): void {
  const bid = flags >>> IORING_CQE_BUFFER_SHIFT;
  const bytes = bytesOf(vecs.at(bid));
  expect(
    bytes.every((byte) => byte === user_data),
    `data of buffer ${bid}`,
  ).toBe(true);
}

function _test_io(ring: io_uring, io: Io): void {
  const cqe = newCqe();
  const open_flags = (io.write ? O_WRONLY : O_RDONLY) | (io.buffered ? 0 : O_DIRECT);

  if (io.fixed === 1) expect(io_uring_register_buffers(ring, io.vecs ?? vecs, BUFFERS)).toBe(0);

  const fd = open(fname, open_flags);
  if ([-EINVAL, -EPERM, -EACCES].includes(fd)) skipSilently('no O_DIRECT here');
  expect(fd).toBeGreaterThanOrEqual(0);

  if (io.sqthread) expect(io_uring_register_files(ring, Int32Array.of(fd), 1)).toBe(0);

  let offset = 0;
  for (let i = 0; i < BUFFERS; i++) {
    const sqe = get_sqe(ring);
    if (!io.seq) offset = BS * rand(BUFFERS);
    prep(sqe, io, io.sqthread ? 0 : fd, i, offset);
    sqe.user_data = i;
    if (io.sqthread) sqe.flags |= IOSQE_FIXED_FILE;
    if (io.worker_offload) sqe.flags |= IOSQE_ASYNC;

    if (io.buf_select) {
      if (io.nonvec) sqe.addr = 0;
      sqe.flags |= IOSQE_BUFFER_SELECT;
      sqe.buf_group = io.buf_select;
    }
    if (io.seq) offset += BS;
  }

  expect(io_uring_submit(ring)).toBe(BUFFERS);

  const seen = new Set<number>();
  for (let i = 0; i < BUFFERS; i++) {
    const { res, flags, user_data } = waited(ring, cqe);
    const index = Number(user_data);
    if (res === -EINVAL && io.nonvec) skipCase('Non-vectored IO not supported');
    if (io.exp_len === -1) expect(res).toBe((io.vecs ?? vecs).at(index).iov_len);
    else expect(res).toBe(io.exp_len);
    if (io.buf_select && io.exp_len === BS) checkSelected(flags, index);
    seen.add(index);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(seen.size).toBe(BUFFERS);

  if (io.sqthread) expect(io_uring_unregister_files(ring)).toBe(0);

  close(fd);
}

function __test_io(ring: io_uring, io: Io): void {
  _test_io(ring, io);

  if (io.fixed) {
    const ring2 = newRing();
    expect(t_create_ring(64, ring2, io.sqthread ? IORING_SETUP_SQPOLL : 0)).toBe(T_SETUP_OK);

    const ret = io_uring_clone_buffers(ring2, ring);
    if (ret === -EINVAL) {
      io_uring_queue_exit(ring2);
      return;
    }
    expect(ret).toBe(0);
    _test_io(ring2, { ...io, fixed: 2 });

    expect(io_uring_unregister_buffers(ring)).toBe(0);
    expect(io_uring_unregister_buffers(ring2)).toBe(0);
    io_uring_queue_exit(ring2);
  }
}

function test_io(io: Io): void {
  if (io.nonvec && !nonvecSupported) skipSilently('no OP_READ');
  const ring = newRing();
  const ret = t_create_ring(64, ring, io.sqthread ? IORING_SETUP_SQPOLL : 0);
  if (ret === T_SETUP_SKIP) skipSilently('no SQPOLL');
  expect(ret).toBe(T_SETUP_OK);

  __test_io(ring, io);
  io_uring_queue_exit(ring);
}

const combinations = Array.from({ length: 64 }, (_, i) => ({
  write: (i & 1) !== 0,
  buffered: (i & 2) !== 0,
  sqthread: (i & 4) !== 0,
  fixed: (i & 8 ? 1 : 0) as 0 | 1,
  worker_offload: (i & 16) !== 0,
  nonvec: (i & 32) !== 0,
}));

const NAMES = 'write $write, buffered $buffered, SQPOLL $sqthread, fixed $fixed, async $worker_offload, plain $nonvec';

describe('test_io', () => {
  it.each(combinations)(NAMES, (io) => test_io({ ...io, exp_len: BS }));
});

function provide_buffers_iovec(ring: io_uring, bgid: number): void {
  const cqe = newCqe();
  for (let i = 0; i < BUFFERS; i++) {
    const { iov_base, iov_len } = vecs.at(i);
    io_uring_prep_provide_buffers(get_sqe(ring), iov_base, iov_len, 1, bgid, i);
  }

  expect(io_uring_submit(ring)).toBe(BUFFERS);

  for (let i = 0; i < BUFFERS; i++) {
    expect(waited(ring, cqe).res).toBeGreaterThanOrEqual(0);
    io_uring_cqe_seen(ring, cqe.value);
  }
}

function test_buf_select(nonvec: boolean): void {
  const ring = newRing();
  expect(io_uring_queue_init(64, ring, 0)).toBe(0);

  const p = io_uring_get_probe_ring(ring);
  if (!p || !io_uring_opcode_supported(p, IORING_OP_PROVIDE_BUFFERS)) skipCase('Buffer select not supported');
  io_uring_free_probe(p);

  /*
   * Write out data with known pattern
   */
  for (let i = 0; i < BUFFERS; i++) bytesOf(vecs.at(i)).fill(i);

  __test_io(ring, { write: true, nonvec: false, seq: true, exp_len: BS });

  for (let i = 0; i < BUFFERS; i++) bytesOf(vecs.at(i)).fill(0x55);

  provide_buffers_iovec(ring, 1);

  __test_io(ring, { write: false, nonvec, buf_select: 1, seq: true, exp_len: BS });
  io_uring_queue_exit(ring);
}

it('test_buf_select, plain', () => test_buf_select(true));
it('test_buf_select, vectored', () => test_buf_select(false));

function test_buf_select_short(nonvec: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  expect(io_uring_queue_init(64, ring, 0)).toBe(0);

  const exp_len = vecs.at(0).iov_len / 2;
  for (let i = 0; i < 2 * BUFFERS; i++) {
    const { iov_base, iov_len } = vecs.at(i);
    io_uring_prep_provide_buffers(get_sqe(ring), iov_base, iov_len / 2, 1, 1, i);
  }

  expect(io_uring_submit(ring)).toBe(BUFFERS * 2);

  for (let i = 0; i < BUFFERS * 2; i++) {
    expect(waited(ring, cqe).res).toBeGreaterThanOrEqual(0);
    io_uring_cqe_seen(ring, cqe.value);
  }

  __test_io(ring, { write: false, nonvec, buf_select: 1, seq: true, exp_len });

  io_uring_queue_exit(ring);
}

it('test_buf_select_short, plain', () => test_buf_select_short(true));
it('test_buf_select_short, vectored', () => test_buf_select_short(false));

it('test_buf_select_pipe', () => {
  const ring = newRing();
  const cqe = newCqe();
  const fds = fdPair();

  expect(io_uring_queue_init(64, ring, 0)).toBe(0);

  provide_buffers_iovec(ring, 0);

  expect(pipe(fds)).toBe(0);

  for (let i = 0; i < 5; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_read(sqe, fds[0], null, 1 /* max read 1 per go */, -1);
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.buf_group = 0;
  }
  io_uring_submit(ring);

  expect(write(fds[1], Buffer.from('01234'), 5)).toBe(5);

  for (let i = 0; i < 5; i++) {
    const { res, flags } = waited(ring, cqe);
    expect(res).toBe(1);
    expect(flags & IORING_CQE_F_BUFFER).not.toBe(0);
    const [first] = bytesOf(vecs.at(flags >>> IORING_CQE_BUFFER_SHIFT));
    expect(String.fromCharCode(first as number)).toBe(String(i));
    io_uring_cqe_seen(ring, cqe.value);
  }

  close(fds[0]);
  close(fds[1]);
  io_uring_queue_exit(ring);
});

it('test_eventfd_read', () => {
  const ring = newRing();
  const cqe = newCqe();
  const event = allocArray(1, BigUint64Array);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const fd = eventfd(1, 0);
  expect(fd).toBeGreaterThanOrEqual(0);

  io_uring_prep_read(get_sqe(ring), fd, event, event.byteLength, 0);
  expect(io_uring_submit(ring)).toBe(1);
  write(fd, BigUint64Array.of(1n), 8);

  const { res } = waited(ring, cqe);
  if (res === -EINVAL) skipCase('eventfd IO not supported');
  expect(res).toBe(event.byteLength);
  // C does not check it
  expect(event[0]).toBe(1n);
  io_uring_cqe_seen(ring, cqe.value);
  io_uring_queue_exit(ring);
  close(fd);
});

it('read_poll_link', () => {
  const ring = newRing();
  const fds = fdPair();
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const fd = open(fname, O_WRONLY);
  if (fd === -EACCES || fd === -EPERM) skipSilently('not allowed to');
  expect(fd).toBeGreaterThanOrEqual(0);

  expect(pipe(fds)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_writev(sqe, fd, vecs, 1, 0);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, fds[0], POLLIN);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 2;

  const ts = timespec(1);
  sqe = get_sqe(ring);
  io_uring_prep_link_timeout(sqe, ts, 0);
  sqe.user_data = 3;

  expect(io_uring_submit(ring)).toBe(3);

  // C counts the completions, and does not look at them
  const results = new Map<bigint, number>();
  for (let i = 0; i < 3; i++) {
    const { user_data, res } = next(ring);
    results.set(user_data, res);
  }
  expect(results).toEqual(
    new Map([
      [1n, BS],
      [2n, -ECANCELED],
      [3n, -ETIME],
    ]),
  );

  for (const open of [...fds, fd]) close(open);
  io_uring_queue_exit(ring);
});

it('test_io_link', () => {
  const nr_links = 100;
  const link_len = 100;
  const nr_sqes = nr_links * link_len;
  const ring = newRing();
  const cqe = newCqe();

  const fd = open(fname, O_WRONLY);
  if (fd === -EACCES || fd === -EPERM) skipSilently('not allowed to');
  expect(fd).toBeGreaterThanOrEqual(0);

  expect(io_uring_queue_init(nr_sqes, ring, 0)).toBe(0);

  for (let i = 0; i < nr_links; ++i) {
    for (let j = 0; j < link_len; ++j) {
      const sqe = get_sqe(ring);
      io_uring_prep_writev(sqe, fd, vecs, 1, 0);
      sqe.flags |= IOSQE_ASYNC;
      if (j !== link_len - 1) sqe.flags |= IOSQE_IO_LINK;
    }
  }

  const ret = io_uring_submit(ring);
  if (ret !== nr_sqes && io_uring_peek_cqe(ring, cqe) === 0 && cqe.value.res === -EINVAL) {
    skipCase('IOSQE_ASYNC not supported');
  }
  expect(ret).toBe(nr_sqes);

  for (let i = 0; i < nr_sqes; i++) {
    if (io_uring_wait_cqe(ring, cqe)) expect.fail('wait_cqe');
    if (cqe.value.res === -EINVAL) skipCase('Non-vectored IO not supported');
    if (cqe.value.res !== BS) expect.fail(`cqe res ${cqe.value.res}`);
    io_uring_cqe_seen(ring, cqe.value);
  }

  io_uring_queue_exit(ring);
  close(fd);
});

it('test_write_efbig', () => {
  if (process.geteuid?.()) skipCase('Not root');
  const ring = newRing();

  const ignore = (): void => {};
  process.on('SIGXFSZ', ignore);
  atEnd(() => process.off('SIGXFSZ', ignore));
  const old_rlim = getrlimit('RLIMIT_FSIZE');
  expect(setrlimit('RLIMIT_FSIZE', { ...old_rlim, cur: 128n * 1024n })).toBe(0);
  atEnd(() => setrlimit('RLIMIT_FSIZE', old_rlim));

  const path = newPath('.efbig');
  const fd = open(path, O_WRONLY | O_CREAT, 0o644);
  expect(fd).toBeGreaterThanOrEqual(0);
  unlink(path);

  expect(io_uring_queue_init(32, ring, 0)).toBe(0);

  for (let i = 0; i < 32; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_writev(sqe, fd, vecs.at(i).address, 1, i * BS);
    io_uring_sqe_set_data64(sqe, i);
  }

  expect(io_uring_submit(ring)).toBe(32);

  const results = new Map<bigint, number>();
  for (let i = 0; i < 32; i++) {
    const { user_data, res } = next(ring);
    results.set(user_data, res);
  }
  // the limit is to be off before anything is printed
  expect(setrlimit('RLIMIT_FSIZE', old_rlim)).toBe(0);
  for (let i = 0; i < 32; i++) expect(results.get(BigInt(i)), `write ${i}`).toBe(i < 16 ? BS : -EFBIG);

  io_uring_queue_exit(ring);
  close(fd);
});

function test_rem_buf(batch: number, sqe_flags: number): void {
  const ring = newRing();
  const cqe = newCqe();
  const bgid = 1;
  let nr = 0;

  expect(io_uring_queue_init(64, ring, 0)).toBe(0);

  provide_buffers_iovec(ring, bgid);

  for (let left = BUFFERS; left > 0; left -= batch) {
    const to_rem = Math.min(left, batch);
    const sqe = get_sqe(ring);
    io_uring_prep_remove_buffers(sqe, to_rem, bgid);
    sqe.user_data = to_rem;
    sqe.flags |= sqe_flags;
    ++nr;
  }

  expect(io_uring_submit(ring)).toBe(nr);

  for (; nr > 0; nr--) {
    const { res, user_data } = waited(ring, cqe);
    expect(BigInt(res)).toBe(user_data);
    io_uring_cqe_seen(ring, cqe.value);
  }

  io_uring_queue_exit(ring);
}

it('test_rem_buf by 1', () => test_rem_buf(1, 0));
it('test_rem_buf by 10', () => test_rem_buf(10, 0));
it('test_rem_buf link', () => test_rem_buf(2, IOSQE_IO_LINK));
it('test_rem_buf async', () => test_rem_buf(2, IOSQE_ASYNC));

/* test fixed bufs with non-aligned len/offset; direct IO requires alignment, skip it */
describe('test_io, not aligned', () => {
  const nonaligned = create_nonaligned_buffers();
  it.each(combinations.filter(({ buffered, fixed, nonvec }) => buffered && fixed && !nonvec))(NAMES, (io) =>
    test_io({ ...io, exp_len: -1, vecs: nonaligned }),
  );
});

it('test_rem_buf_single(BUFFERS + 1)', () => {
  const ring = newRing();
  const to_rem = BUFFERS + 1;
  const bgid = 1;

  expect(io_uring_queue_init(64, ring, 0)).toBe(0);

  provide_buffers_iovec(ring, bgid);

  expect(complete(ring, (sqe) => io_uring_prep_remove_buffers(sqe, to_rem, bgid)).res).toBe(BUFFERS);

  io_uring_queue_exit(ring);
});
