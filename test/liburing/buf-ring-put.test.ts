/**
 * The port of liburing's test/buf-ring-put.c: test persistence of mmap'ed provided ring buffers. Use a
 * range of buffer group IDs that puts us into both the lower end array and higher end xarry.
 */
import { expect, it } from 'vitest';
import {
  alloc,
  IORING_OFF_PBUF_RING,
  IORING_OFF_PBUF_SHIFT,
  IOU_PBUF_RING_MMAP,
  io_uring_buf,
  io_uring_buf_reg,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buf_ring,
  io_uring_unregister_buf_ring,
} from '../../src/c.js';
import { EINVAL, ENOENT, MAP_POPULATE, MAP_SHARED, O_RDONLY, PROT_READ, PROT_WRITE } from '../../src/linux.js';
import { close, newPath, open, pread, t_create_file_pattern } from './support/files.js';
import { newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { syscall } from './support/syscall.js';
import { usleep } from './support/time.js';

const BGID_START = 60;
const BGID_NR = 10;
const ENTRIES = 512;

/** These rings are not in the window: pread(2) writes to them, where C uses memset(3). */
function memset(fd: number, address: number, size: number): void {
  if (pread(fd, address, size, 0) !== size) expect.fail('pread');
}

it('main', () => {
  const ring = newRing();
  const br: number[] = [];
  const pattern = newPath('pattern');

  expect(io_uring_queue_init(1, ring, 0)).toBe(0);

  const ring_size = ENTRIES * io_uring_buf.size;

  for (let i = 0; i < BGID_NR; i++) {
    const bgid = BGID_START + i;
    const reg = alloc(io_uring_buf_reg);
    reg.ring_entries = ENTRIES;
    reg.bgid = bgid;
    reg.flags = IOU_PBUF_RING_MMAP;

    const ret = io_uring_register_buf_ring(ring, reg, 0);
    if (ret === -EINVAL) skip('no IOU_PBUF_RING_MMAP');
    expect(ret).toBe(0);

    const off = IORING_OFF_PBUF_RING + bgid * 2 ** IORING_OFF_PBUF_SHIFT;
    const flags = MAP_SHARED | MAP_POPULATE;
    br[i] = syscall('mmap', null, ring_size, PROT_READ | PROT_WRITE, flags, ring.ring_fd, off);
    expect(br[i]).toBeGreaterThan(0);
  }

  for (let i = 0; i < BGID_NR; i++) {
    expect(io_uring_unregister_buf_ring(ring, BGID_START + i)).toBe(0);
  }

  t_create_file_pattern(pattern, ring_size, 0x5a);
  const fd = open(pattern, O_RDONLY);
  for (let j = 0; j < 1000; j++) {
    for (let i = 0; i < BGID_NR; i++) memset(fd, br[i] as number, ring_size);
    usleep(1000);
  }

  expect(io_uring_unregister_buf_ring(ring, BGID_START)).toBe(-ENOENT);
  for (const mapping of br) expect(syscall('munmap', mapping, ring_size)).toBe(0);
  close(fd);
  io_uring_queue_exit(ring);
});
