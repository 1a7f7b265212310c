/** Constants have C's values, and none is missing. */
import { describe, expect, it } from 'vitest';
import * as library from '../../src/c.js';
import { errno } from '../../src/constants/generated/errno.js';
import * as constants from '../../src/constants/generated/uring.js';
import * as linux from '../../src/linux.js';
import { type Constant, model } from '../support/model.js';
import { check, preprocess, prologue, run } from '../support/native.js';

/** The headers that values come from: glibc's, and Linux's own, which cannot be mixed. */
const glibc = prologue;
const kernel = ['eventpoll', 'fcntl', 'mman', 'tcp', 'time'].map((name) => `#include <linux/${name}.h>`).join('\n');

/** musl's headers, which the module is compiled with, have these. glibc and Linux do not. */
const onlyInMusl: Record<string, string> = {
  O_SEARCH: 'of POSIX, O_PATH in musl',
  O_EXEC: 'of POSIX, O_PATH in musl',
  O_TTY_INIT: 'of POSIX, 0 in musl',
  EPOLL_NONBLOCK: 'a former flag of epoll_create',
};

/** Constants whose value differs between musl and glibc. */
const different: Record<string, string> = {
  O_ACCMODE: 'musl counts O_SEARCH, its O_PATH, among the access modes',
  O_LARGEFILE: 'glibc has 0 on 64-bit systems, musl the bit that Linux has',
  AF_MAX: 'how many families the C library knows',
};

/** Values of names, as far as the headers have them. */
function native(headers: string, names: readonly string[]): Map<string, bigint> {
  const use = names.map((name) => `__typeof__(${name}) *use_${name};`);
  const { errors } = check([headers, '#line 1', ...use].join('\n'));
  const refused = new Set(errors.map((error) => Number(/test\.c:(\d+):/.exec(error)?.[1])));
  const print = names
    .filter((_, index) => !refused.has(index + 1))
    .map((name) => `printf((${name}) < 0 ? "${name} %lld\\n" : "${name} %llu\\n", (unsigned long long) (${name}));`);
  const lines = run([headers, '#include <stdio.h>', 'int main(void) {', ...print, 'return 0; }'].join('\n'));
  return new Map(lines.map(([name = '', value = '']) => [name, BigInt(value)]));
}

const namesOf = (list: readonly Constant[]): string[] => list.map(({ name }) => name);

/** A module's exports under the names of constants, as bigints. */
const exported = (module: object, list: readonly Constant[]): [string, bigint | undefined][] =>
  namesOf(list).map((name) => {
    const value = (module as Record<string, unknown>)[name];
    return [name, typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : undefined];
  });

describe("liburing's constants", () => {
  it('have the values that the native compiler computes', () => {
    const values = native(glibc, namesOf(model.constants));
    expect(model.constants.length).toBeGreaterThan(270);
    expect(exported(constants, model.constants)).toEqual(
      namesOf(model.constants).map((name) => [name, values.get(name)]),
    );
  });

  it('are all macros and enum constants of the headers', () => {
    let file = '';
    const defined = new Set<string>();
    for (const line of preprocess('#include <liburing.h>').split('\n')) {
      file = /^# \d+ "([^"]*)"/.exec(line)?.[1] ?? file;
      if (!/\/liburing(\.h$|\/)/.test(file)) continue;
      // lines that look like public constants: a macro with a value, or a member of an enum
      const name = /^#define ([A-Z]\w*) \S/.exec(line)?.[1] ?? /^\s+([A-Z][A-Z0-9_]+)\s*(?:,|=|$)/.exec(line)?.[1];
      const isGuard = name !== undefined && /_H(_|$)/.test(name);
      if (name && !isGuard) defined.add(name);
    }
    expect(defined.size).toBeGreaterThan(270);
    const known = new Set(namesOf(model.constants));
    const missing = [...defined].filter((name) => !known.has(name));
    // the compiler decides which of them have a value
    expect([...native(glibc, missing).keys()]).toEqual([]);
  });

  it('are numbers where a number is exact, and bigints elsewhere', () => {
    for (const { name, value } of model.constants) {
      const isSafe = value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
      expect((constants as Record<string, unknown>)[name], name).toBeTypeOf(isSafe ? 'number' : 'bigint');
    }
  });

  it('are exports of the package', () => {
    expect(exported(library, model.constants)).toEqual(model.constants.map(({ name, value }) => [name, value]));
  });
});

describe("Linux's constants", () => {
  const names = namesOf(model.linux);
  const inGlibc = native(glibc, names);
  const inKernel = native(kernel, names);

  it('have the values that the native compiler computes', () => {
    const wrong = exported(linux, model.linux).filter(([name, value]) => {
      if (name in different || name in onlyInMusl) return false;
      return value === undefined || value !== (inGlibc.get(name) ?? inKernel.get(name));
    });
    expect(names.length).toBeGreaterThan(700);
    expect(wrong).toEqual([]);
  });

  it('that differ between C libraries are listed here', () => {
    expect(linux.O_LARGEFILE).toBe(Number(inKernel.get('O_LARGEFILE')));
    expect(linux.O_ACCMODE).toBe(Number(inKernel.get('O_ACCMODE')) | linux.O_SEARCH);
    expect(linux.O_SEARCH).toBe(linux.O_PATH);
    expect(linux.O_EXEC).toBe(linux.O_PATH);
    expect(linux.AF_MAX).toBeGreaterThan(linux.AF_XDP);
    for (const name of Object.keys(onlyInMusl))
      expect([inGlibc.get(name), inKernel.get(name)], name).toEqual([undefined, undefined]);
  });

  it('are those of the table, and no others', () => {
    expect(Object.keys(linux).sort()).toEqual([...names].sort());
  });
});

describe('the table of error numbers', () => {
  // glibc has a name for each error number that it knows
  const lines = run(
    [
      prologue,
      'int main(void) {',
      'for (int e = 1; e < 4096; e++)',
      'if (strerrorname_np(e)) printf("%d %s\\n", e, strerrorname_np(e));',
      'return 0; }',
    ].join('\n'),
  );
  const native = lines.map(([number, name]): [number, string | undefined] => [Number(number), name]);

  it("has C's numbers and names", () => {
    expect(native.length).toBeGreaterThan(130);
    expect([...errno].map(([number, { code }]) => [number, code]).sort()).toEqual(native.sort());
  });

  it('has a sentence for each', () => {
    for (const [number, { text }] of errno) expect(text, `${number}`).toMatch(/^[a-z.].*[^.]$/);
  });
});
