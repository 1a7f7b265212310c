/**
 * The port of liburing's test/nop-fixed-file-leak.c: test for a struct file reference leak in IORING_OP_NOP.
 * When an SQE carries IOSQE_FIXED_FILE together with IORING_NOP_FILE but *without* IORING_NOP_FIXED_FILE, some
 * kernels take a normal file reference, and do not drop it.
 */

import { expect, it } from 'vitest';
import {
  allocArray,
  IOSQE_FIXED_FILE,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init,
} from '../../src/c.js';
import { EPIPE } from '../../src/linux.js';
import { close, pipe, write } from './support/files.js';
import { complete, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';

/* as C, where the header is older */
const IORING_NOP_FILE = 1 << 1;

it('main', () => {
  const ring = newRing();
  const pipefd = fdPair();
  const c = allocArray(1).fill(0x78);

  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(pipe(pipefd)).toBe(0);

  complete(ring, (sqe) => {
    io_uring_prep_nop(sqe);
    sqe.nop_flags = IORING_NOP_FILE;
    sqe.fd = pipefd[0];
    sqe.flags |= IOSQE_FIXED_FILE;
  });

  /*
   * Drop our own reference on the read end. If the kernel leaked the
   * NOP's reference, the read end stays alive and the write below
   * succeeds. If correct, the read end is gone and we get -EPIPE.
   */
  close(pipefd[0]);

  /* SIGPIPE is ignored, by Node itself */
  expect(write(pipefd[1], c, 1)).toBe(-EPIPE);

  close(pipefd[1]);
  io_uring_queue_exit(ring);
});
