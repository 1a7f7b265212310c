/** The port of liburing's examples/helpers.c. */
import { exit } from 'node:process';
import {
  alloc,
  free,
  type io_uring,
  io_uring_get_sqe,
  type io_uring_sqe,
  sockaddr_in,
  sockaddr_in6,
} from 'liburing-wasm/c';
import { AF_INET, AF_INET6, INADDR_ANY, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from 'liburing-wasm/linux';
import { bind, htons, listen, perror, print_error, setsockopt, socket, strerror } from './libc.js';

/** A TCP socket that listens on a port, or -1. */
export function setup_listening_socket(port: number, ipv6: boolean): number {
  const domain = ipv6 ? AF_INET6 : AF_INET;

  const fd = socket(domain, SOCK_STREAM, 0);
  if (fd < 0) {
    perror('socket()', fd);
    return -1;
  }

  let ret = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (ret < 0) {
    perror('setsockopt(SO_REUSEADDR)', ret);
    return -1;
  }

  if (ipv6) {
    const srv_addr6 = alloc(sockaddr_in6); // zeroed, as in6addr_any is
    srv_addr6.sin6_family = AF_INET6;
    srv_addr6.sin6_port = htons(port);
    ret = bind(fd, srv_addr6);
    free(srv_addr6);
  } else {
    const srv_addr = alloc(sockaddr_in);
    srv_addr.sin_family = AF_INET;
    srv_addr.sin_port = htons(port);
    srv_addr.sin_addr.s_addr = INADDR_ANY;
    ret = bind(fd, srv_addr);
    free(srv_addr);
  }

  if (ret < 0) {
    perror('bind()', ret);
    return -1;
  }

  ret = listen(fd, 1024);
  if (ret < 0) {
    perror('listen()', ret);
    return -1;
  }

  return fd;
}

/** Prints what went wrong, with the error if it is one, and ends the process. */
export function t_error(status: number, errnum: number, text: string): never {
  // writes at once, from any thread; in a worker, exit ends the thread, whose parent sees the status
  print_error(errnum ? `${text}: ${strerror(Math.abs(errnum))}` : text);
  exit(status);
}

/** io_uring_get_sqe(3), where C does not check whether it got an SQE. */
export function must_get_sqe(ring: io_uring): io_uring_sqe {
  const sqe = io_uring_get_sqe(ring);
  if (!sqe) throw new Error('the SQ ring is full');
  return sqe;
}
