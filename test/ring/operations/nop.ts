import { describe, expect, it } from 'vitest';
import type { io_uring_sqe } from '../../../src/c.js';
import { fails, ifPresent, openRing } from '../../support/observed.js';

const IORING_NOP_INJECT_RESULT = 1;

/** Makes the kernel answer with this value. */
const inject = (result: number) => (sqe: io_uring_sqe) => {
  sqe.rw_flags = IORING_NOP_INJECT_RESULT;
  sqe.len = result >>> 0;
};

describe('nop', () => {
  it('resolves to 0, or to the value that it was asked for', async () => {
    const ring = openRing();
    expect(await ring.nop()).toBe(0);
    expect(await ring.nop({ editSqe: inject(42) })).toBe(42);
    await fails(ring.nop({ editSqe: inject(-5) }), 'EIO');
    await fails(ring.nop({ editSqe: inject(-105) }), 'ENOBUFS');
  });

  it('nop128 works in a ring of big SQEs', async (context) => {
    const ring = openRing({ sqe128: true });
    await fails(ring.nop128({ ioprio: 1, editSqe: inject(-22) }), 'EINVAL');
    expect(await ifPresent(context, ring.nop128(), 'EINVAL')).toBe(0);
  });
});
