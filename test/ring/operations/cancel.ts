/** Cancellation by handle, by file and by AbortSignal. */
import { writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IORING_ASYNC_CANCEL_ALL } from '../../../src/c.js';
import { RequestHandle } from '../../../src/index.js';
import { fails, openRing } from '../../support/observed.js';
import { closing } from '../../support/sockets.js';

describe('cancel', () => {
  it('ends the request of a handle', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const handle = new RequestHandle();
    await expect(ring.cancel(handle)).rejects.toThrow('handle must be of a request, not of none yet');
    const reading = ring.read(input, Buffer.alloc(1), 1, -1, { handle });
    ring.submit();
    const ended = fails(reading, 'ECANCELED');
    expect(await ring.cancel(handle)).toBe(0);
    await ended;
    expect(handle.result).toBe(-125);
    await fails(ring.cancel(handle), 'ENOENT');
    await fails(ring.cancel(handle, 1 << 20), 'EINVAL');
  });

  it('cancel_fd ends the requests of a file', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const reads = [1, 2, 3].map(() => ring.read(input, Buffer.alloc(1)));
    const ends = reads.map((read) => fails(read, 'ECANCELED'));
    ring.submit();
    expect(await ring.cancel_fd(input, IORING_ASYNC_CANCEL_ALL)).toBe(3);
    await Promise.all(ends);
    await fails(ring.cancel_fd(input), 'ENOENT');
    await fails(ring.cancel_fd(-1), 'EBADF');
  });

  it('cancel_fd of a direct descriptor', async () => {
    const ring = openRing();
    ring.registerFiles(4);
    const [input] = await ring.pipe_direct();
    const ended = fails(ring.read(input, Buffer.alloc(1)), 'ECANCELED');
    ring.submit();
    expect(await ring.cancel_fd(input)).toBe(0);
    await ended;
  });
});

describe('AbortSignal', () => {
  it('rejects with its reason, but not before the kernel is done', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = ring.read(input, Buffer.alloc(1), 1, -1, { signal: controller.signal });
    ring.submit();
    controller.abort(reason);
    expect(ring.pending).toBe(2);
    await expect(reading).rejects.toBe(reason);
    await ring.nop();
    expect(ring.pending).toBe(0);
  });

  it('cancels a request that a kernel thread runs', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const controller = new AbortController();
    const reading = ring.read(input, Buffer.alloc(1), 1, -1, { async: true, signal: controller.signal });
    ring.submit();
    await ring.timeout(5);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('submits nothing when it is aborted before, and does nothing when it is aborted after', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const buf = Buffer.alloc(1);
    await expect(ring.nop({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(ring.pending).toBe(0);
    const controller = new AbortController();
    const reading = ring.read(input, buf, 1, -1, { signal: controller.signal });
    writeSync(output, 'x');
    expect(await reading).toBe(1);
    controller.abort();
    expect(ring.pending).toBe(0);
  });

  it('of AbortSignal.timeout()', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const signal = AbortSignal.timeout(10);
    await expect(ring.poll_add(input, 1, { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('keeps the result of a request that succeeded nevertheless', async () => {
    const ring = openRing();
    const results = [];
    for (let round = 0; round < 200; round++) {
      const [input, output] = (await ring.pipe()) as [number, number];
      const controller = new AbortController();
      const reading = ring.read(input, Buffer.alloc(1), 1, -1, { signal: controller.signal });
      ring.submit();
      if (round % 2) writeSync(output, 'x');
      controller.abort();
      results.push(await reading.catch((error: Error) => error.name));
      await Promise.all([ring.close_fd(input), ring.close_fd(output)]);
    }
    // a request that had its data before the abort kept it
    expect(new Set(results)).toEqual(new Set([1, 'AbortError']));
    expect(ring.pending).toBe(0);
  });

  it('cancels a member of a chain', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const controller = new AbortController();
    const settled = ring.chain().read(input, Buffer.alloc(1), 1, -1, { signal: controller.signal }).nop().settle();
    await ring.nop();
    controller.abort();
    expect(await settled).toMatchObject([
      { status: 'rejected', name: 'read', reason: { name: 'AbortError' } },
      { status: 'rejected', name: 'nop', reason: { code: 'ECANCELED' } },
    ]);
  });
});
