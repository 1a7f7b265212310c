/** The port of liburing's test/buf-ring.c: run various shared buffer ring sanity checks. */

import { describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  IOSQE_BUFFER_SELECT,
  IOU_PBUF_RING_MMAP,
  type io_uring,
  io_uring_buf,
  io_uring_buf_reg,
  type io_uring_buf_ring,
  io_uring_buf_ring_add,
  io_uring_buf_ring_advance,
  io_uring_buf_ring_mask,
  type io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_prep_provide_buffers,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_buf_ring,
  io_uring_setup_buf_ring,
  io_uring_submit,
  io_uring_unregister_buf_ring,
  io_uring_wait_cqe,
  type Pointers,
} from '../../src/c.js';
import { EEXIST, EFAULT, EINVAL, ENOBUFS, ENOENT, O_RDONLY, PROT_READ, PROT_WRITE } from '../../src/linux.js';
import { t_aligned_alloc } from './support/buffers.js';
import { close, open } from './support/files.js';
import { type MappedBufRing, mapBufRing } from './support/mapped-buf-ring.js';
import { complete, get_sqe, newCqe, newRing, T_SETUP_OK, t_create_ring } from './support/rings.js';
import { skipSilently } from './support/skip.js';
import { syscall } from './support/syscall.js';

const pagesize = 4096;
const bgids = [1, 127];
const entries = [1, 32768, 4096];

const err = allocArray(1, Int32Array);

/** A ring of the C test's, with a buffer ring in it. */
function withBufRing(bgid: number, nentries: number): { ring: io_uring; br: io_uring_buf_ring } {
  const ring = newRing();
  expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);
  const br = io_uring_setup_buf_ring(ring, nentries, bgid, 0, err);
  if (br) return { ring, br };
  io_uring_queue_exit(ring);
  if (err[0] === -EINVAL) skipSilently('no buffer rings');
  throw new Error(`Buffer ring register failed ${err[0]}`);
}

function provide_buffers(ring: io_uring, bgid: number): number {
  const bufs = allocArray(8 * 1024);
  return complete(ring, (sqe) => io_uring_prep_provide_buffers(sqe, bufs, 1024, 8, bgid, 0)).res;
}

describe.each(bgids)('group %d', (bgid) => {
  it('test_reg_unreg', () => {
    const { ring, br } = withBufRing(bgid, 32);
    expect(io_uring_free_buf_ring(ring, br, 32, bgid)).toBe(0);
    io_uring_queue_exit(ring);
  });

  it('test_bad_reg', () => {
    const ring = newRing();
    const reg = alloc(io_uring_buf_reg);
    expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

    reg.ring_addr = 4096;
    reg.ring_entries = 32;
    reg.bgid = bgid;

    // C accepts any error
    expect(io_uring_register_buf_ring(ring, reg, 0)).toBe(-EFAULT);

    io_uring_queue_exit(ring);
  });

  it('test_double_reg_unreg', () => {
    const { ring, br } = withBufRing(bgid, 32);

    /* check that 2nd register with same bgid fails */
    const reg = alloc(io_uring_buf_reg);
    reg.ring_addr = br.address;
    reg.ring_entries = 32;
    reg.bgid = bgid;

    expect(io_uring_register_buf_ring(ring, reg, 0)).toBe(-EEXIST);

    expect(io_uring_free_buf_ring(ring, br, 32, bgid)).toBe(0);

    expect([-EINVAL, -ENOENT]).toContain(io_uring_unregister_buf_ring(ring, bgid));

    io_uring_queue_exit(ring);
  });

  /* test trying to register ring group when  classic group exists */
  it('test_mixed_reg', () => {
    const ring = newRing();
    expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

    /* provide classic buffers, group 1 */
    expect(provide_buffers(ring, bgid)).toBe(0);

    err[0] = 0;
    expect(io_uring_setup_buf_ring(ring, 32, bgid, 0, err) === null).toBe(true);
    // C does not check the error
    expect(err[0]).toBe(-EEXIST);

    io_uring_queue_exit(ring);
  });

  /* test trying to register classic group when ring group exists */
  it('test_mixed_reg2', () => {
    const { ring, br } = withBufRing(bgid, 32);

    /* provide classic buffers, group 1 */
    expect([-EEXIST, -EINVAL]).toContain(provide_buffers(ring, bgid));

    expect(io_uring_free_buf_ring(ring, br, 32, bgid)).toBe(0);
    io_uring_queue_exit(ring);
  });

  it('test_full_page_reg', () => {
    const ring = newRing();
    const reg = alloc(io_uring_buf_reg);
    const nentries = pagesize / io_uring_buf.size;

    expect(io_uring_queue_init(1, ring, 0)).toBe(0);

    const ptr = t_aligned_alloc(pagesize, pagesize * 2);
    const guard = ptr.byteOffset + pagesize;
    expect(syscall('mprotect', guard, pagesize, 0)).toBe(0);

    reg.ring_addr = ptr.byteOffset;
    reg.ring_entries = nentries;
    reg.bgid = bgid;

    const ret = io_uring_register_buf_ring(ring, reg, 0);
    expect(syscall('mprotect', guard, pagesize, PROT_READ | PROT_WRITE)).toBe(0);
    expect(ret).toBe(0);

    io_uring_queue_exit(ring);
  });
});

function test_one_read(fd: number, bgid: number, ring: io_uring, cqe: Pointers<io_uring_cqe>): number {
  const sqe = get_sqe(ring);

  io_uring_prep_read(sqe, fd, null, 1, 0);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.buf_group = bgid;
  if (io_uring_submit(ring) !== 1) expect.fail('sqe submit failed');

  if (io_uring_wait_cqe(ring, cqe) < 0) expect.fail('wait completion');
  const { res, flags } = cqe.value;
  io_uring_cqe_seen(ring, cqe.value);

  if (res === -ENOBUFS) return res;

  if (res !== 1) expect.fail(`read result ${res}`);

  return flags >>> 16;
}

/** C's buffer ring, set up by liburing or mapped: `publish` takes to the kernel what was added. */
function bufRingOf(ring: io_uring, bgid: number, nentries: number, use_mmap: boolean): MappedBufRing {
  if (!use_mmap) {
    const br = io_uring_setup_buf_ring(ring, nentries, bgid, 0, err);
    if (!br) throw new Error(`Buffer ring register failed ${err[0]}`);
    return { ring: br, publish: () => {}, unmap: () => {} };
  }
  const reg = alloc(io_uring_buf_reg);
  reg.ring_entries = nentries;
  reg.bgid = bgid;
  reg.flags = IOU_PBUF_RING_MMAP;
  const ret = io_uring_register_buf_ring(ring, reg, 0);
  if (ret === -EINVAL) skipSilently('no IOU_PBUF_RING_MMAP');
  expect(ret).toBe(0);
  return mapBufRing(ring, bgid, nentries);
}

function test_running(bgid: number, nentries: number, loops: number, use_mmap: boolean): void {
  const ring_mask = io_uring_buf_ring_mask(nentries);
  const ring = newRing();
  const cqe = newCqe();
  const buffer = allocArray(8);

  expect(t_create_ring(1, ring, 0)).toBe(T_SETUP_OK);

  const br = bufRingOf(ring, bgid, nentries, use_mmap);

  const read_fd = open('/dev/zero', O_RDONLY);
  expect(read_fd).toBeGreaterThanOrEqual(0);

  for (let loop = 0; loop < loops; loop++) {
    const buffers = new Set<number>();
    for (let idx = 0; idx < nentries; idx++) {
      io_uring_buf_ring_add(br.ring, buffer, buffer.length, idx, ring_mask, idx);
    }
    io_uring_buf_ring_advance(br.ring, nentries);
    br.publish();

    for (let idx = 0; idx < nentries; idx++) {
      buffer.fill(1);
      const ret = test_one_read(read_fd, bgid, ring, cqe);
      if (ret < 0) expect.fail(`bad run ${loop}/${idx} = ${ret}`);
      if (buffers.has(ret)) expect.fail(`reused buffer ${loop}/${idx} = ${ret}!`);
      if (buffer[0] !== 0) expect.fail(`unexpected read ${buffer[0]} ${loop}/${idx} = ${ret}!`);
      if (buffer[1] !== 1) expect.fail(`unexpected spilled read ${buffer[1]} ${loop}/${idx} = ${ret}!`);
      buffers.add(ret);
    }
    expect(test_one_read(read_fd, bgid, ring, cqe)).toBe(-ENOBUFS);
  }

  expect(io_uring_unregister_buf_ring(ring, bgid)).toBe(0);

  br.unmap();
  close(read_fd);
  io_uring_queue_exit(ring);
}

it.each(entries)('test_running(%d)', (nentries) => test_running(2, nentries, 3, false));
it.each(entries)('test_running(%d) mmap', (nentries) => test_running(2, nentries, 3, true));
