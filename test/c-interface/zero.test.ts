/** prepZero() and zeroOperation() on this machine's kernel. test/guest runs them on one with IORING_OP_ZERO. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  alloc,
  allocPointers,
  check,
  free,
  IORING_OP_FALLOCATE,
  IORING_OP_ZERO,
  io_uring_cqe,
  io_uring_cqe_seen,
  io_uring_free_probe,
  io_uring_get_probe,
  io_uring_get_sqe,
  io_uring_opcode_supported,
  io_uring_sqe,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
  prepZero,
  zeroOperation,
} from '../../src/c.js';
import { openRing } from '../support/ring.js';

/** How many of the process's fds are rings. */
function rings(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('io_uring');
    } catch {
      return false; // the fd of the directory itself
    }
  }).length;
}

// before any other, as the first call's answer is kept
it('leaves no ring behind', () => {
  const before = rings();
  zeroOperation({ fallback: 'fallocate' });
  expect(rings()).toBe(before);
});

function kernelKnowsTheNumber(): boolean {
  const probe = io_uring_get_probe();
  if (probe === null) return false;
  const known = io_uring_opcode_supported(probe, IORING_OP_ZERO) !== 0;
  io_uring_free_probe(probe);
  return known;
}

describe('on a kernel that does not know the opcode', () => {
  const known = kernelKnowsTheNumber();
  const reason = 'this kernel knows opcode 65: test/guest and test/kernel have the tests for such';

  it('throws, and leaves the SQE unchanged', ({ skip }) => {
    skip(known, reason);
    const sqe = alloc(io_uring_sqe);
    sqe.bytes.fill(7);
    const error = expect.objectContaining({
      code: 'EOPNOTSUPP',
      errno: -95,
      syscall: 'io_uring_prep_zero',
      message: expect.stringMatching(/This kernel has no IORING_OP_ZERO\. .*fallback: 'fallocate'/),
    });
    expect(() => zeroOperation()).toThrow(error);
    expect(() => prepZero(sqe, 1, 0, 5)).toThrow(error);
    expect(sqe.bytes).toEqual(new Uint8Array(64).fill(7));
    free(sqe);
  });

  it('does by FALLOCATE what fallocate(1) does, if it may', ({ skip }) => {
    skip(known, reason);
    expect(zeroOperation({ fallback: 'fallocate' })).toBe('fallocate');
    const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
    for (const path of [ours, theirs]) writeFileSync(path, '1234567890');
    const fd = openSync(ours, 'r+');
    onTestFinished(() => closeSync(fd));

    const ring = openRing(1);
    const cqe = allocPointers(io_uring_cqe);
    const sqe = io_uring_get_sqe(ring);
    if (sqe === null) throw new Error('no SQE');
    expect(prepZero(sqe, fd, 7, 5, { fallback: 'fallocate' })).toBe('fallocate');
    expect(sqe.opcode).toBe(IORING_OP_FALLOCATE);
    check(io_uring_submit_and_wait(ring, 1), 'io_uring_submit_and_wait');
    check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
    const { res } = cqe.value;
    io_uring_cqe_seen(ring, cqe.value);
    free(cqe);

    const { status } = spawnSync('fallocate', ['--zero-range', '--offset', '7', '--length', '5', theirs]);
    expect(res).toBe(status === 0 ? 0 : -95);
    expect(readFileSync(ours)).toEqual(readFileSync(theirs));
  });
});

it('refuses a fallback that it does not know', () => {
  const wrong = { fallback: 'write' } as unknown as { fallback: 'fallocate' };
  expect(() => zeroOperation(wrong)).toThrow('fallback must be "fallocate" or undefined, not "write"');
});
