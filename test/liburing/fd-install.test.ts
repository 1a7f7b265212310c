/** The port of liburing's test/fd-install.c: test installing a direct descriptor into the regular file table. */

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  allocArray,
  IORING_FIXED_FD_NO_CLOEXEC,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  io_uring_prep_close_direct,
  io_uring_prep_fixed_fd_install,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_files,
  io_uring_register_personality,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_unregister_files,
  io_uring_unregister_personality,
} from '../../src/c.js';
import { EBADF, EINVAL, EPERM } from '../../src/linux.js';
import { stringOf } from './support/buffers.js';
import { atEnd } from './support/clean.js';
import { close, fcntl, pipe, read, write } from './support/files.js';
import { complete, get_sqe, newRing, next } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair } from './support/sockets.js';

const ring = newRing();
beforeAll(() => {
  expect(io_uring_queue_init(4, ring, 0)).toBe(0);
});
afterAll(() => io_uring_queue_exit(ring));

let no_fd_install = false;
beforeEach(() => {
  if (no_fd_install) skip('no IORING_OP_FIXED_FD_INSTALL');
});

/** A pipe whose read side is registered. */
function registered(): Int32Array & { 0: number; 1: number } {
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  expect(io_uring_register_files(ring, fds, 1)).toBe(0);
  atEnd(() => expect(io_uring_unregister_files(ring)).toBe(0));
  return fds;
}

const install = (slot: number, flags: number, more: (sqe: io_uring_sqe) => void = () => {}): number =>
  complete(ring, (sqe) => {
    io_uring_prep_fixed_fd_install(sqe, slot, flags);
    more(sqe);
  }).res;

/** FD_CLOEXEC, or 0 */
const closesOnExec = (fd: number): number => fcntl(fd, 'F_GETFD');

/* test basic functionality of shifting a direct descriptor to a normal file */
it('test_working', () => {
  const fds = registered();
  const buf = allocArray(32);
  const Hello = Buffer.from('Hello');
  const prep_read = (): void => {
    const sqe = get_sqe(ring);
    io_uring_prep_read(sqe, 0, buf, buf.length, 0);
    sqe.flags |= IOSQE_FIXED_FILE;
    io_uring_submit(ring);
  };

  /* close normal descriptor */
  close(fds[0]);

  /* normal read should fail */
  expect(read(fds[0], buf, 1)).toBe(-EBADF);

  /* verify we can read the data */
  prep_read();

  /* put some data in the pipe */
  expect(write(fds[1], Hello, 5)).toBe(5);

  expect(next(ring).res).toBe(5);

  /* fixed pipe read worked, now re-install as a regular fd */
  const res = install(0, 0);
  if (res === -EINVAL) {
    no_fd_install = true;
    skip('no IORING_OP_FIXED_FD_INSTALL');
  }
  expect(res).toBeGreaterThanOrEqual(0);
  /* stash new pipe read side fd in old spot */
  fds[0] = res;
  expect(closesOnExec(fds[0])).toBe(1);

  expect(write(fds[1], Hello, 5)).toBe(5);

  /* normal pipe read should now work with new fd */
  expect(read(fds[0], buf, buf.length)).toBe(5);

  /* close fixed file */
  expect(complete(ring, (sqe) => io_uring_prep_close_direct(sqe, 0)).res).toBe(0);

  expect(write(fds[1], Hello, 5)).toBe(5);

  /* normal pipe read should still work with new fd */
  expect(read(fds[0], buf, buf.length)).toBe(5);
  // C does not check it
  expect(stringOf(buf)).toBe('Hello');

  /* fixed fd pipe read should now fail */
  prep_read();

  /* put some data in the pipe */
  expect(write(fds[1], Hello, 5)).toBe(5);

  expect(next(ring).res).toBe(-EBADF);

  close(fds[0]);
  close(fds[1]);
});

/* test invalid direct descriptor indexes */
it.each([0, 500])('test_bad_fd %d', (some_fd) => {
  expect(install(some_fd, 0)).toBe(-EBADF);
});

/* test not setting IOSQE_FIXED_FILE */
it('test_not_fixed', () => {
  const fds = registered();
  const res = install(0, 0, (sqe) => {
    sqe.flags &= ~IOSQE_FIXED_FILE;
  });
  expect(res).toBe(-EBADF);
  for (const fd of fds) close(fd);
});

/* test that O_CLOEXEC is accepted, and others are not */
function test_flags(async: boolean): void {
  const fds = registered();

  /* check that setting an invalid flag fails */
  expect(install(0, 1 << 17)).toBe(-EINVAL);

  /* check that IORING_FIXED_FD_NO_CLOEXEC is accepted */
  const fd = install(0, IORING_FIXED_FD_NO_CLOEXEC, (sqe) => {
    if (async) sqe.flags |= IOSQE_ASYNC;
  });
  expect(fd).toBeGreaterThanOrEqual(0);
  // C does not check it
  expect(closesOnExec(fd)).toBe(0);

  for (const open of [...fds, fd]) close(open);
}

it('test_flags 0', () => test_flags(false));
it('test_flags 1', () => test_flags(true));

function test_creds(async: boolean): void {
  const fds = registered();

  const cred_id = io_uring_register_personality(ring);
  expect(cred_id).toBeGreaterThan(0);

  /* check that asking for creds fails */
  const res = install(0, 0, (sqe) => {
    if (async) sqe.flags |= IOSQE_ASYNC;
    sqe.personality = cred_id;
  });
  expect(res).toBe(-EPERM);

  for (const fd of fds) close(fd);
  expect(io_uring_unregister_personality(ring, cred_id)).toBe(0);
}

it('test_creds 0', () => test_creds(false));
it('test_creds 1', () => test_creds(true));

it('test_linked', () => {
  const fds = registered();

  let sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.flags |= IOSQE_IO_LINK;
  sqe.user_data = 1;

  sqe = get_sqe(ring);
  io_uring_prep_fixed_fd_install(sqe, 0, 0);
  sqe.user_data = 2;

  expect(io_uring_submit(ring)).toBe(2);

  let fd = -1;
  for (let i = 0; i < 2; i++) {
    const { res, user_data } = next(ring);
    expect(res).toBeGreaterThanOrEqual(0);
    if (user_data === 2n) fd = res;
  }

  // C treats no completion as success
  expect(fd).toBeGreaterThan(2);
  for (const open of [...fds, fd]) close(open);
});
