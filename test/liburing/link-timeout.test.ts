/** The port of liburing's test/link-timeout.c: run various linked timeout cases. */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_LINK_TIMEOUT_UPDATE,
  IOSQE_ASYNC,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_prep_link_timeout,
  io_uring_prep_nop,
  io_uring_prep_poll_add,
  io_uring_prep_readv,
  io_uring_prep_timeout,
  io_uring_prep_timeout_update,
  io_uring_prep_writev,
  type io_uring_sqe,
  io_uring_submit,
} from '../../src/c.js';
import { EALREADY, ECANCELED, EFAULT, EINTR, EINVAL, ENOENT, ETIME, POLLIN } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { closing } from './support/clean.js';
import { pipe } from './support/files.js';
import { complete, get_sqe, next, openRing } from './support/rings.js';
import { fdPair } from './support/sockets.js';
import { mtime_since_now, now, timespec } from './support/time.js';

type Prep = (sqe: io_uring_sqe) => void;

/** A request, linked to the next one. */
const linked =
  (prep: Prep): Prep =>
  (sqe) => {
    prep(sqe);
    sqe.flags |= IOSQE_IO_LINK;
  };

/** Submits requests, whose user_data are 1, 2, …, and waits for all: their results, in this order. */
function run(ring: io_uring, ...preps: Prep[]): number[] {
  preps.forEach((prep, index) => {
    const sqe = get_sqe(ring);
    prep(sqe);
    sqe.user_data = index + 1;
  });
  expect(io_uring_submit(ring)).toBe(preps.length);
  return results(ring, preps.length);
}

function results(ring: io_uring, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const { user_data, res } = next(ring);
    found[Number(user_data) - 1] = res;
  }
  return found;
}

const pipe_fds = (): readonly [number, number] => {
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  return [closing(fds[0]), closing(fds[1])];
};

const nop: Prep = (sqe) => io_uring_prep_nop(sqe);

const link_timeout = (sec: number, nsec = 0): Prep => {
  const ts = timespec(sec, nsec);
  return (sqe) => io_uring_prep_link_timeout(sqe, ts, 0);
};

const readv = (fd: number, buffer = allocArray(128)): Prep => {
  const iov = iovecOf(buffer);
  return (sqe) => io_uring_prep_readv(sqe, fd, iov, 1, 0);
};

const poll =
  (fd: number): Prep =>
  (sqe) =>
    io_uring_prep_poll_add(sqe, fd, POLLIN);

it('test_timeout_link_chain1', () => {
  const [read_fd] = pipe_fds();
  const res = run(openRing(8), linked(readv(read_fd)), linked(link_timeout(0, 1000000)), nop);
  expect([-EINTR, -ECANCELED]).toContain(res[0]);
  /* FASTPOLL kernels can cancel successfully */
  expect([-EALREADY, -ETIME]).toContain(res[1]);
  expect(res[2]).toBe(-ECANCELED);
});

it('test_timeout_link_chain2', () => {
  const [read_fd] = pipe_fds();
  const res = run(openRing(8), linked(poll(read_fd)), linked(link_timeout(0, 1000000)), linked(nop), nop);
  expect(res).toEqual([-ECANCELED, -ETIME, -ECANCELED, -ECANCELED]);
});

it('test_timeout_link_chain3', () => {
  const [read_fd] = pipe_fds();
  const res = run(
    openRing(8),
    linked(poll(read_fd)),
    linked(link_timeout(0, 1000000)),
    linked(nop),
    /* POLL -> TIMEOUT -> NOP */
    linked(poll(read_fd)),
    link_timeout(0, 1000000),
    /* poll on pipe + timeout */
    nop,
    /* nop */
  );
  expect(res).toEqual([-ECANCELED, -ETIME, -ECANCELED, -ECANCELED, -ECANCELED, 0]);
});

it('test_timeout_link_chain4', () => {
  const [read_fd] = pipe_fds();
  const res = run(openRing(8), linked(nop), linked(poll(read_fd)), link_timeout(0, 1000000));
  expect(res).toEqual([0, -ECANCELED, -ETIME]);
});

it('test_timeout_link_chain5', () => {
  const res = run(openRing(8), linked(nop), linked(link_timeout(1)), link_timeout(2));
  for (const first of res.slice(0, 2)) expect([0, -ECANCELED]).toContain(first);
  expect([-ECANCELED, -EINVAL]).toContain(res[2]);
});

/*
 * Test read that will not complete, with a linked timeout behind it
 */
it.each([10, 100000, 500000000])('test_single_link_timeout(%i)', (nsec) => {
  const [read_fd] = pipe_fds();
  const res = run(openRing(8), linked(readv(read_fd)), link_timeout(0, nsec));
  expect([-EINTR, -ECANCELED]).toContain(res[0]);
  expect([-EALREADY, -ETIME, 0]).toContain(res[1]);
});

/*
 * Test read that will complete, with a linked timeout behind it
 */
it('test_single_link_no_timeout', () => {
  const [read_fd, write_fd] = pipe_fds();
  const buffer = allocArray(128);
  const sent = allocArray(128).fill(0x2b);
  const res = run(
    openRing(8),
    linked(readv(read_fd, buffer)),
    // C's is a second
    link_timeout(30),
    (sqe) => io_uring_prep_writev(sqe, write_fd, iovecOf(sent), 1, 0),
  );
  expect(res).toEqual([128, -ECANCELED, 128]);
  // C does not check the data
  expect(buffer).toEqual(sent);
});

/*
 * Test read that will not complete, with a linked timeout behind it that
 * has errors in the SQE
 */
it('test_single_link_timeout_error', () => {
  const [read_fd] = pipe_fds();
  const timeout = link_timeout(1);
  const res = run(openRing(8), linked(readv(read_fd)), (sqe) => {
    timeout(sqe);
    /* set invalid field, it'll get failed */
    sqe.ioprio = 89;
  });
  expect(res).toEqual([-ECANCELED, -EINVAL]);
});

/*
 * Test linked timeout with NOP
 */
it('test_single_link_timeout_nop', () => {
  expect(run(openRing(8), linked(nop), link_timeout(1))).toEqual([0, -ECANCELED]);
});

/*
 * Test linked timeout with timeout (timeoutception)
 */
it('test_single_link_timeout_ception', () => {
  // C's are a second and two
  const ts1 = timespec(0, 100_000_000);
  const res = run(
    openRing(8),
    linked((sqe) => io_uring_prep_timeout(sqe, ts1, 0xffffffff, 0)),
    link_timeout(30),
  );
  /* newer kernels allow timeout links */
  expect([-EINVAL, -ETIME]).toContain(res[0]);
  expect(res[1]).toBe(-ECANCELED);
});

it('test_fail_lone_link_timeouts', () => {
  expect(run(openRing(8), linked(link_timeout(1)))).toEqual([-EINVAL]);
});

it('test_fail_two_link_timeouts', () => {
  // C uses the number 0, which may be any file here
  const [, write_fd] = pipe_fds();
  const res = run(
    openRing(8),
    /*
     * sqe_1: write destined to fail
     * use buf=NULL, to do that during the issuing stage
     */
    linked((sqe) => io_uring_prep_writev(sqe, write_fd, null, 1, 0)),
    /* sqe_2: valid linked timeout */
    linked(link_timeout(1)),
    /* sqe_3: invalid linked timeout */
    linked(link_timeout(1)),
    /* sqe_4: invalid linked timeout */
    linked(link_timeout(1)),
  );
  expect([-EFAULT, -ECANCELED]).toContain(res[0]);
  expect(res[1]).toBe(-ECANCELED);
  for (const invalid of res.slice(2)) expect([-ECANCELED, -EINVAL]).toContain(invalid);
});

it.each([false, true])('test_link_timeout_update, async %s', (async) => {
  const ring = openRing(8);
  const [read_fd] = pipe_fds();

  let sqe = get_sqe(ring);
  linked(readv(read_fd))(sqe);
  sqe.user_data = 1;

  // C's are five seconds, and 200 ms at most in the end
  sqe = get_sqe(ring);
  link_timeout(35)(sqe);
  sqe.user_data = 2;
  expect(io_uring_submit(ring)).toBe(2);

  const ts = timespec(0, 100000000);
  sqe = get_sqe(ring);
  io_uring_prep_timeout_update(sqe, ts, 2, IORING_LINK_TIMEOUT_UPDATE);
  if (async) sqe.flags |= IOSQE_ASYNC;
  sqe.user_data = 3;

  const start = now();
  expect(io_uring_submit(ring)).toBe(1);

  const res = results(ring, 3);
  expect([-EINTR, -ECANCELED]).toContain(res[0]);
  /* FASTPOLL kernels can cancel successfully */
  expect([-EALREADY, -ETIME]).toContain(res[1]);
  expect(res[2]).toBe(0);

  const msec = mtime_since_now(start);
  expect(msec).toBeGreaterThanOrEqual(10);
  expect(msec).toBeLessThan(10_000);
});

it.each([false, true])('test_link_timeout_update_invalid, async %s', (async) => {
  const { res } = complete(openRing(8), (sqe) => {
    io_uring_prep_timeout_update(sqe, timespec(0, 100000000), 2, IORING_LINK_TIMEOUT_UPDATE);
    sqe.user_data = 0xcafe0000;
    if (async) sqe.flags |= IOSQE_ASYNC;
  });
  expect(res).toBe(-ENOENT);
});
