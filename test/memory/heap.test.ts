/** Allocation: blocks are zeroed, aligned and disjoint, and a wrong free throws. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createInstance,
  type Instance,
  io_uring,
  io_uring_cqe,
  io_uring_sqe,
  iovec,
  Pointers,
  type Struct,
  StructArray,
  SystemError,
} from '../../src/c.js';
import { loadEncoder } from '../../src/encode.js';

const WINDOW = 1 << 20;

const withCode = (code: RegExp): unknown => expect.objectContaining({ code: expect.stringMatching(code) });
const refusal = withCode(/^ERR_INVALID_ARG_(TYPE|VALUE)$/);
const outOfRange = withCode(/^ERR_OUT_OF_RANGE$/);
const wrongState = withCode(/^ERR_INVALID_STATE$/);
const exhaustion = expect.objectContaining({
  code: 'ENOMEM',
  errno: -12,
  syscall: 'mmap',
  message: expect.stringMatching(/no room for/),
});

describe.each([
  ['in the window of a host', (windowSize: number) => createInstance({ windowSize })],
  ['in ordinary memory', (windowSize: number) => loadEncoder(undefined, { windowSize })],
])('%s', (_, make) => {
  let instance: Instance;
  beforeEach(async () => {
    instance = await make(WINDOW);
  });
  afterEach(() => instance.close());

  describe('a block', () => {
    it('is zeroed, even where another block was', () => {
      for (let round = 0; round < 3; round++) {
        const blocks = [1, 16, 17, 100, 2048, 2049, 4096, 70000].map((size) => instance.memory.allocArray(size));
        for (const block of blocks) {
          expect(block.every((byte) => byte === 0)).toBe(true);
          block.fill(0xff);
        }
        for (const block of blocks) instance.memory.free(block);
      }
    });

    it('is aligned to its size, from 16 up to a page', () => {
      for (let size = 1; size <= 16384; size = Math.ceil(size * 1.5)) {
        // one behind the other
        const blocks = [1, 2, 3].map(() => instance.memory.allocArray(size));
        const unit = Math.min(4096, Math.max(16, 2 ** Math.ceil(Math.log2(size))));
        expect(
          blocks.map(({ byteOffset }) => byteOffset % unit),
          `${size} bytes`,
        ).toEqual([0, 0, 0]);
        for (const block of blocks) instance.memory.free(block);
      }
    });

    it('is inside the memory that may be handed out', () => {
      const { memory } = instance;
      const block = memory.allocArray(3000);
      expect(block.buffer).toBe(memory.view.buffer);
      expect(block.byteOffset).toBeGreaterThanOrEqual(memory.start);
      expect(block.byteOffset + block.length).toBeLessThanOrEqual(memory.end);
      memory.free(block);
    });
  });

  describe('the allocating functions', () => {
    it('make a struct', () => {
      const { memory } = instance;
      const struct = memory.alloc(io_uring_sqe);
      expect(struct.constructor).toBe(io_uring_sqe);
      expect([...new Set(struct.bytes)]).toEqual([0]);
      expect(struct.bytes.byteOffset).toBe(struct.address);
      memory.free(struct);
    });

    it('make an array of consecutive structs', () => {
      const { memory } = instance;
      const array = memory.alloc(iovec, 5);
      expect(array.constructor).toBe(StructArray);
      expect([...array].map(({ address }) => address - array.address)).toEqual([0, 16, 32, 48, 64]);
      const [element, again] = [array.at(3), array.at(3)];
      expect(element === again).toBe(true);
      for (const index of [-1, 5, 1.5]) expect(() => array.at(index)).toThrow(outOfRange);
      expect(() => array.at('0' as never)).toThrow(refusal);
      memory.free(array);
    });

    it('make an array of any type of number', () => {
      const { memory } = instance;
      for (const type of [Uint8Array, Int16Array, Uint32Array, Float64Array, BigInt64Array]) {
        const array = memory.allocArray<InstanceType<typeof type>>(7, type as never);
        expect(array.constructor).toBe(type);
        expect(array.length).toBe(7);
        memory.free(array);
      }
    });

    it('make pointers that are NULL at first', () => {
      const { memory } = instance;
      const pointers = memory.allocPointers(io_uring_cqe, 3);
      expect(pointers.constructor).toBe(Pointers);
      expect([0, 1, 2].map((index) => pointers.at(index)?.address)).toEqual([undefined, undefined, undefined]);
      expect(() => pointers.value).toThrow(wrongState);
      const cqe = memory.alloc(io_uring_cqe);
      memory.view.setBigUint64(pointers.address, BigInt(cqe.address), true);
      memory.view.setBigUint64(pointers.address + 16, BigInt(cqe.address), true);
      expect(pointers.value.address).toBe(cqe.address);
      expect([0, 1, 2].map((index) => pointers.at(index)?.address)).toEqual([cqe.address, undefined, cqe.address]);
      for (const index of [-1, 3, 0.5]) expect(() => pointers.at(index)).toThrow(outOfRange);
      memory.free(pointers);
      expect(() => pointers.value).toThrow(wrongState);
      memory.free(cqe);
    });

    it('make a UTF-8 string that ends with NUL', () => {
      const { memory } = instance;
      for (const text of ['', '/tmp/x', 'naïve ☃ 💧']) {
        const bytes = memory.allocString(text);
        expect(Buffer.from(bytes)).toEqual(Buffer.from(`${text}\0`));
        memory.free(bytes);
      }
      expect(() => memory.allocString('a\0b')).toThrow(refusal);
    });

    it('refuse an impossible number of elements', () => {
      const { memory } = instance;
      for (const length of [0, -1, 1.5, Number.NaN, 2 ** 53, 2 ** 32, '1' as never]) {
        expect(() => memory.allocArray(length), `${length}`).toThrow(refusal);
        expect(() => memory.alloc(iovec, length), `${length}`).toThrow(refusal);
        expect(() => memory.allocPointers(iovec, length), `${length}`).toThrow(refusal);
      }
    });
  });

  describe('a freed block', () => {
    it('throws when it is used', () => {
      const { memory } = instance;
      const struct = memory.alloc(io_uring);
      const { sq } = struct;
      const array = memory.alloc(iovec, 2);
      const element = array.at(1);
      const pointers = memory.allocPointers(iovec);
      for (const block of [struct, array, pointers]) memory.free(block);
      expect([struct, sq, array, element, pointers].map(({ address }) => address)).toEqual([0, 0, 0, 0, 0]);
      expect(() => struct.flags).toThrow(wrongState);
      expect(() => struct.sq).toThrow(wrongState);
      expect(() => sq.ring_sz).toThrow(wrongState);
      expect(() => struct.bytes).toThrow(wrongState);
      expect(() => array.at(0)).toThrow(wrongState);
      expect(() => element.iov_len).toThrow(wrongState);
      expect(() => pointers.at(0)).toThrow(wrongState);
    });

    it('cannot be freed again', () => {
      const { memory } = instance;
      const blocks = [
        memory.alloc(iovec),
        memory.alloc(iovec, 2),
        memory.allocPointers(iovec),
        memory.allocArray(10),
        memory.allocArray(10000),
      ];
      for (const block of blocks) memory.free(block);
      for (const block of blocks) expect(() => memory.free(block)).toThrow(refusal);
    });

    it('cannot be freed again when another block has taken its address', () => {
      const { memory } = instance;
      for (const [first, second] of [
        [() => memory.allocArray(10), () => memory.allocArray(11)],
        [() => memory.allocArray(16), () => memory.alloc(iovec)],
        [() => memory.alloc(iovec), () => memory.allocArray(16)],
        [() => memory.alloc(iovec), () => memory.alloc(io_uring_cqe)],
      ] as const) {
        const stale = first();
        const { address, byteOffset } = stale as { address?: number; byteOffset?: number };
        memory.free(stale);
        const block = second();
        const { address: now, byteOffset: nowAt } = block as { address?: number; byteOffset?: number };
        expect(now ?? nowAt).toBe(address ?? byteOffset);
        expect(() => memory.free(stale)).toThrow(refusal);
        memory.free(block);
      }
    });
  });

  it('free() refuses what was not allocated as a block', () => {
    const { memory } = instance;
    const ring = memory.alloc(io_uring);
    const array = memory.alloc(iovec, 2);
    const bytes = memory.allocArray(100);
    const foreign: unknown[] = [
      ring.sq, // at the same address as the ring
      ring.bytes,
      ring.cq.bytes,
      array.at(0),
      array.at(1),
      bytes.subarray(16),
      bytes.subarray(0, 10),
      memory.bytes,
      memory.struct(iovec, bytes),
      new Uint8Array(10),
      Buffer.alloc(10),
      {},
      null,
      undefined,
      bytes.byteOffset,
    ];
    for (const block of foreign) expect(() => memory.free(block as Struct)).toThrow(refusal);
    for (const block of [ring, array, bytes]) memory.free(block);
  });

  it('another instance cannot free a block', async () => {
    const other = await make(WINDOW);
    for (const block of [instance.memory.alloc(iovec), instance.memory.allocArray(10)]) {
      expect(() => other.memory.free(block)).toThrow(refusal);
      instance.memory.free(block);
    }
    other.close();
  });

  /** Fills memory up with blocks of one size. */
  const exhaust = (size: number, { memory } = instance): Uint8Array[] => {
    const blocks: Uint8Array[] = [];
    for (;;) {
      try {
        blocks.push(memory.allocArray(size));
      } catch (error) {
        expect(error).toEqual(exhaustion);
        return blocks;
      }
    }
  };

  describe('exhausted memory', () => {
    it.each([16, 1000, 4096, 65536, 100000])(
      'in blocks of %i bytes throws ENOMEM, and can be allocated again after a free',
      (size) => {
        const first = exhaust(size);
        expect(first.length * size).toBeGreaterThan(WINDOW / 2);
        // a failed allocation takes nothing, and changes nothing
        for (const [index, block] of first.entries()) block.fill(index);
        expect(() => instance.memory.allocArray(size)).toThrow(exhaustion);
        expect(() => instance.memory.alloc(io_uring_sqe, 100000)).toThrow(exhaustion);
        expect(first.every((block, index) => block.every((byte) => byte === index % 256))).toBe(true);
        for (const block of first) instance.memory.free(block);
        const second = exhaust(size);
        expect(second.length).toBe(first.length);
        for (const block of second) instance.memory.free(block);
      },
    );

    it('freed blocks of one size can be allocated in another size', () => {
      const large = exhaust(4 * 65536);
      expect(large.length).toBeGreaterThan(1);
      const pages = exhaust(65536);
      for (const block of [...large, ...pages]) instance.memory.free(block);
      // the other way round: many small blocks first, some of which share pages
      for (const size of [4096, 2048, 16]) for (const block of exhaust(size)) instance.memory.free(block);
      const again = exhaust(4 * 65536);
      expect(again.length).toBe(large.length);
      for (const block of again) instance.memory.free(block);
    });
  });

  it('100,000 allocations and frees in any order keep contents intact and memory free', async () => {
    const roomy = await make(8 * WINDOW);
    const { memory } = roomy;
    const before = exhaust(4096, roomy);
    for (const block of before) memory.free(block);

    const live: { bytes: Uint8Array; tag: number }[] = [];
    const isIntact = ({ bytes, tag }: { bytes: Uint8Array; tag: number }): boolean =>
      bytes.every((byte) => byte === tag);
    let used = 0;
    const [stream] = fc.sample(fc.infiniteStream(fc.nat(2 ** 31 - 1)), 1);
    const random = (limit: number): number => stream?.next().value % limit;
    for (let step = 0; step < 100_000; step++) {
      // small blocks are more frequent
      const size = 1 + random(2 ** random(16));
      if (used + size < WINDOW && random(2) === 0) {
        const bytes = memory.allocArray(size);
        if (!isIntact({ bytes, tag: 0 })) throw new Error(`a block of ${size} bytes is not zeroed`);
        const tag = step % 256;
        bytes.fill(tag);
        live.push({ bytes, tag });
        used += size;
      } else if (live.length > 0) {
        const [block] = live.splice(random(live.length), 1);
        if (!block || !isIntact(block)) throw new Error('a block has been overwritten');
        memory.free(block.bytes);
        used -= block.bytes.length;
      }
    }
    expect(live.every(isIntact)).toBe(true);
    for (const { bytes } of live) memory.free(bytes);
    const after = exhaust(4096, roomy);
    expect(after.length).toBe(before.length);
    roomy.close();
  });
});

it("an error of a system call has the form of Node's", () => {
  expect(new SystemError(-12, 'mmap')).toMatchObject({
    message: 'ENOMEM: not enough memory, mmap',
    code: 'ENOMEM',
    errno: -12,
    syscall: 'mmap',
  });
});
