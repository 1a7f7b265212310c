/**
 * Shows how to use registered waits. The port of liburing's examples/reg-wait.c.
 *
 * node build/examples/reg-wait.js
 */
import { writeSync } from 'node:fs';
import { argv, exit } from 'node:process';
import {
  alloc,
  allocArray,
  allocPointers,
  free,
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REG_WAIT_TS,
  IORING_SETUP_R_DISABLED,
  io_uring,
  io_uring_cqe,
  io_uring_enable_rings,
  io_uring_mem_region_reg,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_reg_wait,
  io_uring_region_desc,
  io_uring_register_region,
  io_uring_submit_and_wait_reg,
} from 'liburing-wasm/c';
import { EINVAL, ETIME } from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { perror, pipe } from './libc.js';

const page_size = 4096;

const mtime_since_now = (start: number): number => Math.floor(performance.now() - start);

function register_memory(ring: io_uring, address: number, size: number): number {
  const rd = alloc(io_uring_region_desc);
  const mr = alloc(io_uring_mem_region_reg);

  rd.user_addr = address;
  rd.size = size;
  rd.flags = IORING_MEM_REGION_TYPE_USER;
  mr.region_uptr = rd.address;
  mr.flags = IORING_MEM_REGION_REG_WAIT_ARG;

  const ret = io_uring_register_region(ring, mr);
  free(rd);
  free(mr);
  return ret;
}

function main([program, ...rest]: readonly string[]): number {
  const cqe = allocPointers(io_uring_cqe, 2);
  const ring = alloc(io_uring);
  const b1 = allocArray(8);
  const b2 = allocArray(8);
  const fds = allocArray(2, Int32Array);

  if (rest.length > 0) {
    console.log(`${program}: takes no arguments`);
    return 0;
  }

  let ret = pipe(fds);
  if (ret < 0) {
    perror('pipe', ret);
    return 1;
  }
  const [readEnd = -1, writeEnd = -1] = fds;

  ret = io_uring_queue_init(8, ring, IORING_SETUP_R_DISABLED);
  if (ret) {
    console.error(`Queue init: ${ret}`);
    return 1;
  }

  /*
   * Setup a region we'll use to pass wait arguments. It should be
   * page aligned, we're using only first two wait entries here and
   * the rest of the memory can be reused for other purposes.
   */
  const reg = alloc(io_uring_reg_wait, page_size / io_uring_reg_wait.size);

  ret = register_memory(ring, reg.address, page_size);
  if (ret) {
    if (ret === -EINVAL) {
      console.error("Kernel doesn't support registered waits");
      return 1;
    }
    console.error(`Registered wait: ${ret}`);
    return 1;
  }

  ret = io_uring_enable_rings(ring);
  if (ret) {
    console.error(`io_uring_enable_rings failure ${ret}`);
    return 1;
  }

  /*
   * Setup two distinct wait regions. Index 0 will be a 1 second wait,
   * and region 2 is a short wait using min_wait_usec as well. Neither
   * of these use a signal mask, but sigmask/sigmask_sz can be set as
   * well for that.
   */
  reg.at(0).ts.tv_sec = 1;
  reg.at(0).ts.tv_nsec = 0;
  reg.at(0).flags = IORING_REG_WAIT_TS;

  reg.at(1).ts.tv_sec = 0;
  reg.at(1).ts.tv_nsec = 100000000;
  reg.at(1).min_wait_usec = 10000;
  reg.at(1).flags = IORING_REG_WAIT_TS;

  /*
   * No pending completions. Wait with region 0, which should time
   * out after 1 second.
   */
  let tv = performance.now();
  ret = io_uring_submit_and_wait_reg(ring, cqe, 1, 0);
  if (ret === -EINVAL) {
    console.error("Kernel doesn't support registered waits");
    return 1;
  } else if (ret !== -ETIME) {
    console.error(`Wait should've timed out... ${ret}`);
    return 1;
  }
  let msec = mtime_since_now(tv);
  if (msec < 900 || msec > 1100) {
    console.error(`Wait took an unexpected amount of time: ${msec}`);
    return 1;
  }

  /*
   * Now prepare two pipe reads. We'll trigger one completion quickly,
   * but the other one will never happen. Use min_wait_usec timeout
   * to abort after 10 msec of time, where the overall timeout is
   * otherwise 100 msec. Since we're waiting on two events, the min
   * timeout ends up aborting us.
   */
  const sqe1 = must_get_sqe(ring);
  const sqe2 = must_get_sqe(ring);
  io_uring_prep_read(sqe1, readEnd, b1, b1.length, 0);
  io_uring_prep_read(sqe2, readEnd, b2, b2.length, 0);

  /* trigger one read */
  writeSync(writeEnd, 'Hello');

  /*
   * This should will wait for 2 entries, where 1 is already available.
   * Since we're using min_wait_usec == 10 msec here with an overall
   * wait of 100 msec, we expect the wait to abort after 10 msec since
   * one or more events are available.
   */
  tv = performance.now();
  ret = io_uring_submit_and_wait_reg(ring, cqe, 2, 1);
  msec = mtime_since_now(tv);
  if (ret !== 2) {
    console.error(`Should have submitted 2: ${ret}`);
    return 1;
  }
  if (msec < 8 || msec > 12) console.error(`min_wait_usec should take ~10 msec: ${msec}`);

  /*
   * Cleanup after ourselves
   */
  io_uring_queue_exit(ring);
  free(reg);
  return 0;
}

exit(main(argv.slice(1)));
