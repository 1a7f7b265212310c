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
  map,
  unmap,
} from '../../src/index.js';
import { EINVAL, PROT_READ, PROT_WRITE } from '../../src/linux.js';
import { newRing } from './support/rings.js';
import { skip } from './support/skip.js';
import { usleep } from './support/time.js';

const BGID_START = 60;
const BGID_NR = 10;
const ENTRIES = 512;

it('main', () => {
  const ring = newRing();
  const br: Uint8Array[] = [];

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
    br[i] = map(ring_size, PROT_READ | PROT_WRITE, ring.ring_fd, off);
  }

  for (let i = 0; i < BGID_NR; i++) {
    expect(io_uring_unregister_buf_ring(ring, BGID_START + i)).toBe(0);
  }

  for (let j = 0; j < 1000; j++) {
    for (let i = 0; i < BGID_NR; i++) br[i]?.fill(0x5a);
    usleep(1000);
  }

  expect(io_uring_unregister_buf_ring(ring, BGID_START)).toBe(-EINVAL);
  for (const mapping of br) unmap(mapping);
  io_uring_queue_exit(ring);
});
