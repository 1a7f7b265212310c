/** The port of liburing's test/version.c: check version macros and runtime checks work. */
import { expect, it } from 'vitest';
import {
  IO_URING_VERSION_MAJOR,
  IO_URING_VERSION_MINOR,
  io_uring_check_version,
  io_uring_major_version,
  io_uring_minor_version,
} from '../../src/c.js';
import './support/clean.js';

it('main', () => {
  /* IO_URING_CHECK_VERSION tells whether the library is older than what is asked for */
  expect(io_uring_check_version(io_uring_major_version(), io_uring_minor_version())).toBe(false);
  expect(io_uring_check_version(io_uring_major_version(), io_uring_minor_version() + 1)).toBe(true);

  expect(io_uring_major_version()).toBe(IO_URING_VERSION_MAJOR);

  expect(io_uring_minor_version()).toBe(IO_URING_VERSION_MINOR);

  expect(io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR)).toBe(false);
});
