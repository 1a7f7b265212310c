/** Registered buffers. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RegisteredBuffer } from '../../../src/index.js';
import { O_CREAT, O_RDWR } from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';
import { closing } from '../../support/sockets.js';

describe('registered buffers', () => {
  it('read_fixed, write_fixed', async () => {
    const ring = openRing();
    const [one, two] = ring.registerBuffers([Buffer.from('The quick brown fox'), Buffer.alloc(64)]) as [
      RegisteredBuffer,
      RegisteredBuffer,
    ];
    const path = newPath();
    const fd = closing(await ring.open(path, O_RDWR | O_CREAT));
    expect(await ring.write_fixed(fd, one)).toBe(19);
    expect(await ring.write_fixed(fd, one.subarray(4, 9), 5, 0)).toBe(5);
    expect(readFileSync(path, 'utf8')).toBe('quickuick brown fox');
    expect(await ring.read_fixed(fd, two, 5, 6n)).toBe(5);
    expect(Buffer.from(two.bytes).toString('utf8', 0, 5)).toBe('ick b');
    await fails(ring.read_fixed(-1, two), 'EBADF');
    await fails(ring.write_fixed(-1, two), 'EBADF');
    ring.unregisterBuffers();
    await fails(ring.read_fixed(fd, two), 'EFAULT');
    await fails(ring.write_fixed(fd, one), 'EFAULT');
    expect(() => ring.unregisterBuffers()).toThrow('ENXIO');
  });

  it('readv_fixed, writev_fixed', async () => {
    const ring = openRing();
    const [one, two] = ring.registerBuffers([Buffer.from('0123456789'), Buffer.alloc(64)]) as [
      RegisteredBuffer,
      RegisteredBuffer,
    ];
    const path = newPath();
    const fd = closing(await ring.open(path, O_RDWR | O_CREAT));
    expect(await ring.writev_fixed(fd, [one.subarray(5), one.subarray(0, 5)], undefined, 0)).toBe(10);
    expect(readFileSync(path, 'utf8')).toBe('5678901234');
    expect(await ring.readv_fixed(fd, [two.subarray(10, 13), two.subarray(0, 3)], 2, 0)).toBe(6);
    expect(Buffer.from(two.bytes).toString('latin1', 0, 13)).toBe(`890${'\0'.repeat(7)}567`);
    await expect(ring.readv_fixed(fd, [one, two])).rejects.toThrow(
      'iovecs must be parts of one and the same registered buffer',
    );
    await expect(ring.readv_fixed(fd, [])).rejects.toThrow(
      'iovecs must be parts of one and the same registered buffer',
    );
    await fails(ring.readv_fixed(-1, [two]), 'EBADF');
    await fails(ring.writev_fixed(fd, [two], 1, 0, 1 << 30), 'EOPNOTSUPP');
    ring.unregisterBuffers();
    await fails(ring.readv_fixed(fd, [two], 1, 0), 'EFAULT');
  });

  it('belong to their ring', async () => {
    const [ring, other] = [openRing(), openRing()];
    const [buffer] = ring.registerBuffers([Buffer.alloc(8)]) as [RegisteredBuffer];
    expect(buffer.length).toBe(8);
    await expect(other.read_fixed(0, buffer)).rejects.toThrow('buffer must be a registered buffer of the same ring');
    expect(() => ring.registerBuffers([])).toThrow('buffers must be a list of typed arrays or Buffers, not Array');
    expect(() => ring.registerBuffers([1 as never])).toThrow(TypeError);
    expect(() => ring.registerBuffers([Buffer.alloc(8)])).toThrow('EBUSY');
    expect(other.pending + ring.pending).toBe(0);
  });
});
