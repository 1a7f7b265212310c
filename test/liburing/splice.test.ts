/** The port of liburing's test/splice.c. */
import { ftruncateSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  IORING_FEAT_FAST_POLL,
  IORING_OP_SPLICE,
  IORING_OP_TEE,
  IOSQE_FIXED_FILE,
  io_uring_cqe_seen,
  io_uring_prep_splice,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_register_files,
  io_uring_submit,
  io_uring_wait_cqe,
  SPLICE_F_FD_IN_FIXED,
} from '../../src/c.js';
import { EBADF, EINVAL, ESPIPE, O_CREAT, O_RDONLY, O_RDWR } from '../../src/linux.js';
import { close, lseek, newPath, open, pipe, read, SEEK_SET, unlink, write } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const BUF_SIZE = 16 * 4096;

interface test_ctx {
  real_pipe1: Int32Array & { 0: number; 1: number };
  real_pipe2: Int32Array & { 0: number; 1: number };
  real_fd_in: number;
  real_fd_out: number;

  /* fds or for registered files */
  pipe1: readonly [number, number];
  pipe2: readonly [number, number];
  fd_in: number;
  fd_out: number;

  buf_in: Uint8Array;
  buf_out: Uint8Array;
}

let splice_flags = 0;
let sqe_flags = 0;
let has_splice = false;
let has_tee = false;

function read_buf(fd: number, buf: Uint8Array): void {
  for (let at = 0; at < buf.length; ) {
    const ret = read(fd, buf.subarray(at), buf.length - at);
    expect(ret).toBeGreaterThan(0);
    at += ret;
  }
}

function write_buf(fd: number, buf: Uint8Array): void {
  for (let at = 0; at < buf.length; ) {
    const ret = write(fd, buf.subarray(at), buf.length - at);
    expect(ret).toBeGreaterThan(0);
    at += ret;
  }
}

function check_content(fd: number, buf: Uint8Array, src: Uint8Array): void {
  buf.fill(0);
  read_buf(fd, buf);
  expect(Buffer.compare(buf, src)).toBe(0);
}

function create_file(name: string): number {
  const path = newPath(name);
  const fd = open(path, O_RDWR | O_CREAT, 0o644);
  expect(fd).toBeGreaterThanOrEqual(0);
  unlink(path);
  return fd;
}

function init_splice_ctx(): test_ctx {
  const buf_in = allocArray(BUF_SIZE);
  const buf_out = allocArray(BUF_SIZE);
  const fd_in = create_file('.splice-test-in');
  const fd_out = create_file('.splice-test-out');

  /* get random data */
  const rnd_fd = open('/dev/urandom', O_RDONLY);
  read_buf(rnd_fd, buf_in);
  close(rnd_fd);

  /* populate file */
  write_buf(fd_in, buf_in);

  const real_pipe1 = fdPair();
  const real_pipe2 = fdPair();
  expect(pipe(real_pipe1)).toBe(0);
  expect(pipe(real_pipe2)).toBe(0);
  const pipe1 = [real_pipe1[0], real_pipe1[1]] as const;
  const pipe2 = [real_pipe2[0], real_pipe2[1]] as const;
  return {
    real_pipe1,
    real_pipe2,
    real_fd_in: fd_in,
    real_fd_out: fd_out,
    pipe1,
    pipe2,
    fd_in,
    fd_out,
    buf_in,
    buf_out,
  };
}

function do_splice_op(
  fd_in: number,
  off_in: number,
  fd_out: number,
  off_out: number,
  len: number,
  opcode: number,
): number {
  let [left, at_in, at_out] = [len, off_in, off_out];
  do {
    const sqe = get_sqe(ring);
    io_uring_prep_splice(sqe, fd_in, at_in, fd_out, at_out, left, splice_flags);
    sqe.flags |= sqe_flags;
    sqe.user_data = 42;
    sqe.opcode = opcode;

    expect(io_uring_submit(ring)).toBe(1);
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res, user_data } = cqe.value;
    io_uring_cqe_seen(ring, cqe.value);
    expect(user_data).toBe(42n);
    if (res <= 0) return res;

    left -= res;
    if (at_in !== -1) at_in += res;
    if (at_out !== -1) at_out += res;
  } while (left);
  return 0;
}

const do_splice = (fd_in: number, off_in: number, fd_out: number, off_out: number, len: number): number =>
  do_splice_op(fd_in, off_in, fd_out, off_out, len, IORING_OP_SPLICE);

const do_tee = (fd_in: number, fd_out: number, len: number): number =>
  do_splice_op(fd_in, 0, fd_out, 0, len, IORING_OP_TEE);

const check_splice_support = (): void => {
  has_splice = do_splice(-1, 0, -1, 0, BUF_SIZE) === -EBADF;
};

const check_tee_support = (): void => {
  has_tee = do_tee(-1, -1, BUF_SIZE) === -EBADF;
};

function check_zero_splice(): void {
  expect(do_splice(ctx.fd_in, -1, ctx.pipe1[1], -1, 0)).toBe(0);
  expect(do_splice(ctx.pipe2[0], -1, ctx.pipe1[1], -1, 0)).toBe(0);
}

function splice_to_pipe(): void {
  expect(lseek(ctx.real_fd_in, 0, SEEK_SET)).toBe(0);

  /* implicit file offset */
  expect(do_splice(ctx.fd_in, -1, ctx.pipe1[1], -1, BUF_SIZE)).toBe(0);
  check_content(ctx.real_pipe1[0], ctx.buf_out, ctx.buf_in);

  /* explicit file offset */
  expect(do_splice(ctx.fd_in, 0, ctx.pipe1[1], -1, BUF_SIZE)).toBe(0);
  check_content(ctx.real_pipe1[0], ctx.buf_out, ctx.buf_in);
}

function splice_from_pipe(): void {
  write_buf(ctx.real_pipe1[1], ctx.buf_in);
  expect(do_splice(ctx.pipe1[0], -1, ctx.fd_out, 0, BUF_SIZE)).toBe(0);
  check_content(ctx.real_fd_out, ctx.buf_out, ctx.buf_in);
  ftruncateSync(ctx.real_fd_out, 0);
  expect(lseek(ctx.real_fd_out, 0, SEEK_SET)).toBe(0);
}

function splice_pipe_to_pipe(): void {
  expect(do_splice(ctx.fd_in, 0, ctx.pipe1[1], -1, BUF_SIZE)).toBe(0);
  expect(do_splice(ctx.pipe1[0], -1, ctx.pipe2[1], -1, BUF_SIZE)).toBe(0);
  check_content(ctx.real_pipe2[0], ctx.buf_out, ctx.buf_in);
}

function fail_splice_pipe_offset(): void {
  expect([-ESPIPE, -EINVAL]).toContain(do_splice(ctx.fd_in, 0, ctx.pipe1[1], 0, BUF_SIZE));
  expect([-ESPIPE, -EINVAL]).toContain(do_splice(ctx.pipe1[0], 0, ctx.fd_out, 0, BUF_SIZE));
}

function fail_tee_nonpipe(): void {
  expect([-ESPIPE, -EINVAL]).toContain(do_tee(ctx.fd_in, ctx.pipe1[1], BUF_SIZE));
}

function fail_tee_offset(): void {
  const tee = (off_in: number, off_out: number): number =>
    do_splice_op(ctx.pipe2[0], off_in, ctx.pipe1[1], off_out, BUF_SIZE, IORING_OP_TEE);
  expect([-ESPIPE, -EINVAL]).toContain(tee(-1, 0));
  expect([-ESPIPE, -EINVAL]).toContain(tee(0, -1));
}

function check_tee(): void {
  write_buf(ctx.real_pipe1[1], ctx.buf_in);
  expect(do_tee(ctx.pipe1[0], ctx.pipe2[1], BUF_SIZE)).toBe(0);
  check_content(ctx.real_pipe1[0], ctx.buf_out, ctx.buf_in);
  check_content(ctx.real_pipe2[0], ctx.buf_out, ctx.buf_in);
}

const check_zero_tee = (): void => expect(do_tee(ctx.pipe2[0], ctx.pipe1[1], 0)).toBe(0);

function test_splice(): void {
  if (has_splice) {
    check_zero_splice();
    splice_to_pipe();
    splice_from_pipe();
    splice_pipe_to_pipe();
    fail_splice_pipe_offset();
  }

  if (has_tee) {
    check_zero_tee();
    fail_tee_nonpipe();
    fail_tee_offset();
    check_tee();
  }
}

const ring = newRing();
const cqe = newCqe();
let ctx: test_ctx;
let features: number;

beforeAll(() => {
  const p = newParams();
  expect(io_uring_queue_init_params(8, ring, p)).toBe(0);
  features = p.features;
  ctx = init_splice_ctx();
  check_splice_support();
  check_tee_support();
});

afterAll(() => {
  io_uring_queue_exit(ring);
  for (const fd of [ctx.real_fd_in, ctx.real_fd_out, ...ctx.real_pipe1, ...ctx.real_pipe2]) close(fd);
});

function check_support(): void {
  if (!(features & IORING_FEAT_FAST_POLL)) skipCase('No splice support');
  if (!has_splice) skipCase("skip, doesn't support splice()");
  if (!has_tee) skipCase("skip, doesn't support tee()");
}

it('test_splice', () => {
  check_support();
  test_splice();
});

it('test_splice, with registered files', () => {
  check_support();
  const reg_fds = Int32Array.of(...ctx.real_pipe1, ...ctx.real_pipe2, ctx.real_fd_in, ctx.real_fd_out);
  expect(io_uring_register_files(ring, reg_fds, 6)).toBe(0);

  /* remap fds to registered */
  ctx.pipe1 = [0, 1];
  ctx.pipe2 = [2, 3];
  ctx.fd_in = 4;
  ctx.fd_out = 5;

  splice_flags = SPLICE_F_FD_IN_FIXED;
  sqe_flags = IOSQE_FIXED_FILE;
  test_splice();
});
