/** The port of liburing's test/io_uring_setup.c: unit tests for the io_uring_setup system call. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  allocArray,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQPOLL,
  type io_uring_params,
  io_uring_setup,
} from '../../src/c.js';
import { EFAULT, EINVAL } from '../../src/linux.js';
import { close, read } from './support/files.js';
import { newParams } from './support/rings.js';

/* bogus: setup returns a valid fd on success... expect can't predict the
   fd we'll get, so this really only takes 1 parameter: error */
function try_io_uring_setup(entries: number, p: io_uring_params | null, error: number): void {
  const ret = io_uring_setup(entries, p as io_uring_params);
  if (ret > 0) close(ret);
  expect(ret).toBe(error);
}

it('main', () => {
  try_io_uring_setup(0, newParams(), -EINVAL);

  /* resv array is non-zero */
  let p = newParams();
  p.resv.fill(1);
  try_io_uring_setup(1, p, -EINVAL);

  /* invalid flags */
  try_io_uring_setup(1, newParams({ flags: 0xffffffff }), -EINVAL);

  /* IORING_SETUP_SQ_AFF set but not IORING_SETUP_SQPOLL */
  try_io_uring_setup(1, newParams({ flags: IORING_SETUP_SQ_AFF }), -EINVAL);

  /* attempt to bind to invalid cpu */
  p = newParams({ flags: IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF });
  p.sq_thread_cpu = get_nprocs_conf();
  try_io_uring_setup(1, p, -EINVAL);

  /* read/write on io_uring_fd */
  p = newParams();
  const fd = io_uring_setup(1, p);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(read(fd, allocArray(4096), 4096)).toBeLessThan(0);
  close(fd);
});

it('no parameters', () => {
  // C's io_uring_setup(1, NULL) is -EFAULT; the bindings have no NULL there
  expect(() => try_io_uring_setup(1, null, -EFAULT)).toThrow(TypeError);
});

/** get_nprocs_conf(3) */
const get_nprocs_conf = (): number =>
  Number(readFileSync('/sys/devices/system/cpu/possible', 'latin1').trim().split(/[-,]/).at(-1)) + 1;
