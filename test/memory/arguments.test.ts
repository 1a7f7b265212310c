/** Wrong arguments throw before anything is written, with Node's codes. Right ones arrive exactly. */
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  createInstance,
  free,
  type Instance,
  io_uring,
  io_uring_buf_ring_available,
  io_uring_cqe,
  io_uring_cqe_get_data64,
  io_uring_cqe_iter_init,
  io_uring_cqe_seen,
  io_uring_free_buf_ring,
  io_uring_get_sqe,
  io_uring_prep_nop,
  io_uring_prep_open,
  io_uring_prep_read,
  io_uring_prep_readv,
  io_uring_prep_splice,
  io_uring_probe,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_probe,
  io_uring_register_restrictions,
  io_uring_restriction,
  io_uring_setup_buf_ring,
  io_uring_sqe,
  io_uring_sqe_set_data64,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
  iovec,
  memory,
  Struct,
} from '../../src/c.js';
import { loadEncoder } from '../../src/encode.js';
import { Arguments, BadArguments, detached, isExact, rangeOf } from '../support/arguments.js';
import { type CFunction, model, type Parameter } from '../support/model.js';

const isRefusal = (error: unknown): boolean =>
  (error instanceof TypeError &&
    /^ERR_INVALID_(ARG_TYPE|ARG_VALUE|STATE)$/.test((error as { code?: string }).code ?? '')) ||
  (error instanceof RangeError && (error as { code?: string }).code === 'ERR_OUT_OF_RANGE');

type Call = (...values: unknown[]) => unknown;

describe('each argument of each function', () => {
  let instance: Instance;
  let good: Arguments;
  let bad: BadArguments;
  beforeAll(async () => {
    // without a host, so that a wrong call that is accepted does no harm
    instance = await loadEncoder(undefined, { windowSize: 4 << 20 });
    good = new Arguments(instance);
    bad = new BadArguments(instance, await loadEncoder());
  });

  const named = model.functions
    .filter(({ parameters }) => parameters.length > 0)
    .map((fn): [string, CFunction] => [fn.name, fn]);

  it.each(named)('%s', (name, fn) => {
    const call = (instance.functions as unknown as Record<string, Call>)[name];
    fc.assert(
      fc.property(good.good(fn), (list) => {
        const values = list.map(({ value }) => value);
        const blocks = values.filter((value) => value instanceof Struct);
        for (const block of blocks) block.bytes.fill(0xa5);
        fn.parameters.forEach((parameter, index) => {
          for (const [what, value] of bad.of(fn, index, values)) {
            let outcome: unknown = 'it was accepted';
            try {
              call?.(...values.with(index, value));
            } catch (error) {
              outcome = error;
            }
            const says = isRefusal(outcome) && (outcome as Error).message.includes(parameter.name);
            if (!says) throw new Error(`${parameter.name}: ${what}: ${outcome}`);
          }
        });
        for (const block of blocks) expect(block.bytes.every((byte) => byte === 0xa5)).toBe(true);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });
});

/** The functions that fill in an SQE: they need nothing but memory. */
const preparing = model.functions.filter(
  ({ parameters, result }) =>
    result.kind === 'void' &&
    parameters.some(({ type }) => type.kind === 'pointer' && type.struct === 'io_uring_sqe' && type.to === 'struct'),
);

describe('what C converts', () => {
  let instance: Instance;
  let good: Arguments;
  let sqe: io_uring_sqe;
  beforeAll(async () => {
    instance = await loadEncoder();
    good = new Arguments(instance);
    sqe = good.struct('io_uring_sqe') as io_uring_sqe;
  });

  /** The SQE after a call, in hex. */
  const prepared = ({ name }: CFunction, values: readonly unknown[]): string => {
    sqe.bytes.fill(0xa5);
    (instance.functions as unknown as Record<string, Call>)[name]?.(...values);
    return Buffer.from(sqe.bytes).toString('hex');
  };

  /** Good arguments, with an address for each pointer that must point to something. */
  const anywhere = (fn: CFunction): fc.Arbitrary<unknown[]> =>
    good
      .good(fn)
      .map((list) => list.map(({ value }, index) => (fn.parameters[index]?.access === 'any' ? 4096 : value)));

  it('converts -1 for an unsigned type to its highest value', () => {
    let compared = 0;
    for (const fn of preparing) {
      const [values = []] = fc.sample(anywhere(fn), 1);
      fn.parameters.forEach(({ type, name }, index) => {
        if (type.kind !== 'integer' || type.signed || type.role !== 'number') return;
        const { max } = rangeOf(type);
        const highest = isExact(type) ? max : Number(max);
        const [negative, positive] = [-1, highest].map((value) => prepared(fn, values.with(index, value)));
        expect(negative, `${fn.name}, ${name}`).toBe(positive);
        compared++;
      });
    }
    expect(compared).toBeGreaterThan(100);
  });

  it('gives the same for a number as for a bigint', () => {
    const isWide = ({ type }: Parameter): boolean => type.kind === 'integer' && isExact(type);
    const wide = preparing.filter(({ parameters }) => parameters.some(isWide));
    expect(wide.length).toBeGreaterThan(30);
    for (const fn of wide) {
      fc.assert(
        fc.property(anywhere(fn), fc.maxSafeInteger(), (values, number) => {
          const [asNumber, asBigint] = [number, BigInt(number)].map((given) =>
            prepared(
              fn,
              values.map((value, index) => (isWide(fn.parameters[index] as Parameter) ? given : value)),
            ),
          );
          expect(asNumber).toBe(asBigint);
        }),
        { numRuns: 20 },
      );
    }
  });

  it('refuses -1 as the length of a buffer, as no buffer has so many bytes', () => {
    const { memory: ours } = instance;
    const buffer = ours.bytes.subarray(ours.start, ours.start + 4096);
    let tried = 0;
    for (const fn of model.functions) {
      const call = (instance.functions as unknown as Record<string, Call>)[fn.name];
      const [values = []] = fc.sample(good.good(fn), 1).map((list) => list.map(({ value }) => value));
      fn.parameters.forEach(({ access, bytes, name }, index) => {
        const words = bytes?.split(/ [*+] /) ?? [];
        if (access !== 'any' || !fn.parameters.some((other) => words.includes(other.name))) return;
        const counted = fn.parameters.map((other, at) => (words.includes(other.name) ? -1 : values[at]));
        expect(() => call?.(...counted.with(index, buffer)), `${fn.name}, ${name}`).toThrow(
          expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
        );
        tried++;
      });
    }
    expect(tried).toBeGreaterThan(30);
  });
});

describe('the error for a wrong argument names the mistake:', () => {
  let sqe: io_uring_sqe;
  beforeEach(() => {
    sqe = alloc(io_uring_sqe);
    sqe.bytes.fill(0xa5);
  });
  afterEach(() => {
    if (sqe.address === 0) return;
    expect([...new Set(sqe.bytes)]).toEqual([0xa5]);
    free(sqe);
  });

  const asAny = (value: unknown): never => value as never;

  it('null for an SQE: the SQ ring is full', () => {
    expect(() => io_uring_prep_nop(asAny(null))).toThrow(/^sqe must be .*full.*submit/);
  });

  it('a freed SQE', () => {
    free(sqe);
    expect(() => io_uring_prep_nop(sqe)).toThrow(/^sqe must be .*alive.*freed/);
    expect(() => sqe.opcode).toThrow(/io_uring_sqe must be alive.*freed/);
    expect(() => {
      sqe.opcode = 1;
    }).toThrow(/freed/);
  });

  it('an SQE of another instance', () => {
    const other = createInstance({ windowSize: 1 << 20 });
    const foreign = other.memory.alloc(io_uring_sqe);
    expect(() => io_uring_prep_nop(foreign)).toThrow(/^sqe must be .*same instance/);
    expect(() => other.functions.io_uring_prep_nop(sqe)).toThrow(/^sqe must be .*same instance/);
    expect([...new Set(foreign.bytes)]).toEqual([0]);
    other.close();
  });

  it('a struct of another class', () => {
    const other = alloc(iovec);
    expect(() => io_uring_prep_nop(asAny(other))).toThrow(/^sqe must be an io_uring_sqe.*not iovec/);
    expect(() => io_uring_prep_readv(sqe, 0, asAny(alloc(io_uring_cqe)), 1, 0)).toThrow(/^iovecs must be an iovec/);
    free(other);
  });

  it('a struct of another class as room for the result', () => {
    const ring = alloc(io_uring);
    expect(() => io_uring_cqe_iter_init(ring, asAny(sqe))).toThrow(/^into must be an io_uring_cqe_iter/);
    free(ring);
  });

  it('a buffer that is shorter than the length', () => {
    expect(() => io_uring_prep_read(sqe, 0, new Uint8Array(15), 16, 0)).toThrow(/buf has 15 bytes, but 16 /);
    expect(() => io_uring_prep_read(sqe, 0, allocArray(15), 16, 0)).toThrow(/buf has 15 bytes, but 16 /);
    expect(() => io_uring_prep_readv(sqe, 0, alloc(iovec, 2), 3, 0)).toThrow(/iovecs has 32 bytes, but 48 /);
  });

  it('a detached buffer', () => {
    expect(() => io_uring_prep_read(sqe, 0, detached(), 0, 0)).toThrow(/buf must be attached/);
  });

  it('text without a NUL', () => {
    expect(() => io_uring_prep_open(sqe, Buffer.from('/etc/passwd'), 0, 0)).toThrow(/path does not end with NUL/);
    expect(() => io_uring_prep_open(sqe, asAny('/etc/passwd'), 0, 0)).toThrow(/path must be .*allocString/);
  });

  it('a number that C would convert to another one', () => {
    expect(() => io_uring_prep_read(sqe, 0, null, 0, 2 ** 53)).toThrow(/offset is 9007199254740992,.*bigint/);
    expect(() => io_uring_prep_read(sqe, 0, null, 0, 1.5)).toThrow(/offset must be an integer, not 1.5/);
    expect(() => io_uring_prep_read(sqe, 0, null, 2 ** 32, 0)).toThrow(/nbytes is 4294967296,.*32-bit unsigned/);
    expect(() => io_uring_prep_read(sqe, -(2 ** 31) - 1, null, 0, 0)).toThrow(/fd is -2147483649,.*32-bit signed/);
    expect(() => io_uring_prep_read(sqe, 0, null, 0, 2n ** 64n)).toThrow(/offset is 18446744073709551616,.*64-bit/);
    expect(() => io_uring_prep_splice(sqe, 0, 2n ** 63n, 0, 0, 0, 0)).toThrow(/off_in is 9223372036854775808,.*64-bit/);
  });
});

describe('memory that the kernel writes to', () => {
  let ring: io_uring;
  beforeEach(() => {
    ring = alloc(io_uring);
    expect(io_uring_queue_init(4, ring, 0)).toBe(0);
  });
  afterEach(() => {
    io_uring_queue_exit(ring);
    free(ring);
  });

  it('must hold all elements of an array', () => {
    const probe = alloc(io_uring_probe);
    expect(() => io_uring_register_probe(ring, probe, 1)).toThrow(/p has 16 bytes, but 24 /);
    const room = memory.struct(io_uring_probe, allocArray(16 + 3 * 8));
    expect(() => io_uring_register_probe(ring, room, 4)).toThrow(/p has 40 bytes, but 48 /);
    expect(io_uring_register_probe(ring, room, 3)).toBe(0);
    expect(room.ops_len).toBe(3);
    const two = alloc(io_uring_restriction, 2);
    expect(() => io_uring_register_restrictions(ring, two, 3)).toThrow(/res has 32 bytes, but 48 /);
    for (const block of [probe, two]) free(block);
  });

  it('is not kept after a call that threw', () => {
    const sqe = alloc(io_uring_sqe);
    const buffer = new Uint8Array(16);
    expect(() => io_uring_prep_read(sqe, 0, buffer, 16, 1.5)).toThrow(TypeError);
    io_uring_prep_read(sqe, 0, null, 0, 0);
    expect([...sqe.borrowed]).toEqual([]);
    io_uring_prep_read(sqe, 0, buffer, 16, 0);
    expect([...sqe.borrowed]).toEqual([buffer]);
    free(sqe);
  });

  it('is found by a 16-bit number that was -1', () => {
    const error = allocArray(1, Int32Array);
    const group = 0xffff;
    const buffers = io_uring_setup_buf_ring(ring, 4, group, 0, error);
    if (!buffers) throw new Error(`no buffer ring: ${error[0]}`);
    expect(io_uring_buf_ring_available(ring, buffers, group)).toBe(0);
    expect(io_uring_buf_ring_available(ring, buffers, -1)).toBe(0);
    expect(io_uring_free_buf_ring(ring, buffers, 4, group)).toBe(0);
    free(error);
  });

  describe('user_data', () => {
    /** The user_data that comes back from the kernel. */
    const roundTrip = (data: number | bigint): bigint[] => {
      const sqe = io_uring_get_sqe(ring);
      if (!sqe) throw new Error('the ring is full');
      io_uring_prep_nop(sqe);
      io_uring_sqe_set_data64(sqe, data);
      const pointer = memory.allocPointers(io_uring_cqe);
      expect(io_uring_submit_and_wait(ring, 1)).toBe(1);
      expect(io_uring_wait_cqe(ring, pointer)).toBe(0);
      const { value: cqe } = pointer;
      const values = [sqe.user_data, cqe.user_data, io_uring_cqe_get_data64(cqe)];
      io_uring_cqe_seen(ring, cqe);
      free(pointer);
      return values;
    };

    it.each([
      [0, 0n],
      [2 ** 53 - 1, 2n ** 53n - 1n],
      [-1, 2n ** 64n - 1n],
      [-(2 ** 53) + 1, 2n ** 64n - 2n ** 53n + 1n],
      [2n ** 53n + 1n, 2n ** 53n + 1n],
      [2n ** 63n, 2n ** 63n],
      [2n ** 63n - 1n, 2n ** 63n - 1n],
      [0xffffffffffffffffn, 0xffffffffffffffffn],
      [0x123456789abcdef0n, 0x123456789abcdef0n],
      [-1n, 0xffffffffffffffffn],
      [-(2n ** 63n), 2n ** 63n],
    ])('of %s comes back as %s', (data, expected) => {
      expect(roundTrip(data)).toEqual([expected, expected, expected]);
    });

    it('with any 64 bits comes back unchanged', () => {
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (data) => {
          expect(roundTrip(data)).toEqual([data, data, data]);
        }),
        { numRuns: 1000 },
      );
    });
  });
});
