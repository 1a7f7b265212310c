/**
 * The port of liburing's test/stdout.c: check that STDOUT write works. Descriptor 1 is a pipe meanwhile, so
 * that the test sees what it got.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  io_uring_cqe_seen,
  io_uring_prep_readv,
  io_uring_prep_write_fixed,
  io_uring_prep_writev,
  io_uring_register_buffers,
  io_uring_submit,
  io_uring_unregister_buffers,
} from '../../src/c.js';
import { iovecOf, stringOf, t_aligned_alloc } from './support/buffers.js';
import { close, dup, pipe, read } from './support/files.js';
import { complete, get_sqe, newCqe, openRing, waited } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { syscall } from './support/syscall.js';

const STDOUT_FILENO = 1;
const str = 'This is a fixed pipe test\n';

/** A buffer of C's with the text in it. */
function textBuffer(): Uint8Array {
  const buf = t_aligned_alloc(4096, 4096);
  buf.set(Buffer.from(str));
  return buf.subarray(0, str.length);
}

/** What is written to descriptor 1 by a function. */
function written(by: () => void): string {
  const fds = fdPair();
  const buffer = allocArray(128);
  expect(pipe(fds)).toBe(0);
  const saved = dup(STDOUT_FILENO);
  expect(saved).toBeGreaterThanOrEqual(0);
  try {
    expect(syscall('dup3', fds[1], STDOUT_FILENO, 0)).toBe(STDOUT_FILENO);
    by();
  } finally {
    syscall('dup3', saved, STDOUT_FILENO, 0);
    close(saved);
    close(fds[1]);
  }
  expect(read(fds[0], buffer, buffer.length)).toBeGreaterThan(0);
  close(fds[0]);
  return stringOf(buffer);
}

it('test_stdout_io', () => {
  const ring = openRing(8);
  const text = 'This is a pipe test\n';
  const vecs = iovecOf(allocString(text).subarray(0, text.length));

  const output = written(() => {
    expect(complete(ring, (sqe) => io_uring_prep_writev(sqe, STDOUT_FILENO, vecs, 1, 0)).res).toBe(text.length);
  });
  expect(output).toBe(text);
});

it('test_stdout_io_fixed', () => {
  const ring = openRing(8);
  const buf = textBuffer();

  expect(io_uring_register_buffers(ring, iovecOf(buf), 1)).toBe(0);

  const output = written(() => {
    const { res } = complete(ring, (sqe) => io_uring_prep_write_fixed(sqe, STDOUT_FILENO, buf, buf.length, 0, 0));
    expect(res).toBe(buf.length);
  });
  expect(output).toBe(str);
  expect(io_uring_unregister_buffers(ring)).toBe(0);
});

it('test_pipe_io_fixed', () => {
  const ring = openRing(8);
  const cqe = newCqe();
  const fds = fdPair();
  const buf = textBuffer();
  const buffer = allocArray(128);

  expect(pipe(fds)).toBe(0);

  expect(io_uring_register_buffers(ring, iovecOf(buf), 1)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_write_fixed(sqe, fds[1], buf, buf.length, 0, 0);
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_readv(sqe, fds[0], iovecOf(buffer), 1, 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  const seen: bigint[] = [];
  for (let i = 0; i < 2; i++) {
    const { res, user_data } = waited(ring, cqe);
    expect(res, `of ${user_data}`).toBe(str.length);
    if (user_data === 2n) expect(stringOf(buffer)).toBe(str);
    seen.push(user_data);
    io_uring_cqe_seen(ring, cqe.value);
  }
  expect(seen.sort()).toEqual([1n, 2n]);
  expect(io_uring_unregister_buffers(ring)).toBe(0);
  for (const fd of fds) close(fd);
});
