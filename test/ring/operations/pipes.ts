/** Pipes, and data that is moved through them. */
import { readSync, writeFileSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { O_CLOEXEC, O_NONBLOCK } from '../../../src/linux.js';
import { fails, ifPresent, openRing } from '../../support/observed.js';
import { newPath } from '../../support/scratch.js';
import { closing } from '../../support/sockets.js';

const buf = Buffer.alloc(100);
const readText = (fd: number): string => buf.toString('utf8', 0, readSync(fd, buf));

describe('pipes', () => {
  it('pipe', async (context) => {
    const ring = openRing();
    await fails(ring.pipe(1), 'EINVAL');
    const [input, output] = await ifPresent(context, ring.pipe(O_CLOEXEC | O_NONBLOCK), 'EINVAL');
    closing(input);
    closing(output);
    writeSync(output, 'through');
    expect(readText(input)).toBe('through');
    expect(() => readSync(input, buf)).toThrow('EAGAIN');
  });

  it('pipe_direct takes slots that are named, and others', async (context) => {
    const ring = openRing();
    await fails(ring.pipe_direct(), 'ENFILE');
    const files = ring.registerFiles(8);
    for (const ends of [
      await ifPresent(context, ring.pipe_direct(0, files.at(3)), 'EINVAL'),
      await ring.pipe_direct(),
      await ring.pipe_direct(O_NONBLOCK),
    ]) {
      const [input, output] = ends;
      expect(await ring.write(output, Buffer.from('direct'))).toBe(6);
      expect(await ring.read(input, buf)).toBe(6);
      expect(buf.toString('utf8', 0, 6)).toBe('direct');
    }
    await fails(ring.pipe_direct(0, files.at(7)), 'EINVAL');
  });
});

describe('splice and tee', () => {
  it('move and copy data', async () => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, 'from a file');
    const file = closing(await ring.open(path));
    const [first, second] = [await ring.pipe(), await ring.pipe()];
    for (const fd of [...first, ...second]) closing(fd);
    expect(await ring.splice(file, 5, first[1], -1, 100)).toBe(6);
    expect(await ring.tee(first[0], second[1], 100)).toBe(6);
    expect(readText(second[0])).toBe('a file');
    expect(readText(first[0])).toBe('a file');
    await fails(ring.splice(first[0], -1, file, 0, 10), 'EBADF');
    await fails(ring.tee(file, first[1], 10), 'EINVAL');
    await fails(ring.splice(-1, 0, first[1], -1, 10), 'EBADF');
    await fails(ring.tee(first[0], -1, 10), 'EBADF');
  });

  it('work with direct descriptors', async () => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, 'from a file');
    ring.registerFiles(8);
    const file = await ring.open_direct(path);
    const [input, output] = await ring.pipe_direct();
    const [copyIn, copyOut] = await ring.pipe_direct();
    expect(await ring.splice(file, 0, output, -1, 100)).toBe(11);
    expect(await ring.tee(input, copyOut, 4)).toBe(4);
    expect(await ring.read(copyIn, buf)).toBe(4);
    expect(buf.toString('utf8', 0, 4)).toBe('from');
    expect(await ring.read(input, buf)).toBe(11);
  });
});
