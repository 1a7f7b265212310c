/** The port of liburing's test/submit-link-fail.c: tests linked requests failing during submission. */
import { expect, it } from 'vitest';
import {
  allocArray,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { ECANCELED } from '../../src/linux.js';
import { close, pipe, write } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';

const DRAIN_USER_DATA = 42n;

function test_underprep_fail(
  hardlink: boolean,
  drain: boolean,
  link_last: boolean,
  link_size: number,
  fail_idx: number,
): void {
  const invalid_fd = 42;
  const ring = newRing();
  const cqe = newCqe();
  const buffer = allocArray(1);
  const fds = fdPair();
  let link_flags = IOSQE_IO_LINK;
  let total_submit = link_size;

  if (drain) link_flags |= IOSQE_IO_DRAIN;
  if (hardlink) link_flags |= IOSQE_IO_HARDLINK;

  /* create a new ring as it leaves it dirty */
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);
  expect(pipe(fds)).toBe(0);

  if (drain) {
    /* clog drain, so following reqs sent to draining */
    const sqe = get_sqe(ring);
    io_uring_prep_read(sqe, fds[0], buffer, buffer.length, 0);
    sqe.user_data = DRAIN_USER_DATA;
    sqe.flags |= IOSQE_IO_DRAIN;
    total_submit++;
  }

  for (let i = 0; i < link_size; i++) {
    const sqe = get_sqe(ring);
    if (i === fail_idx) {
      io_uring_prep_read(sqe, invalid_fd, buffer, 1, 0);
      sqe.ioprio = 0xffff; // -1
    } else {
      io_uring_prep_nop(sqe);
    }

    if (i !== link_size - 1 || !link_last) sqe.flags |= link_flags;
    sqe.user_data = i;
  }

  const ret = io_uring_submit(ring);
  /* Old behaviour, failed early and under-submitted */
  const old = ret !== total_submit;
  if (old) expect(ret).toBe(fail_idx + 1 + Number(drain));

  if (drain && !old) {
    /* unclog drain */
    expect(write(fds[1], buffer, buffer.length)).toBe(1);
  }

  for (let i = 0; i < total_submit && !old; i++) {
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res, user_data } = cqe.value;
    if (user_data === DRAIN_USER_DATA) expect(res).toBe(1);
    else if (user_data === BigInt(fail_idx)) expect([0, -ECANCELED]).not.toContain(res);
    else expect(res).toBe(-ECANCELED);
    io_uring_cqe_seen(ring, cqe.value);
  }
  close(fds[0]);
  close(fds[1]);
  io_uring_queue_exit(ring);
}

/*
 * hardlink, size=3, fail_idx=1, drain=false -- kernel fault
 * link, size=3, fail_idx=0, drain=true -- kernel fault
 * link, size=3, fail_idx=1, drain=true -- invalid cqe->res
 */
for (let link_size = 0; link_size < 3; link_size++) {
  for (let fail_idx = 0; fail_idx < link_size; fail_idx++) {
    for (let i = 0; i < 8; i++) {
      const hardlink = (i & 1) !== 0;
      const drain = (i & 2) !== 0;
      const link_last = (i & 4) !== 0;

      it(`test_underprep_fail(${hardlink}, ${drain}, ${link_last}, ${link_size}, ${fail_idx})`, () =>
        test_underprep_fail(hardlink, drain, link_last, link_size, fail_idx));
    }
  }
}
