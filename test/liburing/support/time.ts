/** Time: C's struct timeval, and the kernel's struct timespec. */
import { __kernel_timespec, alloc } from '../../../src/c.js';

/** gettimeofday(2), in milliseconds */
export const now = (): number => performance.now();

/** mtime_since_now: whole milliseconds */
export const mtime_since_now = (start: number): number => Math.floor(performance.now() - start);

/** `struct __kernel_timespec ts = { .tv_sec = sec, .tv_nsec = nsec };` */
export function timespec(sec: number, nsec = 0): __kernel_timespec {
  const ts = alloc(__kernel_timespec);
  ts.tv_sec = sec;
  ts.tv_nsec = nsec;
  return ts;
}

/** `msec_to_ts` */
export const msec_to_ts = (msec: number): __kernel_timespec => timespec(Math.floor(msec / 1000), (msec % 1000) * 1e6);

/** usleep(3) */
export function usleep(usec: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, usec / 1000);
}
