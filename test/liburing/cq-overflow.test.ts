/**
 * The port of liburing's test/cq-overflow.c: run various CQ ring overflow tests. Without what C does about completions that
 * are lost, which takes a kernel that injects faults.
 */
import { beforeAll, expect, it } from 'vitest';
import {
  allocPointers,
  IORING_FEAT_NODROP,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SINGLE_ISSUER,
  type io_uring,
  io_uring_cq_advance,
  io_uring_cq_has_overflow,
  io_uring_cq_ready,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_events,
  io_uring_peek_batch_cqe,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_readv,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
  memory,
} from '../../src/c.js';
import { EBUSY, EFAULT, EINVAL, O_DIRECT, O_RDONLY } from '../../src/linux.js';
import { t_create_buffers } from './support/buffers.js';
import { atEnd, closing } from './support/clean.js';
import { newPath, open, t_create_file } from './support/files.js';
import { get_sqe, newCqe, newParams, newRing, next, openRing, t_probe_defer_taskrun, waited } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { timespec, usleep } from './support/time.js';

const FILE_SIZE = 256 * 1024;
const BS = 4096;
const BUFFERS = FILE_SIZE / BS;
const ENTRIES = 8;

/** Reads at random into each buffer, more at a time than the CQ ring has room for; `fault`: into one that is not there. */
function test_io(file: string, usecs: number, fault: boolean): void {
  const vecs = t_create_buffers(BUFFERS, BS);
  const cqe = newCqe();
  const fd = open(file, O_RDONLY | O_DIRECT);
  if (fd === -EINVAL) skipSilently('no O_DIRECT');
  expect(fd).toBeGreaterThanOrEqual(0);
  closing(fd);

  const ring = newRing();
  const p = newParams();
  expect(io_uring_queue_init_params(ENTRIES, ring, p)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  // before 5.5 completions are lost
  expect(p.features & IORING_FEAT_NODROP).toBe(IORING_FEAT_NODROP);

  let total = 0;
  let busy = false;
  for (let i = 0; i < BUFFERS && !busy; i++) {
    if (i === BUFFERS / 2) usleep(usecs);
    if (fault && i === ENTRIES + 4) vecs.at(i).iov_base = null;
    const sqe = get_sqe(ring);
    io_uring_prep_readv(sqe, fd, vecs.at(i), 1, BS * Math.floor(Math.random() * BUFFERS));
    sqe.user_data = i;

    const ret = io_uring_submit(ring);
    if (ret === -EBUSY) busy = true;
    else {
      expect(ret).toBe(1);
      total++;
    }
  }

  const seen = new Set<number>();
  for (let reaped = 0; reaped < total; reaped++) {
    const { user_data, res } = next(ring);
    seen.add(Number(user_data));
    // C accepts an error of each
    expect(res).toBe(fault && user_data === BigInt(ENTRIES + 4) ? -EFAULT : BS);
  }
  expect(seen.size).toBe(total);

  expect(io_uring_peek_cqe(ring, cqe), 'found unexpected completion').not.toBe(0);
  expect(memory.view.getUint32(ring.cq.koverflow, true)).toBe(0);
}

function submit_one_nop(ring: io_uring, ud: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = ud;
  expect(io_uring_submit(ring)).toBe(1);
}

/*
 * Create an overflow condition and ensure that SQEs are still processed
 */
function test_overflow_handling(batch: boolean, cqe_multiple: number, poll: boolean, defer: boolean): void {
  const handled = 8;
  const LOOPS = 128;
  const completions = new Array<number>(handled).fill(0);
  let queue: number[] = [];
  let outstanding = 0;
  let overflows = 0;

  const ring = newRing();
  const p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 2 * cqe_multiple });
  if (poll) p.flags |= IORING_SETUP_IOPOLL;
  if (defer) p.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  expect(io_uring_queue_init_params(2, ring, p)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));

  expect(p.cq_entries).toBeLessThan(handled);
  /* submit N SQEs, some should overflow */
  for (let i = 0; i < handled; i++) {
    submit_one_nop(ring, i);
    outstanding++;
  }

  const cqe = newCqe();
  const cqes = allocPointers(io_uring_cqe, handled);
  for (let i = 0; i < LOOPS; i++) {
    if (io_uring_cq_has_overflow(ring)) {
      overflows++;
      /*
       * Flush any overflowed CQEs and process those. Actively
       * flush these to make sure CQEs arrive in vague order
       * of being sent.
       */
      expect(io_uring_get_events(ring)).toBe(0);
    } else {
      for (const ud of queue) {
        submit_one_nop(ring, ud);
        outstanding++;
      }
      queue = [];
    }

    const reaped = [waited(ring, cqe)];
    if (batch) {
      const count = io_uring_peek_batch_cqe(ring, cqes, 2);
      expect(count).toBeGreaterThan(0);
      reaped.length = 0;
      for (let j = 0; j < count; j++) reaped.push(cqes.at(j) as io_uring_cqe);
    }
    for (const { user_data, res } of reaped) {
      const ud = Number(user_data);
      expect(ud).toBeLessThan(handled);
      expect(res).toBe(0);
      completions[ud] = (completions[ud] as number) + 1;
      queue.push(ud);
    }
    io_uring_cq_advance(ring, reaped.length);
    outstanding -= reaped.length;
  }

  /* See if there were any drops by flushing the CQ ring *and* overflow */
  for (let count = 1; count > 0; ) {
    expect(io_uring_get_events(ring)).toBe(0);
    if (outstanding && !io_uring_cq_ready(ring)) expect(io_uring_wait_cqe_timeout(ring, cqe, timespec(30))).toBe(0);
    count = io_uring_cq_ready(ring);
    io_uring_cq_advance(ring, count);
    outstanding -= count;
  }
  // C checks neither
  expect(outstanding).toBe(0);
  expect(overflows).toBeGreaterThan(0);

  /* Make sure that completions come back in the same order they were
   * sent. If they come back unfairly then this will concentrate on a
   * couple of indices.
   */
  expect(Math.max(...completions) - Math.min(...completions), `${completions}`).toBeLessThanOrEqual(2);
  for (let i = 1; i < handled; i++) {
    expect(Math.abs((completions[i] as number) - (completions[i - 1] as number)), `${completions}`).toBeLessThanOrEqual(
      1,
    );
  }
}

it.each(
  Array.from({ length: 16 }, (_, i) => ({
    batch: (i & 1) !== 0,
    mult: i & 2 ? 1 : 2,
    poll: (i & 4) !== 0,
    defer: (i & 8) !== 0,
  })),
)('test_overflow_handling(batch=$batch, mult=$mult, poll=$poll, defer=$defer)', ({ batch, mult, poll, defer }) => {
  if (defer && !t_probe_defer_taskrun()) skipSilently('no IORING_SETUP_DEFER_TASKRUN');
  test_overflow_handling(batch, mult, poll, defer);
});

/*
 * Submit some NOPs and watch if the overflow is correct
 */
it('test_overflow', () => {
  const ring = openRing(4);
  /* submit 4x4 SQEs, should overflow the ring by 8 */
  let pending = 0;
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      const sqe = get_sqe(ring);
      io_uring_prep_nop(sqe);
      sqe.user_data = i * 4 + j;
    }

    const ret = io_uring_submit(ring);
    if (ret === -EBUSY) break;
    expect(ret).toBe(4);
    pending += 4;
  }
  expect(io_uring_cq_ready(ring)).toBe(8);

  // C reaps what peeks find, in order
  const cqe = newCqe();
  for (let seq = 0; seq < pending; seq++) {
    expect(io_uring_peek_cqe(ring, cqe)).toBe(0);
    expect(cqe.value.user_data).toBe(BigInt(seq));
    io_uring_cqe_seen(ring, cqe.value);
  }
});

const fname = newPath('.cq-overflow');
beforeAll(() => t_create_file(fname, FILE_SIZE));

// C sleeps for longer each time, up to 40 times, until a submission is refused
it('test_io nofault', () => {
  for (const usecs of [1000, 10_000, 100_000]) test_io(fname, usecs, false);
});
it('test_io fault', () => test_io(fname, 1000, true));
