/** Timeouts, and how they end. */
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  __kernel_timespec,
  alloc,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
} from '../../../src/c.js';
import { RequestHandle } from '../../../src/index.js';
import { fails, openRing, settle } from '../../support/observed.js';
import { closing } from '../../support/sockets.js';

const elapsed = async (promise: Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await promise;
  return performance.now() - start;
};

describe('timeout', () => {
  it("takes milliseconds, or C's struct", async () => {
    const ring = openRing();
    expect(await elapsed(ring.timeout(30))).toBeGreaterThanOrEqual(29);
    expect(await elapsed(ring.timeout(0.25))).toBeLessThan(10_000);
    const ts = alloc(__kernel_timespec);
    ts.tv_nsec = 20_000_000;
    expect(await elapsed(ring.timeout(ts))).toBeGreaterThanOrEqual(19);
    await fails(ring.timeout(1, 0, IORING_TIMEOUT_ABS | IORING_TIMEOUT_MULTISHOT), 'EINVAL');
  });

  it('resolves to false when `count` requests complete before', async () => {
    const ring = openRing();
    const waiting = ring.timeout(100_000, 2);
    ring.submit();
    await Promise.all([ring.nop(), ring.nop()]);
    expect(await waiting).toBe(false);
  });

  it('resolves to true when the time is up, whatever its flags', async () => {
    const ring = openRing();
    expect(await ring.timeout(1)).toBe(true);
    expect(await ring.timeout(1, 0, 0)).toBe(true);
  });

  it('takes any number of milliseconds', async () => {
    const ring = openRing();
    for (const time of [0, 0.0000001, 0.9999999, 999.9999999 / 1000, 2.9999999999]) {
      expect(await ring.timeout(time)).toBe(true);
    }
    // just below a second, nanoseconds must not be rounded up to a whole one
    expect(await elapsed(ring.timeout(999.99999999))).toBeGreaterThan(998);
    await expect(ring.timeout(-1)).rejects.toThrow(RangeError);
    await expect(ring.timeout(Number.NaN)).rejects.toThrow(RangeError);
    await expect(ring.timeout('1' as never)).rejects.toThrow(
      /^ts must be milliseconds or a __kernel_timespec, not "1"$/,
    );
    expect(ring.pending).toBe(0);
  });

  it('timeout_update and timeout_remove', async () => {
    const ring = openRing();
    const handle = new RequestHandle();
    const waiting = ring.timeout(100_000, 0, 0, { handle });
    ring.submit();
    expect(await ring.timeout_update(10, handle)).toBe(0);
    expect(await waiting).toBe(true);
    const removed = ring.timeout(100_000, 0, IORING_TIMEOUT_ETIME_SUCCESS, { handle });
    ring.submit();
    const ended = fails(removed, 'ECANCELED');
    expect(await ring.timeout_remove(handle)).toBe(0);
    await ended;
    await fails(ring.timeout_remove(handle), 'ENOENT');
    await fails(ring.timeout_update(10, handle), 'ENOENT');
  });
});

describe('link_timeout', () => {
  it('cancels the member before it', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const late = ring.chain().read(input, Buffer.alloc(1)).link_timeout(20);
    const start = performance.now();
    expect(await settle(late)).toMatchObject([
      { status: 'rejected', name: 'read', reason: { code: 'ECANCELED' } },
      { status: 'rejected', name: 'link_timeout', reason: { code: 'ETIME' } },
    ]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(19);
  });

  it('is no error when it was not needed', async () => {
    const ring = openRing();
    const early = ring.chain().timeout(5).link_timeout(100_000).nop();
    expect(await settle(early)).toMatchObject([
      { status: 'fulfilled' },
      { status: 'fulfilled' },
      { status: 'fulfilled', name: 'nop', value: 0 },
    ]);
    await setTimeout(1);
    expect(ring.pending).toBe(0);
  });
});
