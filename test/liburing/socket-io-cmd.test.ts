/** The port of liburing's test/socket-io-cmd.c: check that CMD operations on sockets are consistent. */
import { expect, it } from 'vitest';
import {
  allocString,
  type io_uring,
  io_uring_prep_cmd_sock,
  io_uring_submit_and_wait,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
} from '../../src/c.js';
import { AF_INET, EINVAL, EOPNOTSUPP, EPERM, IPPROTO_TCP, SOCK_RAW } from '../../src/linux.js';
import { closing } from './support/clean.js';
import { write } from './support/files.js';
import { get_sqe, next, openRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { fdPair, socket, t_create_socket_pair } from './support/sockets.js';
import { number, syscall } from './support/syscall.js';

const USERDATA = 0x1234;
const MSG = allocString('foobarbaz');

function create_sqe_and_submit(ring: io_uring, fd: number, op: number): void {
  const sqe = get_sqe(ring);
  io_uring_prep_cmd_sock(sqe, op, fd, 0, 0, null, 0);
  sqe.user_data = USERDATA;

  /* Submitting SQE */
  expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
}

function receive_cqe(ring: io_uring): number {
  const { user_data, res } = next(ring);
  expect(user_data).toBe(BigInt(USERDATA));
  /* Return the result of the operation */
  return res;
}

/* Test SOCK_STREAM, test SOCK_DGRAM */
it.each([true, false])('run_test(%s)', (stream) => {
  const fd = fdPair();
  expect(t_create_socket_pair(fd, stream)).toBe(0);
  const [tx, rx] = [closing(fd[0]), closing(fd[1])];

  /* Send data sing the sockfds->send */
  const written_bytes = write(tx, MSG, MSG.length - 1);
  expect(written_bytes).toBe(MSG.length - 1);

  /* Simply io_uring ring creation */
  const ring = openRing(1);

  create_sqe_and_submit(ring, rx, SOCKET_URING_OP_SIOCINQ);
  const bytes_in = receive_cqe(ring);
  if (bytes_in === -EINVAL || bytes_in === -EOPNOTSUPP) skip('no commands of sockets');
  expect(bytes_in).toBeGreaterThanOrEqual(0);

  create_sqe_and_submit(ring, tx, SOCKET_URING_OP_SIOCOUTQ);
  const bytes_out = receive_cqe(ring);

  /*
   * Assert the number of written bytes are either in the socket buffer
   * or on the receive side
   */
  expect(bytes_in + bytes_out).toBe(written_bytes);
});

/*
 * Make sure that siocoutq and siocinq returns the same value
 * using ioctl(2) and uring commands for raw sockets
 */
it('run_test_raw', () => {
  const sock = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
  /* You need root to create raw socket */
  if (sock === -EPERM) skip('Not able to create a raw socket');
  expect(sock).toBeGreaterThanOrEqual(0);
  closing(sock);

  /* Get the same operation using uring cmd */
  const ring = openRing(1);
  const values = Int32Array.of(-1, -1);

  // what others send on loopback may come between: C tries twice
  for (let tries = 0; tries < 20; tries++) {
    /* Simple SIOCOUTQ using ioctl */
    expect(syscall('ioctl', sock, number('SIOCOUTQ'), values.subarray(0, 1))).toBe(0);
    expect(syscall('ioctl', sock, number('FIONREAD'), values.subarray(1))).toBe(0);

    create_sqe_and_submit(ring, sock, SOCKET_URING_OP_SIOCOUTQ);
    const uring_siocoutq = receive_cqe(ring);

    create_sqe_and_submit(ring, sock, SOCKET_URING_OP_SIOCINQ);
    const uring_siocinq = receive_cqe(ring);

    /* Compare that both values (ioctl and uring CMD) should be similar */
    if (uring_siocoutq === values[0] && uring_siocinq === values[1]) return;
  }
  expect.fail('values do not match');
});
