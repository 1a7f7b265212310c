/** Memory of files and rings in the window. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  alloc,
  allocArray,
  createInstance,
  free,
  IORING_OFF_SQ_RING,
  io_uring_get_sqe,
  io_uring_params,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_setup,
  io_uring_sqe,
  io_uring_submit_and_wait,
  map,
  memory,
  unmap,
} from '../../src/c.js';
import { loadEncoder } from '../../src/encode.js';
import { PROT_READ, PROT_WRITE } from '../../src/linux.js';
import { openRing } from '../support/ring.js';

const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PAGE = 4096;
const both = PROT_READ | PROT_WRITE;

function opened(content: Buffer, flags = 'r+'): { fd: number; file: string } {
  const file = join(folder, 'file');
  writeFileSync(file, content);
  const fd = openSync(file, flags);
  onTestFinished(() => closeSync(fd));
  return { fd, file };
}

const pages = Buffer.concat([Buffer.alloc(PAGE, 'one '), Buffer.alloc(PAGE, 'two '), Buffer.alloc(100, 'three ')]);

describe('map', () => {
  it("shows a file's bytes, from an offset on", () => {
    const { fd } = opened(pages);
    const bytes = map(PAGE + 100, PROT_READ, fd, PAGE);
    expect(Buffer.compare(bytes, pages.subarray(PAGE))).toBe(0);
    expect(bytes.byteOffset % PAGE).toBe(0);
    unmap(bytes);
  });

  it('writes to the file, from JavaScript and from the kernel', () => {
    const { fd, file } = opened(pages);
    const bytes = map(PAGE, both, fd);
    bytes.set(Buffer.from('by JavaScript'));
    expect(readFileSync(file, 'latin1').slice(0, 13)).toBe('by JavaScript');
    // the kernel sees the same bytes at the same address
    const copy = openSync(join(folder, 'copy'), 'w+');
    const ring = openRing(1);
    const sqe = io_uring_get_sqe(ring);
    if (!sqe) throw new Error('no SQE');
    io_uring_prep_write(sqe, copy, bytes, 13, 0);
    expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
    closeSync(copy);
    expect(readFileSync(join(folder, 'copy'), 'latin1')).toBe('by JavaScript');
    unmap(bytes);
  });

  it('leaves zeroed memory behind, and the file unchanged', () => {
    const { fd, file } = opened(pages);
    const bytes = map(PAGE, both, fd);
    const { byteOffset } = bytes;
    unmap(bytes);
    const again = allocArray(PAGE);
    expect(again.byteOffset).toBe(byteOffset);
    expect(again.every((byte) => byte === 0)).toBe(true);
    again.fill(1);
    expect(readFileSync(file).equals(pages)).toBe(true);
    free(again);
  });

  it('gives a ring its memory, as io_uring_setup(2) describes', () => {
    const params = alloc(io_uring_params);
    const fd = io_uring_setup(4, params);
    expect(fd).toBeGreaterThan(0);
    const bytes = map(params.sq_off.array + 4 * params.sq_entries, both, fd, IORING_OFF_SQ_RING);
    expect(memory.view.getUint32(bytes.byteOffset + params.sq_off.ring_entries, true)).toBe(params.sq_entries);
    expect(memory.view.getUint32(bytes.byteOffset + params.cq_off.ring_mask, true)).toBe(params.cq_entries - 1);
    unmap(bytes);
    closeSync(fd);
    free(params);
  });

  it('does not take a file for the ring that had its fd before', () => {
    const params = alloc(io_uring_params);
    const ring = io_uring_setup(4, params);
    closeSync(ring);
    const { fd } = opened(pages);
    expect(fd).toBe(ring);
    const bytes = map(PAGE, PROT_READ, fd);
    expect(Buffer.compare(bytes, pages.subarray(0, PAGE))).toBe(0);
    unmap(bytes);
    free(params);
  });

  it("throws mmap(2)'s error, and keeps the memory", () => {
    const { fd } = opened(pages, 'r');
    const directory = openSync(folder, 'r');
    const probe = allocArray(PAGE);
    const next = probe.byteOffset;
    free(probe);
    expect(() => map(PAGE, both, fd)).toThrow(expect.objectContaining({ code: 'EACCES', syscall: 'mmap', errno: -13 }));
    expect(() => map(PAGE, PROT_READ, directory)).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    expect(() => map(PAGE, PROT_READ, 12345)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => map(PAGE, PROT_READ, fd, 1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => map(2 ** 31, PROT_READ, fd)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    const after = allocArray(PAGE);
    expect(after.byteOffset).toBe(next);
    free(after);
    closeSync(directory);
  });

  it.each([
    [0, PROT_READ, 1, 0],
    [1.5, PROT_READ, 1, 0],
    [PAGE, -1, 1, 0],
    [PAGE, PROT_READ, -1, 0],
    [PAGE, PROT_READ, 2 ** 32, 0],
    [PAGE, 2 ** 32 + PROT_READ, 1, 0],
    [PAGE, PROT_READ, 1, -PAGE],
    [PAGE, PROT_READ, 1, Number.NaN],
  ])('refuses map(%d, %d, %d, %d)', (length, prot, fd, offset) => {
    expect(() => map(length, prot, fd, offset)).toThrow(/must be|cannot be negative|cannot hold/);
  });

  it('throws where there is no host', async () => {
    const { memory: ordinary } = await loadEncoder();
    expect(() => ordinary.map(PAGE, PROT_READ, 0)).toThrow(
      expect.objectContaining({ code: 'ENOSYS', syscall: 'mmap' }),
    );
  });

  it('ends when the instance is closed', () => {
    const { fd, file } = opened(pages);
    const instance = createInstance({ windowSize: 1 << 20 });
    const bytes = instance.memory.map(PAGE, both, fd);
    instance.close();
    bytes.fill(0);
    expect(readFileSync(file).equals(pages)).toBe(true);
  });
});

describe('unmap', () => {
  it('takes what map returned, and only once', () => {
    const { fd } = opened(pages);
    const bytes = map(PAGE, PROT_READ, fd);
    expect(() => unmap(bytes.subarray(0))).toThrow(/must be what map\(\) returned/);
    expect(() => free(bytes)).toThrow(/memory that is allocated/);
    unmap(bytes);
    expect(() => unmap(bytes)).toThrow(/must be what map\(\) returned/);
    const sqe = alloc(io_uring_sqe);
    expect(() => io_uring_prep_read(sqe, 0, bytes, 1, 0)).toThrow(/freed/);
    free(sqe);
  });
});
