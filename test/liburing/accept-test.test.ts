/** The port of liburing's test/accept-test.c: check to see if accept handles addr and addrlen. */
import { expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  io_uring_prep_accept,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_submit,
  io_uring_wait_cqe_timeout,
  sockaddr_un,
} from '../../src/c.js';
import { AF_UNIX, EBADF, EINVAL, ETIME, SOCK_STREAM } from '../../src/linux.js';
import { close } from './support/files.js';
import { get_sqe, newCqe, newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { bind, listen, socket } from './support/sockets.js';
import { timespec } from './support/time.js';

it('main', () => {
  const ring = newRing();
  const cqe = newCqe();
  const addr = alloc(sockaddr_un);
  const addrlen = allocArray(1, Uint32Array);
  addrlen[0] = sockaddr_un.size;
  const ts = timespec(0, 1000000);

  expect(io_uring_queue_init(4, ring, 0)).toBe(0);

  const fd = socket(AF_UNIX, SOCK_STREAM, 0);
  expect(fd).not.toBe(-1);

  addr.sun_family = AF_UNIX;
  addr.sun_path.set(Buffer.from(`\0sock2-${process.pid}`));

  expect(bind(fd, addr)).toBe(0);
  expect(listen(fd, 128)).toBe(0);

  const sqe = get_sqe(ring);
  io_uring_prep_accept(sqe, fd, addr, addrlen, 0);
  sqe.user_data = 1;

  expect(io_uring_submit(ring)).toBe(1);

  const ret = io_uring_wait_cqe_timeout(ring, cqe, ts);
  if (!ret) {
    if (cqe.value.res === -EBADF || cqe.value.res === -EINVAL) skip('Accept not supported');
    expect(cqe.value.res).toBeGreaterThanOrEqual(0);
  } else {
    expect(ret).toBe(-ETIME);
  }

  io_uring_queue_exit(ring);
  close(fd);
});
