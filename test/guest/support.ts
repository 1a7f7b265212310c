/** Shared by the guest's tests: files on its disks, and requests one at a time. */
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import {
  allocPointers,
  check,
  free,
  type io_uring,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_prep_zero,
  type io_uring_sqe,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
} from '../../src/c.js';

/** The guest's scratch disks. */
export const disks = { ext4: '/mnt/ext4', xfs: '/mnt/xfs' } as const;

export const EBADF = -9;
export const EACCES = -13;
export const EINVAL = -22;
export const ENODEV = -19;
export const EPERM = -1;
export const EFBIG = -27;
export const ESPIPE = -29;
export const EALREADY = -114;
export const EOPNOTSUPP = -95;
export const ECANCELED = -125;

/** Makes a folder that is removed when the test is over. */
export function scratchFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file that is open for reading and writing, and removed when the test is over. */
export interface ScratchFile {
  path: string;
  fd: number;
  read(): Buffer;
}

/** Makes a {@link ScratchFile}. */
export function scratchFile(disk: string, contents: string | Uint8Array, flags = constants.O_RDWR): ScratchFile {
  const path = join(scratchFolder(disk), 'file');
  writeFileSync(path, contents);
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return { path, fd, read: () => readFileSync(path) };
}

const bytes = Buffer.alloc(1 << 20);
for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + ((i * 7 + (i >> 8) * 13) % 255);

/** At most 1 MiB without a zero byte, in which no two blocks are alike. It must not be written to. */
export const pattern = (length: number): Buffer => bytes.subarray(0, length);

/** What a file contains after a range of it was zeroed. A range beyond its end makes it longer. */
export function zeroed(before: Buffer, offset: number, length: number): Buffer {
  const after = Buffer.alloc(Math.max(before.length, offset + length));
  before.copy(after);
  return after.fill(0, offset, offset + length);
}

/** Compares by memcmp: without KVM, a loop over the bytes in JavaScript takes a minute. */
export function expectBytes(actual: Buffer, expected: Buffer): void {
  if (actual.equals(expected)) return;
  expect(actual.length, 'size').toBe(expected.length);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  throw new Error(`byte ${at} is ${actual[at]}, and should be ${expected[at]}`);
}

/** Prepares the next SQE, with a user_data of its own. */
export function prepare(ring: io_uring, userData: number, prep: (sqe: io_uring_sqe) => void): io_uring_sqe {
  const sqe = io_uring_get_sqe(ring);
  if (sqe === null) throw new Error('the SQ ring is full');
  prep(sqe);
  sqe.user_data = userData;
  return sqe;
}

/** Waits for completions, and returns their results by user_data, in the order of completion. */
export function reap(ring: io_uring, count: number): Map<number, number> {
  const cqe = allocPointers(io_uring_cqe);
  const results = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
    results.set(Number(cqe.value.user_data), cqe.value.res);
    io_uring_cqe_seen(ring, cqe.value);
  }
  free(cqe);
  return results;
}

/** Submits what is prepared, and waits for that many completions. */
export function complete(ring: io_uring, count: number): Map<number, number> {
  check(io_uring_submit_and_wait(ring, count), 'io_uring_submit_and_wait');
  return reap(ring, count);
}

/** Runs one request, and returns its result. */
export function request(ring: io_uring, prep: (sqe: io_uring_sqe) => void): number {
  prepare(ring, 1, prep);
  return complete(ring, 1).get(1) ?? Number.NaN;
}

/** Zeroes a range by IORING_OP_ZERO. */
export function zero(
  ring: io_uring,
  fd: number,
  offset: number | bigint,
  length: number | bigint,
  change: (sqe: io_uring_sqe) => void = () => {},
): number {
  return request(ring, (sqe) => {
    io_uring_prep_zero(sqe, fd, offset, length);
    change(sqe);
  });
}
