/**
 * The port of liburing's test/eploop.c: test that we don't recursively generate completion events if an
 * io_uring fd is added to an epoll context, and the ring itself polls for events on the epollfd. Older
 * kernels will stop on overflow, newer kernels will detect this earlier and abort correctly.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  epoll_event,
  io_uring_cqe_seen,
  io_uring_peek_cqe,
  io_uring_prep_nop,
  io_uring_prep_poll_multishot,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe,
} from '../../src/c.js';
import { EPOLL_CTL_ADD, EPOLLIN, POLLIN } from '../../src/linux.js';
import { epoll_create1, epoll_ctl } from './support/events.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const ev = alloc(epoll_event);
  expect(io_uring_queue_init(8, ring, 0)).toBe(0);

  const epollfd = epoll_create1(0);
  expect(epollfd).toBeGreaterThanOrEqual(0);

  ev.events = EPOLLIN;
  ev.data.fd = ring.ring_fd;
  expect(epoll_ctl(epollfd, EPOLL_CTL_ADD, ring.ring_fd, ev)).toBe(0);

  let sqe = get_sqe(ring);
  io_uring_prep_poll_multishot(sqe, epollfd, POLLIN);
  sqe.user_data = 1;
  io_uring_submit(ring);

  sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  sqe.user_data = 2;
  io_uring_submit(ring);

  const seen: bigint[] = [];
  for (let i = 0; i < 2; i++) {
    if (io_uring_wait_cqe(ring, cqe)) break;
    seen.push(cqe.value.user_data);
    io_uring_cqe_seen(ring, cqe.value);
  }

  // C accepts any two
  expect(seen.sort()).toEqual([1n, 2n]);
  expect(io_uring_peek_cqe(ring, cqe), 'Generated too many events').not.toBe(0);
  io_uring_queue_exit(ring);
  close(epollfd);
});
