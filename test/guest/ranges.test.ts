/** IORING_OP_ZERO on thousands of random ranges, compared with a Buffer that is zeroed alike. */
import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { io_uring_prep_zero } from '../../src/c.js';
import { openRing } from '../support/ring.js';
import { complete, disks, expectBytes, pattern, prepare, scratchFile, zeroed } from './support.js';

const SIZE = 48 * 1024;
const LIMIT = 2 * SIZE;
const RUNS = 75;
const RANGES = 20;

/** Ends of ranges near the end of a block are as frequent as others. */
const position = fc.oneof(
  fc.nat(LIMIT),
  fc.tuple(fc.nat(LIMIT / 4096), fc.integer({ min: -2, max: 2 })).map(([block, by]) => Math.max(0, block * 4096 + by)),
);
const range = fc
  .tuple(position, position)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => ({ offset: Math.min(a, b), length: Math.abs(a - b) }));
const step = fc.oneof(
  { weight: 4, arbitrary: range.map((at) => ({ ...at, what: 'zero' as const })) },
  { weight: 1, arbitrary: range.map((at) => ({ ...at, what: 'write' as const })) },
);

describe.each(Object.entries(disks))('on %s', (_name, disk) => {
  it(`leaves the content of the Buffer, ${RUNS * RANGES} times`, () => {
    const ring = openRing(1);
    const file = scratchFile(disk, '');
    const now = Buffer.alloc(LIMIT + 4096);
    let steps = 0;
    const property = fc.property(fc.array(step, { minLength: RANGES, maxLength: RANGES }), (list) => {
      ftruncateSync(file.fd, 0);
      let expected: Buffer = Buffer.from(pattern(SIZE));
      writeSync(file.fd, expected, 0, SIZE, 0);
      for (const { what, offset, length } of list) {
        if (what === 'write') {
          const grown = Buffer.alloc(Math.max(expected.length, offset + length));
          expected.copy(grown);
          pattern(length).copy(grown, offset);
          expected = grown;
          writeSync(file.fd, pattern(length), 0, length, offset);
        } else {
          expected = zeroed(expected, offset, length);
          prepare(ring, steps, (sqe) => io_uring_prep_zero(sqe, file.fd, offset, length));
          expect([...complete(ring, 1)]).toEqual([[steps, 0]]);
        }
        steps++;
        expectBytes(now.subarray(0, readSync(file.fd, now, 0, now.length, 0)), expected);
        expect(fstatSync(file.fd).size).toBe(expected.length);
      }
    });
    fc.assert(property, { numRuns: RUNS });
    expect(steps).toBe(RUNS * RANGES);
  });
});
