/**
 * The port of liburing's test/reg-wait.c: test that registered waits work. Without its regions of huge
 * pages and those that the kernel allocates: neither can be mapped into the library's memory.
 */
import { describe, expect, it } from 'vitest';
import {
  alloc,
  free,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_EXT_ARG_REG,
  IORING_ENTER_GETEVENTS,
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REG_WAIT_TS,
  IORING_SETUP_R_DISABLED,
  type io_uring,
  io_uring_enable_rings,
  io_uring_enter2,
  io_uring_mem_region_reg,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_reg_wait,
  io_uring_region_desc,
  io_uring_register_region,
  io_uring_submit_and_wait_reg,
  memory,
  sigset_t,
} from '../../src/c.js';
import { EFAULT, EINVAL, ENOMEM, ETIME, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ } from '../../src/linux.js';
import { bytesAt, t_aligned_alloc } from './support/buffers.js';
import { newCqe, newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';
import { syscall } from './support/syscall.js';
import { mtime_since_now, now } from './support/time.js';

const page_size = 4096;

function set_brief_wait(address: number, bytes = io_uring_reg_wait.size): void {
  const brief_wait = alloc(io_uring_reg_wait);
  brief_wait.flags = IORING_REG_WAIT_TS;
  brief_wait.ts.tv_sec = 0;
  brief_wait.ts.tv_nsec = 1000;
  bytesAt(address, bytes).set(brief_wait.bytes.subarray(0, bytes));
  free(brief_wait);
}

const test_wait_reg_offset = (ring: io_uring, wait_nr: number, offset: number): number =>
  io_uring_enter2(
    ring.ring_fd,
    0,
    wait_nr,
    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG,
    offset,
    io_uring_reg_wait.size,
  );

const cqe = newCqe();

function test_invalid_sig(ring: io_uring, reg: io_uring_reg_wait): void {
  const sig = alloc(sigset_t);

  reg.bytes.fill(0);
  reg.ts.tv_sec = 1;
  reg.ts.tv_nsec = 0;
  reg.sigmask = sig.address;
  reg.sigmask_sz = 1;
  expect(io_uring_submit_and_wait_reg(ring, cqe, 1, 0)).toBe(-EINVAL);

  reg.bytes.fill(0);
  reg.ts.tv_sec = 1;
  reg.ts.tv_nsec = 0;
  reg.sigmask = 100;
  reg.sigmask_sz = 8;
  expect(io_uring_submit_and_wait_reg(ring, cqe, 1, 0)).toBe(-EFAULT);
}

function test_offsets(ring: io_uring, base: number, size: number, overallocated: boolean): void {
  const max_index = Math.floor(size / io_uring_reg_wait.size);
  const rw = (index: number): number => base + index * io_uring_reg_wait.size;

  set_brief_wait(base);
  expect(io_uring_submit_and_wait_reg(ring, cqe, 1, 0)).toBe(-ETIME);

  if (overallocated) set_brief_wait(rw(max_index));
  expect(io_uring_submit_and_wait_reg(ring, cqe, 1, max_index)).toBe(-EFAULT);

  set_brief_wait(rw(max_index - 1));
  expect(io_uring_submit_and_wait_reg(ring, cqe, 1, max_index - 1)).toBe(-ETIME);

  // C's is 0UL - sizeof(long)
  expect(test_wait_reg_offset(ring, 1, 2 ** 53 - 8)).toBe(-EFAULT);

  const offset = size - 8;
  set_brief_wait(base + offset, overallocated ? io_uring_reg_wait.size : 8);
  expect(test_wait_reg_offset(ring, 1, offset)).toBe(-EFAULT);

  set_brief_wait(base + 1);
  /* undefined behaviour, check the kernel doesn't crash */
  test_wait_reg_offset(ring, 1, 1);
}

function test_basic(ring: io_uring, reg: io_uring_reg_wait): void {
  reg.bytes.fill(0);
  reg.ts.tv_sec = 1;
  reg.ts.tv_nsec = 100000000;
  reg.flags = IORING_REG_WAIT_TS;

  const tv = now();
  expect(io_uring_submit_and_wait_reg(ring, cqe, 2, 0)).toBe(-ETIME);
  /* allow some slack, should be around 1.1s; C allows up to 1.2 */
  const ret = mtime_since_now(tv);
  expect(ret).toBeGreaterThanOrEqual(1000);
  expect(ret).toBeLessThanOrEqual(2000);
}

function region(size: number, user_addr: number): { rd: io_uring_region_desc; mr: io_uring_mem_region_reg } {
  const rd = alloc(io_uring_region_desc);
  const mr = alloc(io_uring_mem_region_reg);
  rd.user_addr = user_addr;
  rd.size = size;
  rd.flags = user_addr ? IORING_MEM_REGION_TYPE_USER : 0;
  mr.region_uptr = rd.address;
  mr.flags = IORING_MEM_REGION_REG_WAIT_ARG;
  return { rd, mr };
}

function test_try_register_region(pr: io_uring_mem_region_reg, disabled: boolean): number {
  const ring = newRing();
  expect(io_uring_queue_init(8, ring, disabled ? IORING_SETUP_R_DISABLED : 0)).toBe(0);
  const ret = io_uring_register_region(ring, pr);
  if (!ret && disabled) expect(io_uring_enable_rings(ring)).toBe(0);
  io_uring_queue_exit(ring);
  return ret;
}

function check_regions(): void {
  const buffer = t_aligned_alloc(page_size, page_size);
  if (test_try_register_region(region(page_size, buffer.byteOffset).mr, true) === -EINVAL) skipCase('no regions');
}

it('test_regions', () => {
  check_regions();
  const buffer = t_aligned_alloc(page_size, page_size * 4);
  const { rd, mr } = region(page_size, buffer.byteOffset);

  expect(test_try_register_region(mr, true)).toBe(0);

  expect(test_try_register_region(mr, false)).toBe(-EINVAL);

  rd.size = page_size * 4;
  expect(test_try_register_region(mr, true)).toBe(0);

  rd.size = page_size;
  rd.user_addr = 0;
  expect(test_try_register_region(mr, true)).toBe(-EFAULT);

  rd.user_addr = buffer.byteOffset;
  rd.flags = 0;
  expect(test_try_register_region(mr, true)).not.toBe(0);

  rd.flags = IORING_MEM_REGION_TYPE_USER;
  rd.size = 0;
  expect(test_try_register_region(mr, true)).not.toBe(0);

  rd.size = page_size;
  mr.region_uptr = 0;
  expect(test_try_register_region(mr, true)).not.toBe(0);

  mr.region_uptr = rd.address;
  rd.user_addr = buffer.byteOffset + 16;
  expect(test_try_register_region(mr, true)).not.toBe(0);

  rd.user_addr = 0x1000;
  expect(test_try_register_region(mr, true)).not.toBe(0);

  const readonly = syscall('mmap', null, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(readonly).toBeGreaterThan(0);
  rd.user_addr = readonly;
  expect(test_try_register_region(mr, true)).toBe(-EFAULT);

  rd.flags = 0;
  rd.user_addr = 0;
  const ret = test_try_register_region(mr, true);
  if (ret !== -EINVAL) {
    expect(ret).toBe(0);

    rd.flags = 0;
    rd.user_addr = readonly;
    expect(test_try_register_region(mr, true)).not.toBe(0);
  }
  expect(syscall('munmap', readonly, page_size)).toBe(0);
});

it('test_wait_arg', () => {
  check_regions();
  const ring = newRing();
  const ret = io_uring_queue_init(8, ring, IORING_SETUP_R_DISABLED);
  expect(ret).toBe(0);

  const buffer = t_aligned_alloc(page_size, page_size * 4);
  const { mr } = region(page_size, buffer.byteOffset);
  expect(io_uring_register_region(ring, mr)).toBe(0);
  expect(io_uring_enable_rings(ring)).toBe(0);

  const reg = memory.struct(io_uring_reg_wait, buffer);
  test_basic(ring, reg);
  test_invalid_sig(ring, reg);
  test_offsets(ring, buffer.byteOffset, page_size, true);

  io_uring_queue_exit(ring);
});

describe('test_region_buffer_types', () => {
  it.each([
    { pages: 1 },
    /* forcing vmap */
    { pages: 2 },
    { pages: 16 },
  ])('$pages pages', ({ pages }) => {
    check_regions();
    const ring = newRing();
    const size = pages * page_size;
    expect(io_uring_queue_init(8, ring, IORING_SETUP_R_DISABLED)).toBe(0);

    const buffer = t_aligned_alloc(page_size, size);
    const { mr } = region(size, buffer.byteOffset);
    const ret = io_uring_register_region(ring, mr);
    if (ret === -ENOMEM || ret === -EINVAL) {
      io_uring_queue_exit(ring);
      skipCase(`no such region: ${ret}`);
    }
    expect(ret).toBe(0);

    expect(io_uring_enable_rings(ring)).toBe(0);

    test_offsets(ring, buffer.byteOffset, size, false);
    io_uring_queue_exit(ring);
  });
});
