/** The encoding half alone, in ordinary memory and without Node's modules. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as liburing from '../../src/c.js';
import { decode, io_uring, io_uring_sqe, loadEncoder, signatures } from '../../src/encode.js';
import { root } from '../support/subprocess.js';

const encoder = await loadEncoder();
const { functions, memory } = encoder;

/** An argument for a C parameter, different for each position. */
function sample({ kind, c, bits }: { kind: string; c: string; bits?: number }, position: number): unknown {
  if (kind === 'pointer') return 0x10000 * (position + 1);
  if (/bool/.test(c)) return true;
  return bits === 8 ? position + 1 : 100 + position;
}

const prepFunctions = signatures.filter(({ name }) => name.startsWith('io_uring_prep_'));

it('has every prep function', () => {
  expect(prepFunctions.length).toBeGreaterThan(100);
});

for (const { name, parameters } of prepFunctions) {
  it(`${name} writes the same SQE as on the host`, () => {
    const here = memory.alloc(io_uring_sqe, 2);
    const there = liburing.alloc(liburing.io_uring_sqe, 2);
    const call = (on: object, sqe: unknown): void => {
      const list = parameters.map((parameter, i) => (parameter.name === 'sqe' ? sqe : sample(parameter, i)));
      (on as Record<string, (...list: unknown[]) => void>)[name]?.(...list);
    };
    call(functions, here.at(0));
    call(liburing, there.at(0));
    expect(Buffer.from(here.at(0).bytes).toString('hex')).toBe(Buffer.from(there.at(0).bytes).toString('hex'));
    memory.free(here);
    liburing.free(there);
  });
}

it('throws ENOSYS where a kernel is needed', () => {
  expect(encoder.hasHost).toBe(false);
  const ring = memory.alloc(io_uring);
  expect(() => functions.io_uring_queue_init(8, ring, 0)).toThrow(
    expect.objectContaining({ code: 'ENOSYS', syscall: 'io_uring_setup' }),
  );
});

it('refuses a JavaScript buffer, whose address is unknown here', () => {
  const sqe = memory.alloc(io_uring_sqe);
  expect(() => functions.io_uring_prep_read(sqe, 3, Buffer.alloc(8), 8, 0)).toThrow(/no host/);
  expect(sqe.bytes.every((byte) => byte === 0)).toBe(true);
  functions.io_uring_prep_read(sqe, 3, memory.allocArray(8), 8, 0);
  expect(sqe.len).toBe(8);
});

it('imports nothing of Node statically, and neither do its imports', () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const source = readFileSync(file, 'utf8');
    for (const [, specifier = ''] of source.matchAll(/^(?:import|export) [^;]*?from ["']([^"']+)["']/gm)) {
      expect(specifier, file).toMatch(/^\./);
      visit(new URL(specifier, `file://${file}`).pathname);
    }
  };
  visit(`${root}/dist/encode.js`);
  expect(seen.size).toBeGreaterThan(5);
});

it('takes sizes by name, as numbers and bigints', () => {
  const args = { sockfd: 3, buf: 0x1000, flags: 0 };
  const bytes = encoder.encode('io_uring_prep_send', { ...args, len: 4096 });
  expect(decode(bytes).fields.find(({ name }) => name === 'len')?.value).toBe(4096);
  expect(encoder.encode('io_uring_prep_send', { ...args, len: 4096n })).toEqual(bytes);
  expect(() => encoder.encode('io_uring_prep_send', { ...args, len: -1 })).toThrow(/len is -1, and a size goes from 0/);
});
