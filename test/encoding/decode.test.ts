/** decode and diff, compared with C's own members. */
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type CallArguments, decode, diff, encoders, io_uring_sqe, loadEncoder } from '../../src/encode.js';
import { compileC, root } from '../support/subprocess.js';

const { encode } = await loadEncoder();

const members = io_uring_sqe.fields.filter(({ size, length }) => size > 0 && length === undefined);

/** Prints every member of the SQE in each line of hex, as C reads it. */
const reader = compileC(
  `#include <liburing.h>
   #include <stdio.h>
   int main(void)
   {
     char line[256];
     struct io_uring_sqe sqe;
     while (fgets(line, sizeof(line), stdin)) {
       for (size_t i = 0; i < sizeof(sqe); i++) {
         unsigned int byte;
         if (sscanf(line + 2 * i, "%2x", &byte) != 1)
           return 1;
         ((unsigned char *) &sqe)[i] = (unsigned char) byte;
       }
       ${members.map(({ name, signed }) => `printf("%${signed ? 'lld' : 'llu'} ", (${signed ? '' : 'unsigned '}long long) sqe.${name});`).join('\n')}
       putchar('\\n');
     }
     return 0;
   }`,
  [`-I${join(root, 'build/native/src/include')}`, `-I${join(root, 'build/liburing/src/include')}`],
);
afterAll(() => reader.clean());

function readByC(sqes: readonly Uint8Array[]): Map<string, bigint>[] {
  const input = sqes.map((bytes) => `${Buffer.from(bytes).toString('hex')}\n`).join('');
  const { status, stdout } = spawnSync(reader.program, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  expect(status).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map(
      (line) =>
        new Map(
          line
            .trim()
            .split(' ')
            .map((value, i) => [members[i]?.name ?? '', BigInt(value)]),
        ),
    );
}

it('every member that it names has the value that C reads, whatever the bytes', () => {
  const sqes = Array.from({ length: 20_000 }, (_, i) => {
    const bytes = randomFillSync(new Uint8Array(64));
    bytes[0] = i % 70; // all opcodes, and some that do not exist
    return bytes;
  });
  readByC(sqes).forEach((values, i) => {
    const { fields, reserved } = decode(sqes[i] as Uint8Array);
    for (const { name, value } of [...fields, ...reserved]) {
      if (values.has(name)) expect(BigInt(value), name).toBe(values.get(name));
    }
    expect(fields.length).toBeGreaterThan(5);
  });
});

/** Small and distinct numbers for a function's arguments. */
function distinctArguments(name: string): CallArguments {
  const list = encoders.get(name)?.parameters.filter((parameter) => parameter.name !== 'sqe') ?? [];
  return Object.fromEntries(list.map(({ name: parameter, c }, i) => [parameter, /bool/.test(c) ? true : 33 + 2 * i]));
}

describe('finds arguments in the members that they were written to', () => {
  for (const name of encoders.keys()) {
    if (!name.startsWith('io_uring_prep_') || ['io_uring_prep_rw', 'io_uring_prep_send_set_addr'].includes(name))
      continue;
    it(name, () => {
      const args = distinctArguments(name);
      const { fields, functions, reserved, name: operation } = decode(encode(name, args).subarray(0, 64));
      expect(operation).toMatch(/^IORING_OP_/);
      expect(functions).toContain(name);
      expect(reserved).toEqual([]);
      for (const [argument, value] of Object.entries(args)) {
        const holders = fields.filter(({ parameters }) => parameters.includes(argument));
        // the index of a direct descriptor is stored plus one, and flags are added to
        const values = holders.map((field) => Number(field.value));
        const expected = argument === 'file_index' || argument === 'target_fd' ? Number(value) + 1 : Number(value);
        expect(
          values.some((each) => (each & expected) === expected),
          `${argument} in ${JSON.stringify(values)}`,
        ).toBe(true);
      }
    });
  }
});

it('a million random SQEs make it throw nothing', () => {
  const bytes = new Uint8Array(64);
  const many = new Uint8Array(64 * 1000);
  let fields = 0;
  for (let i = 0; i < 1000; i++) {
    randomFillSync(many);
    for (let at = 0; at < many.length; at += 64) {
      bytes.set(many.subarray(at, at + 64));
      if (at % 128 === 0) bytes[0] = (bytes[0] ?? 0) % 66;
      fields += decode(bytes).fields.length;
    }
  }
  expect(fields).toBeGreaterThan(1_000_000);
});

it('spells flags out, and marks bits without a name', () => {
  const read = encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 1, offset: 0 });
  const names = (flags: number): string | undefined =>
    decode(encode('io_uring_sqe_set_flags', { flags }, read)).fields.find(({ name }) => name === 'flags')?.names;
  expect(names(0)).toBeUndefined();
  expect(names(4 | 16)).toBe('IOSQE_IO_LINK|IOSQE_ASYNC');
  expect(names(4 | 128)).toBe('IOSQE_IO_LINK|0x80');
  const open = encode('io_uring_prep_openat', { dfd: -100, path: 0, flags: 0o2000102, mode: 0 });
  const field = decode(open).fields.find(({ name }) => name === 'open_flags');
  expect(field?.names?.split('|').sort()).toEqual(['O_CLOEXEC', 'O_CREAT', 'O_RDWR']);
});

it('names bytes that nobody writes and that are not zero', () => {
  const fsync = encode('io_uring_prep_fsync', { fd: 3, fsync_flags: 0 });
  expect(decode(fsync).reserved).toEqual([]);
  fsync[16] = 1;
  expect(decode(fsync).reserved).toMatchObject([{ name: 'addr', value: 1n }]);
});

it('decodes 128 bytes, and refuses lengths other than 64 and 128', () => {
  const command = encode('io_uring_prep_uring_cmd128', { cmd_op: 7, fd: 3 });
  command[127] = 9;
  expect(decode(command)).toMatchObject({ name: 'IORING_OP_URING_CMD128' });
  expect(decode(command).command?.[63]).toBe(9);
  for (const length of [0, 1, 63, 65, 127, 129, 4096]) {
    expect(() => decode(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }));
  }
});

it('diff is empty for equal bytes only, and names what differs', () => {
  const bytes = fc.uint8Array({ minLength: 64, maxLength: 64 });
  fc.assert(
    fc.property(bytes, fc.nat(63), fc.integer({ min: 1, max: 255 }), (a, at, change) => {
      const b = a.slice();
      b[at] = (b[at] ?? 0) ^ change;
      expect(diff(a, a)).toEqual([]);
      const differences = diff(a, b);
      expect(differences.length).toBeGreaterThan(0);
      for (const { offset } of differences) expect(Math.abs(offset - at)).toBeLessThan(8);
    }),
    { numRuns: 5000 },
  );
  const a = encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 1, offset: 0 });
  const b = encode('io_uring_prep_read', { fd: 3, buf: 0x1000, nbytes: 2, offset: 9 });
  expect(diff(a, b)).toEqual([
    { name: 'off', offset: 8, a: 0n, b: 9n },
    { name: 'len', offset: 24, a: 1, b: 2 },
  ]);
  expect(() => diff(a, new Uint8Array(128))).toThrow(RangeError);
});
