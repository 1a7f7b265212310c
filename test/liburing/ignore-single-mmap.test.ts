/**
 * The port of liburing's test/ignore-single-mmap.c: 6.10-rc merge window had a bug where the rewritten mmap
 * support caused rings allocated with > 1 page, but asking for smaller mappings, would cause -EFAULT to be
 * returned rather than a successful map.
 */

import { expect, it } from 'vitest';
import { IORING_FEAT_SINGLE_MMAP, IORING_OFF_SQ_RING, io_uring_setup, map, memory, unmap } from '../../src/c.js';
import { MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../src/linux.js';
import { close } from './support/files.js';
import { newParams } from './support/rings.js';
import { skip } from './support/skip.js';
import { syscall } from './support/syscall.js';

const ENTRIES = 128;

it('main', () => {
  const p = newParams();
  // the kernel's own ring: io_uring_setup(2) of the library has the ring in the library's memory
  const fd = syscall('io_uring_setup', ENTRIES, p);
  if (fd < 0) skip('no io_uring_setup(2)');

  if (!(p.features & IORING_FEAT_SINGLE_MMAP)) {
    close(fd);
    skip('no IORING_FEAT_SINGLE_MMAP');
  }

  const flags = MAP_SHARED | MAP_POPULATE;
  const ptr = syscall('mmap', 0, ENTRIES * 4, PROT_READ | PROT_WRITE, flags, fd, IORING_OFF_SQ_RING);
  expect(ptr).toBeGreaterThan(0);
  expect(syscall('munmap', ptr, ENTRIES * 4)).toBe(0);
  close(fd);
});

// C has no second mapping
it('map() of a part of a ring', () => {
  const p = newParams();
  const fd = io_uring_setup(ENTRIES, p);
  expect(fd).toBeGreaterThanOrEqual(0);
  const part = map(ENTRIES * 4, PROT_READ | PROT_WRITE, fd, IORING_OFF_SQ_RING);
  expect(memory.view.getUint32(part.byteOffset + p.sq_off.ring_entries, true)).toBe(ENTRIES);
  unmap(part);
  close(fd);
});
