/**
 * The port of liburing's test/multicqes_drain.c: generic tests for io_uring drain io, beside requests that complete more than once.
 *
 * The main idea is to randomly generate different type of sqe to challenge the drain logic. There are some
 * restrictions for the generated sqes, details in io_uring maillist:
 * https://lore.kernel.org/io-uring/39a49b4c-27c2-1035-b250-51daeccaab9b@linux.alibaba.com/
 * The generic test sleeps for 10 ms instead of C's second.
 */
import { describe, expect, it } from 'vitest';
import {
  allocArray,
  allocString,
  IORING_POLL_ADD_MULTI,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  type io_uring,
  io_uring_cqe_seen,
  io_uring_get_events,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_poll_add,
  io_uring_prep_poll_multishot,
  io_uring_prep_poll_remove,
  type io_uring_sqe,
  io_uring_submit,
  io_uring_submit_and_get_events,
} from '../../src/c.js';
import { ECANCELED, POLLIN } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { pipe, read, write } from './support/files.js';
import { get_sqe, newCqe, next, openRing, t_probe_defer_taskrun } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { fdPair } from './support/sockets.js';
import { usleep } from './support/time.js';

type Op = 'multi' | 'single' | 'nop' | 'cancel';
const ops: readonly Op[] = ['multi', 'single', 'nop', 'cancel'];

const max_entry = 50;

/*
 * sqe_flags: combination of sqe flags
 * multi_sqes: record the user_data/index of all the multishot sqes
 * we can leverage multi_sqes array for cancelation: we randomly pick
 * up an entry in multi_sqes when form a cancelation sqe.
 * multi_cap: limitation of number of multishot sqes
 */
const sqe_flags = [0, IOSQE_IO_LINK, IOSQE_IO_DRAIN, IOSQE_IO_LINK | IOSQE_IO_DRAIN];
let multi_sqes: number[] = [];
let multi_cap = max_entry / 5;

const rand = (below: number): number => Math.floor(Math.random() * below);

const foo = allocString('foo');
const str = allocArray(4);

function trigger_event(ring: io_uring, p: readonly number[]): void {
  expect(write(p[1] as number, foo, 3)).toBe(3);
  usleep(1000);
  io_uring_get_events(ring);
  expect(read(p[0] as number, str, 3)).toBe(3);
}

function io_uring_sqe_prep(op: Op, sqe: io_uring_sqe, flags: number, arg: number): void {
  if (op === 'multi') {
    io_uring_prep_poll_add(sqe, arg, POLLIN);
    sqe.len |= IORING_POLL_ADD_MULTI;
  } else if (op === 'single') io_uring_prep_poll_add(sqe, arg, POLLIN);
  else if (op === 'nop') io_uring_prep_nop(sqe);
  else io_uring_prep_poll_remove(sqe, arg);
  sqe.flags = flags;
}

function generate_flags(op: Op): number {
  let flags: number;
  /*
   * drain sqe must be put after multishot sqes canceled
   */
  do flags = sqe_flags[rand(4)] as number;
  while (flags & IOSQE_IO_DRAIN && multi_sqes.length > 0);

  /*
   * cancel req cannot have drain or link flag
   */
  if (op === 'cancel') flags &= ~(IOSQE_IO_DRAIN | IOSQE_IO_LINK);
  /*
   * avoid below case:
   * sqe0(multishot, link)->sqe1(nop, link)->sqe2(nop)->sqe3(cancel_sqe0)
   * sqe3 may execute before sqe0 so that sqe0 isn't canceled
   */
  if (op === 'multi') flags &= ~IOSQE_IO_LINK;

  return flags;
}

/*
 * function to generate opcode of a sqe
 * several restrictions here:
 * - cancel all the previous multishot sqes as soon as possible when
 *   we reach high watermark.
 * - ensure there is some multishot sqe when generating a cancel sqe
 * - ensure a cancel/multshot sqe is not in a linkchain
 * - ensure number of multishot sqes doesn't exceed multi_cap
 * - don't generate multishot sqes after high watermark
 */
function generate_opcode(i: number, pre_flags: number): Op {
  const high_watermark = max_entry - max_entry / 5;
  if (i >= high_watermark && multi_sqes.length > 0) return 'cancel';
  for (;;) {
    const op = ops[rand(ops.length)] as Op;
    if (op === 'cancel' && (multi_sqes.length === 0 || pre_flags & IOSQE_IO_LINK)) continue;
    if (op === 'multi' && (multi_cap < 1 || i >= high_watermark || pre_flags & IOSQE_IO_LINK)) continue;
    if (op === 'multi') multi_cap--;
    return op;
  }
}

function remove_multishot_sqe(): number {
  const rem_index = rand(multi_sqes.length);
  return multi_sqes.splice(rem_index, 1)[0] as number;
}

function test_generic_drain(ring: io_uring): void {
  const si: { op: Op; flags: number }[] = [];
  const pipes: [number, number][] = [];
  let pre_flags = 0;
  // C's are global, and used up by the first rounds
  multi_sqes = [];
  multi_cap = max_entry / 5;

  for (let i = 0; i < max_entry; i++) {
    const fds = fdPair();
    expect(pipe(fds)).toBe(0);
    pipes.push([closing(fds[0]), closing(fds[1])]);
  }

  for (let i = 0; i < max_entry; i++) {
    const sqe = get_sqe(ring);
    const op = generate_opcode(i, pre_flags);
    const flags = generate_flags(op);

    let arg = 0;
    if (op === 'cancel') arg = remove_multishot_sqe();
    if (op === 'multi' || op === 'single') arg = pipes[i]?.[0] as number;
    io_uring_sqe_prep(op, sqe, flags, arg);
    sqe.user_data = i;
    si[i] = { op, flags };
    pre_flags = flags;
    if (op === 'multi') multi_sqes.push(i);
  }

  expect(io_uring_submit(ring)).toBe(max_entry);

  usleep(10_000);
  // TODO: randomize event triggering order
  for (const [i, { op }] of si.entries()) {
    if (op === 'multi' || op === 'single') trigger_event(ring, pipes[i] as [number, number]);
  }
  usleep(10_000);

  /*
   * completed records completions: for multishot sqes, only when it is canceled
   */
  const completed = new Set<number>();
  const story = JSON.stringify(si);
  const cqe = newCqe();
  // not all of them come: a poll that a drain held back has missed its event
  while (!io_uring_peek_cqe(ring, cqe)) {
    const { user_data, res } = cqe.value;
    io_uring_cqe_seen(ring, cqe.value);
    const index = Number(user_data);
    const { op, flags } = si[index] as (typeof si)[number];
    if (flags & IOSQE_IO_DRAIN) {
      for (let before = 0; before < index; before++) {
        if (!completed.has(before)) expect.fail(`drain failed: ${index} before ${before} of ${story}`);
      }
    }
    if (op !== 'multi' || res === -ECANCELED) completed.add(index);
  }
}

function test_simple_drain(ring: io_uring): void {
  const pipe1 = fdPair();
  const pipe2 = fdPair();
  for (const fds of [pipe1, pipe2]) {
    expect(pipe(fds)).toBe(0);
    for (const end of fds) closing(end);
  }

  let sqe = get_sqe(ring);
  io_uring_prep_poll_multishot(sqe, pipe1[0], POLLIN);
  sqe.user_data = 0;

  sqe = get_sqe(ring);
  io_uring_prep_poll_add(sqe, pipe2[0], POLLIN);
  sqe.user_data = 1;

  /* This test relies on multishot poll to trigger events continually.
   * however with IORING_SETUP_DEFER_TASKRUN this will only happen when
   * triggered with a get_events. Hence we sprinkle get_events whenever
   * there might be work to process in order to get the same result
   */
  expect(io_uring_submit_and_get_events(ring)).toBe(2);

  for (let i = 0; i < 2; i++) trigger_event(ring, [...pipe1]);
  trigger_event(ring, [...pipe2]);

  sqe = get_sqe(ring);
  io_uring_prep_poll_remove(sqe, 0);
  sqe.user_data = 2;

  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.flags |= IOSQE_IO_DRAIN;
  sqe.user_data = 3;

  expect(io_uring_submit(ring)).toBe(2);

  const came = Array.from({ length: 6 }, () => Number(next(ring).user_data));
  expect(came[5]).toBe(3);
  // C does not check the others: twice the first poll, and its end
  expect(came.sort()).toEqual([0, 0, 0, 1, 2, 3]);
}

describe.each([false, true])('test(%s)', (defer_taskrun) => {
  const open_ring = (): io_uring => {
    if (defer_taskrun && !t_probe_defer_taskrun()) skipSilently('no IORING_SETUP_DEFER_TASKRUN');
    return openRing(1024, defer_taskrun ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0);
  };
  // a ring for each: on one, C's later rounds race with the end of the drain before, and wait for what it held back
  it('test_simple_drain', () => {
    for (let i = 0; i < 5; i++) test_simple_drain(open_ring());
  });
  it('test_generic_drain', () => {
    for (let i = 0; i < 5; i++) test_generic_drain(open_ring());
  });
});
