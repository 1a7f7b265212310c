/** IORING_OP_ZERO on file systems that can zero a range. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, copyFileSync, fstatSync, openSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  alloc,
  allocArray,
  IORING_OP_ZERO,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  io_uring_enable_rings,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_opcode_supported,
  io_uring_prep_cancel64,
  io_uring_prep_fallocate,
  io_uring_prep_read,
  io_uring_prep_write,
  io_uring_prep_zero,
  io_uring_register_files,
  io_uring_register_iowq_max_workers,
  io_uring_register_restrictions,
  io_uring_restriction,
  io_uring_submit,
  zeroOperation,
} from '../../src/c.js';
import { FALLOC_FL_ZERO_RANGE } from '../../src/linux.js';
import { inRoot } from '../support/paths.js';
import { openRing } from '../support/ring.js';
import {
  complete,
  disks,
  EACCES,
  EALREADY,
  EBADF,
  ECANCELED,
  EFBIG,
  EINVAL,
  ENODEV,
  EOPNOTSUPP,
  EPERM,
  ESPIPE,
  expectBytes,
  pattern,
  prepare,
  reap,
  request,
  scratchFile,
  scratchFolder,
  zero,
  zeroed,
} from './support.js';

const SIZE = 64 * 1024;

it('is an operation of this kernel, and has that name', () => {
  const ring = openRing(1);
  const probe = io_uring_get_probe_ring(ring);
  if (probe === null) throw new Error('no probe');
  expect(io_uring_opcode_supported(probe, IORING_OP_ZERO), 'the kernel has no IORING_OP_ZERO').toBe(1);
  expect(probe.last_op).toBe(IORING_OP_ZERO);
  io_uring_free_probe(probe);
  expect(zeroOperation()).toBe('zero');
});

describe.each(Object.entries(disks))('on %s', (_name, disk) => {
  it('zeroes the first five bytes of file_with_stuff', () => {
    const path = join(scratchFolder(disk), 'file_with_stuff');
    const hexdump = (): string => execFileSync('hexdump', ['-C', path], { encoding: 'utf8' });
    writeFileSync(path, '1234567890');
    expect(hexdump()).toMatch(/^0{8} {2}31 32 33 34 35 36 37 38 {2}39 30 +\|1234567890\|$/m);
    execFileSync(execPath, [inRoot('build/examples/zero.js'), path]);
    expect(hexdump()).toMatch(/^0{8} {2}00 00 00 00 00 36 37 38 {2}39 30 +\|\.{5}67890\|$/m);
  });

  it.each([
    ['one block', 0, 4096],
    ['a few bytes', 0, 5],
    ['one byte', 1, 1],
    ['two bytes in two blocks', 4095, 2],
    ['an odd range across blocks', 12_345, 23_456],
    ['the last byte', SIZE - 1, 1],
    ['everything', 0, SIZE],
    ['more than everything', 0, SIZE + 1],
    ['the end and more', SIZE - 1234, 5678],
    ['what comes after the end', SIZE, 4096],
    ['a byte behind a hole after the end', SIZE + 12_345, 1],
  ])('zeroes %s like fallocate(2)', (_what, offset, length) => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE));
    const other = `${file.path}-2`;
    copyFileSync(file.path, other);
    execFileSync('fallocate', ['--zero-range', '--offset', `${offset}`, '--length', `${length}`, other]);

    expect(zero(ring, file.fd, offset, length)).toBe(0);
    expectBytes(file.read(), zeroed(pattern(SIZE), offset, length));
    expectBytes(file.read(), readFileSync(other));
  });

  it('keeps the blocks of what it zeroes, where punching a hole would free them', () => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(1 << 20));
    execFileSync('sync', [file.path]);
    expect(zero(ring, file.fd, 0, 1 << 20)).toBe(0);
    execFileSync('sync', [file.path]);
    expect(fstatSync(file.fd).blocks * 512).toBeGreaterThanOrEqual(1 << 20);
    expectBytes(file.read(), Buffer.alloc(1 << 20));
  });

  it('makes a range beyond 4 GiB read as zeroes', () => {
    const ring = openRing(1);
    const file = scratchFile(disk, 'x');
    expect(zero(ring, file.fd, 2n ** 32n + 1n, 3)).toBe(0);
    expect(fstatSync(file.fd, { bigint: true }).size).toBe(2n ** 32n + 4n);
  });

  it.each<[string, number | bigint, number | bigint, number]>([
    ['a length of 0', 0, 0, EINVAL],
    ['a length of 2^63', 0, 2n ** 63n, EINVAL],
    ['a length of 2^64 - 1', 0, 2n ** 64n - 1n, EINVAL],
    ['an offset of 2^63', 2n ** 63n, 1, EINVAL],
    ['an offset of -4096', 2n ** 64n - 4096n, 4096, EINVAL],
    ['an end of 2^63', 2n ** 63n - 1n, 1, EFBIG],
    ['an end of 2^63 - 1 + 2^63 - 1', 2n ** 63n - 1n, 2n ** 63n - 1n, EFBIG],
    ['a length that reaches 2^63', 2, 2n ** 63n - 2n, EFBIG],
  ])('refuses %s, as fallocate does, and leaves the file', (_what, offset, length, expected) => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE));
    expect(zero(ring, file.fd, offset, length)).toBe(expected);
    const byFallocate = request(ring, (sqe) =>
      io_uring_prep_fallocate(sqe, file.fd, FALLOC_FL_ZERO_RANGE, offset, length),
    );
    // a length with the sign bit set looks positive to unsigned arithmetic only
    expect(byFallocate).toBe(expected);
    expectBytes(file.read(), pattern(SIZE));
  });

  it.each(['len', 'rw_flags', 'buf_index', 'splice_fd_in', 'addr3', 'ioprio'] as const)(
    'refuses an SQE whose %s is not zero',
    (field) => {
      const ring = openRing(1);
      const file = scratchFile(disk, pattern(SIZE));
      const result = zero(ring, file.fd, 0, 5, (sqe) => {
        if (field === 'addr3') sqe.addr3 = 1n;
        else sqe[field] = 1;
      });
      expect(result).toBe(EINVAL);
      expectBytes(file.read(), pattern(SIZE));
    },
  );

  it('refuses an SQE whose last word is not zero', () => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE));
    const result = zero(ring, file.fd, 0, 5, (sqe) => {
      sqe.bytes[63] = 1;
    });
    expect(result).toBe(EINVAL);
    expectBytes(file.read(), pattern(SIZE));
  });

  it('refuses a file that is not open for writing', () => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE), constants.O_RDONLY);
    expect(zero(ring, file.fd, 0, 5)).toBe(EBADF);
    expectBytes(file.read(), pattern(SIZE));
  });

  it('refuses a directory', () => {
    const fd = openSync(scratchFolder(disk), constants.O_RDONLY | constants.O_DIRECTORY);
    onTestFinished(() => closeSync(fd));
    expect(zero(openRing(1), fd, 0, 5)).toBe(EBADF);
  });

  it.each([
    ['immutable', '+i', '-i'],
    ['append-only', '+a', '-a'],
  ])('refuses a file that is %s', (_what, set, unset) => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE));
    execFileSync('chattr', [set, file.path]);
    onTestFinished(() => {
      execFileSync('chattr', [unset, file.path]);
    });
    expect(zero(ring, file.fd, 0, 5)).toBe(EPERM);
    expectBytes(file.read(), pattern(SIZE));
  });

  it('zeroes in the middle of a file that is open for appending', () => {
    const file = scratchFile(disk, pattern(SIZE), constants.O_RDWR | constants.O_APPEND);
    expect(zero(openRing(1), file.fd, 100, 5)).toBe(0);
    expectBytes(file.read(), zeroed(pattern(SIZE), 100, 5));
  });

  it('takes a registered file', () => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE));
    expect(io_uring_register_files(ring, new Int32Array([-1, file.fd]), 2)).toBe(0);
    const fixed = (index: number): number =>
      zero(ring, index, 4095, 2, (sqe) => {
        sqe.flags = IOSQE_FIXED_FILE;
      });
    expect(fixed(1)).toBe(0);
    expectBytes(file.read(), zeroed(pattern(SIZE), 4095, 2));
    expect(fixed(0), 'an empty slot').toBe(EBADF);
    expect(fixed(2), 'no slot').toBe(EBADF);
  });

  it('runs in its turn in a linked chain', () => {
    const ring = openRing(4);
    const file = scratchFile(disk, '');
    const text = Buffer.from('1234567890');
    const read = allocArray(10);
    prepare(ring, 1, (sqe) => io_uring_prep_write(sqe, file.fd, text, 10, 0)).flags = IOSQE_IO_LINK;
    prepare(ring, 2, (sqe) => io_uring_prep_zero(sqe, file.fd, 0, 5)).flags = IOSQE_IO_LINK;
    prepare(ring, 3, (sqe) => io_uring_prep_read(sqe, file.fd, read, 10, 0));
    expect([...complete(ring, 3)]).toEqual([
      [1, 10],
      [2, 0],
      [3, 10],
    ]);
    expect(Buffer.from(read).toString('latin1')).toBe('\0\0\0\0\x0067890');
  });

  it('breaks a chain when it fails, whether the SQE or the file is at fault', () => {
    const ring = openRing(4);
    const file = scratchFile(disk, pattern(SIZE));
    for (const fail of ['at the file', 'at the SQE'] as const) {
      const first = prepare(ring, 1, (sqe) => io_uring_prep_zero(sqe, file.fd, 0, 0));
      first.flags = IOSQE_IO_LINK;
      if (fail === 'at the SQE') first.len = 1;
      prepare(ring, 2, (sqe) => io_uring_prep_zero(sqe, file.fd, 0, 5));
      const results = complete(ring, 2);
      expect([results.get(1), results.get(2)], fail).toEqual([EINVAL, ECANCELED]);
    }
    expectBytes(file.read(), pattern(SIZE));
  });

  it('waits for earlier requests if it is drained', () => {
    const ring = openRing(16);
    const file = scratchFile(disk, pattern(SIZE));
    const late = Buffer.alloc(SIZE, 0xee);
    for (let i = 1; i <= 8; i++) {
      prepare(ring, i, (sqe) => io_uring_prep_write(sqe, file.fd, late, SIZE, 0)).flags = IOSQE_ASYNC;
    }
    prepare(ring, 9, (sqe) => io_uring_prep_zero(sqe, file.fd, 1, 3)).flags = IOSQE_IO_DRAIN;
    const results = complete(ring, 9);
    expect([...results.keys()].at(-1)).toBe(9);
    expect(results.get(9)).toBe(0);
    expectBytes(file.read(), zeroed(late, 1, 3));
  });

  it('can be cancelled before a worker has it, and not afterwards', () => {
    const ring = openRing(8);
    const file = scratchFile(disk, pattern(SIZE));
    expect(io_uring_register_iowq_max_workers(ring, new Uint32Array([1, 1]))).toBe(0);
    execFileSync('fsfreeze', ['--freeze', disk]);
    const thaw = (): void => {
      execFileSync('fsfreeze', ['--unfreeze', disk]);
    };
    let frozen = true;
    onTestFinished(() => {
      if (frozen) thaw();
    });
    // the only worker waits for the file system in the first, and the second waits for the worker
    prepare(ring, 1, (sqe) => io_uring_prep_zero(sqe, file.fd, 0, 5));
    prepare(ring, 2, (sqe) => io_uring_prep_zero(sqe, file.fd, 4096, 5));
    expect(io_uring_submit(ring)).toBe(2);
    waitForBlockedWorker();
    prepare(ring, 11, (sqe) => io_uring_prep_cancel64(sqe, 1n, 0));
    prepare(ring, 12, (sqe) => io_uring_prep_cancel64(sqe, 2n, 0));
    const cancelled = complete(ring, 3);
    expect(cancelled.get(11)).toBe(EALREADY);
    expect(cancelled.get(12)).toBe(0);
    expect(cancelled.get(2)).toBe(ECANCELED);
    thaw();
    frozen = false;
    expect(reap(ring, 1).get(1)).toBe(0);
    expectBytes(file.read(), zeroed(pattern(SIZE), 0, 5));
  });

  it('runs many times at once in one file', () => {
    const ring = openRing(64);
    const file = scratchFile(disk, pattern(SIZE));
    let expected: Buffer = pattern(SIZE);
    for (let i = 0; i < 64; i++) {
      prepare(ring, i, (sqe) => io_uring_prep_zero(sqe, file.fd, i * 1024 + i, 300));
      expected = zeroed(expected, i * 1024 + i, 300);
    }
    expect([...complete(ring, 64).values()]).toEqual(new Array(64).fill(0));
    expectBytes(file.read(), expected);
  });

  it.each([
    ['with a polling thread', IORING_SETUP_SQPOLL],
    ['with deferred completions', IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN],
    ['with large entries', IORING_SETUP_SQE128 | IORING_SETUP_CQE32],
  ])('works in a ring %s', (_what, flags) => {
    const ring = openRing(4, { flags });
    const file = scratchFile(disk, pattern(SIZE));
    expect(zero(ring, file.fd, 5, 500)).toBe(0);
    expectBytes(file.read(), zeroed(pattern(SIZE), 5, 500));
  });

  it('can be allowed by a restriction that forbids FALLOCATE', () => {
    const ring = openRing(4, { flags: IORING_SETUP_R_DISABLED });
    const restriction = alloc(io_uring_restriction);
    restriction.opcode = IORING_RESTRICTION_SQE_OP;
    restriction.sqe_op = IORING_OP_ZERO;
    expect(io_uring_register_restrictions(ring, restriction, 1)).toBe(0);
    expect(io_uring_enable_rings(ring)).toBe(0);
    const file = scratchFile(disk, pattern(SIZE));
    const byFallocate = request(ring, (sqe) => io_uring_prep_fallocate(sqe, file.fd, FALLOC_FL_ZERO_RANGE, 0, 5));
    expect(byFallocate).toBe(EACCES);
    expect(zero(ring, file.fd, 0, 5)).toBe(0);
    expectBytes(file.read(), zeroed(pattern(SIZE), 0, 5));
  });

  it('notifies who watches the file', async () => {
    const ring = openRing(1);
    const file = scratchFile(disk, pattern(SIZE));
    const events: string[] = [];
    const watcher = watch(file.path, (event) => events.push(event));
    onTestFinished(() => watcher.close());
    const before = fstatSync(file.fd, { bigint: true });
    expect(zero(ring, file.fd, 0, 0)).toBe(EINVAL);
    expect(zero(ring, file.fd, 0, 5)).toBe(0);
    await expect.poll(() => events.length, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(events).toEqual(['change']);
    expect(fstatSync(file.fd, { bigint: true }).mtimeNs).toBeGreaterThan(before.mtimeNs);
  });
});

function waitForBlockedWorker(): void {
  const deadline = Date.now() + 60_000;
  const script = "grep -ls '^Name:.iou-wrk' /proc/[0-9]*/task/*/status | xargs -r grep -l '^State:.D' | wc -l";
  while (execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim() === '0') {
    if (Date.now() > deadline) throw new Error('no worker is blocked');
  }
}

describe('on other files', () => {
  it('a file on tmpfs answers EOPNOTSUPP and stays unchanged', () => {
    const file = scratchFile('/tmp', pattern(SIZE));
    expect(zero(openRing(1), file.fd, 0, 5)).toBe(EOPNOTSUPP);
    expectBytes(file.read(), pattern(SIZE));
  });

  it('a block device zeroes whole blocks', () => {
    const ring = openRing(1);
    const fd = openSync('/dev/nvme0n1', constants.O_RDWR);
    onTestFinished(() => closeSync(fd));
    writeFileSync(fd, pattern(SIZE));
    expect(zero(ring, fd, 4096, 8192)).toBe(0);
    expect(zero(ring, fd, 1, 4096)).toBe(EINVAL);
    const device = openSync('/dev/nvme0n1', constants.O_RDONLY);
    onTestFinished(() => closeSync(device));
    const now = Buffer.alloc(SIZE);
    expect(request(ring, (sqe) => io_uring_prep_read(sqe, device, now, SIZE, 0))).toBe(SIZE);
    expectBytes(now, zeroed(pattern(SIZE), 4096, 8192));
  });

  it('a pipe answers ESPIPE', () => {
    const folder = scratchFolder('/tmp');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const fd = openSync(join(folder, 'pipe'), constants.O_RDWR);
    onTestFinished(() => closeSync(fd));
    expect(zero(openRing(1), fd, 0, 5)).toBe(ESPIPE);
  });

  it('a socket and a character device answer ENODEV', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    expect(zero(openRing(1), fd, 0, 5)).toBe(ENODEV);
    const device = openSync('/dev/null', constants.O_RDWR);
    onTestFinished(() => closeSync(device));
    expect(zero(openRing(1), device, 0, 5)).toBe(ENODEV);
  });

  it('no file answers EBADF', () => {
    expect(zero(openRing(1), -1, 0, 5)).toBe(EBADF);
    expect(zero(openRing(1), 1_000_000, 0, 5)).toBe(EBADF);
  });
});
