/** The port of liburing's test/link_drain.c: test io_uring link io with drain io. 100 rounds instead of C's 1,000. */
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  type io_uring,
  type io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_prep_nop,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  type io_uring_sqe,
  io_uring_submit,
  type Pointers,
} from '../../src/c.js';
import { O_CREAT, O_WRONLY } from '../../src/linux.js';
import { iovecOf } from './support/buffers.js';
import { close, newPath, open, unlink } from './support/files.js';
import { get_sqe, newCqe, newRing, t_probe_defer_taskrun, waited } from './support/rings.js';
import { skipCase } from './support/skip.js';

const ROUNDS = 100;

const iovecs = iovecOf(allocArray(4096));

function open_file(): number {
  const path = newPath('testfile');
  const fd = open(path, O_WRONLY | O_CREAT, 0o644);
  expect(fd).toBeGreaterThanOrEqual(0);
  unlink(path);
  return fd;
}

function user_data_of(ring: io_uring, cqe: Pointers<io_uring_cqe>, count: number): number[] {
  const data: number[] = [];
  for (let i = 0; i < count; i++) {
    data.push(Number(waited(ring, cqe).user_data));
    io_uring_cqe_seen(ring, cqe.value);
  }
  return data;
}

function test_link_drain_one(ring: io_uring, cqe: Pointers<io_uring_cqe>): void {
  const fd = open_file();
  const sqe = Array.from({ length: 5 }, () => get_sqe(ring)) as [io_uring_sqe, ...io_uring_sqe[]];
  const at = (i: number): io_uring_sqe => sqe[i] as io_uring_sqe;

  /* normal heavy io */
  io_uring_prep_writev(at(0), fd, iovecs, 1, 0);
  at(0).user_data = 0;

  /* link io */
  io_uring_prep_nop(at(1));
  at(1).flags |= IOSQE_IO_LINK;
  at(1).user_data = 1;

  /* link drain io */
  io_uring_prep_nop(at(2));
  at(2).flags |= IOSQE_IO_LINK | IOSQE_IO_DRAIN;
  at(2).user_data = 2;

  /* link io */
  io_uring_prep_nop(at(3));
  at(3).user_data = 3;

  /* normal nop io */
  io_uring_prep_nop(at(4));
  at(4).user_data = 4;

  expect(io_uring_submit(ring)).toBe(5);

  expect(user_data_of(ring, cqe, 5)).toEqual([0, 1, 2, 3, 4]);
  close(fd);
}

function test_link_drain_multi(ring: io_uring, cqe: Pointers<io_uring_cqe>): void {
  const fd = open_file();
  const sqe = Array.from({ length: 9 }, () => get_sqe(ring));
  const at = (i: number): io_uring_sqe => sqe[i] as io_uring_sqe;

  /* normal heavy io */
  io_uring_prep_writev(at(0), fd, iovecs, 1, 0);
  at(0).user_data = 0;

  /* link1 io head */
  io_uring_prep_nop(at(1));
  at(1).flags |= IOSQE_IO_LINK;
  at(1).user_data = 1;

  /* link1 drain io */
  io_uring_prep_nop(at(2));
  at(2).flags |= IOSQE_IO_LINK | IOSQE_IO_DRAIN;
  at(2).user_data = 2;

  /* link1 io end*/
  io_uring_prep_nop(at(3));
  at(3).user_data = 3;

  /* link2 io head */
  io_uring_prep_nop(at(4));
  at(4).flags |= IOSQE_IO_LINK;
  at(4).user_data = 4;

  /* link2 io */
  io_uring_prep_nop(at(5));
  at(5).flags |= IOSQE_IO_LINK;
  at(5).user_data = 5;

  /* link2 drain io */
  io_uring_prep_writev(at(6), fd, iovecs, 1, 0);
  at(6).flags |= IOSQE_IO_LINK | IOSQE_IO_DRAIN;
  at(6).user_data = 6;

  /* link2 io end */
  io_uring_prep_nop(at(7));
  at(7).user_data = 7;

  /* normal io */
  io_uring_prep_nop(at(8));
  at(8).user_data = 8;

  expect(io_uring_submit(ring)).toBe(9);

  expect(user_data_of(ring, cqe, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  close(fd);
}

function test_drain(defer: boolean): void {
  const ring = newRing();
  const cqe = newCqe();
  const flags = defer ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0;
  expect(io_uring_queue_init(100, ring, flags)).toBe(0);

  for (let i = 0; i < ROUNDS; i++) {
    test_link_drain_one(ring, cqe);
    test_link_drain_multi(ring, cqe);
  }
  io_uring_queue_exit(ring);
}

it('test_drain(false)', () => test_drain(false));

it('test_drain(true)', () => {
  if (!t_probe_defer_taskrun()) skipCase('no DEFER_TASKRUN');
  test_drain(true);
});
