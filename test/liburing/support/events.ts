/** eventfd(2) and epoll(7). */
import type { epoll_event, StructArray } from '../../../src/c.js';
import { syscall } from './syscall.js';

export const eventfd = (initval: number, flags: number): number => syscall('eventfd2', initval, flags);

export const epoll_create1 = (flags: number): number => syscall('epoll_create1', flags);
export const epoll_ctl = (epfd: number, op: number, fd: number, event: epoll_event | null): number =>
  syscall('epoll_ctl', epfd, op, fd, event);
export const epoll_wait = (
  epfd: number,
  events: epoll_event | StructArray<epoll_event>,
  maxevents: number,
  timeout: number,
): number => syscall('epoll_wait', epfd, events, maxevents, timeout);
