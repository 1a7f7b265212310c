/** The table of prototypes, and what is generated from it, equal the headers' declarations. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/c.js';
import { signatures } from '../../src/encoding/generated/signatures.js';
import { type CFunction, model } from '../support/model.js';
import { check } from '../support/native.js';
import { inRoot } from '../support/paths.js';

const names = model.functions.map(({ name }) => name);

/** The exports of a linker version script. */
function exported(map: string): string[] {
  const text = readFileSync(inRoot(`build/liburing/src/${map}`), 'utf8').replace(/\/\*.*?\*\//gs, '');
  return text
    .split(/[\s{};]+/)
    .filter((word) => /io_uring_/.test(word))
    .sort();
}

interface Prototype {
  name: string;
  result: string;
  parameters: string[];
}

const prototypeOf = ({ name, result, parameters }: CFunction): Prototype => ({
  name,
  result: result.c,
  parameters: parameters.map(({ type }) => type.c),
});

/** A definition that compiles only if the header's function has exactly this type. */
const pointer = ({ name, result, parameters }: Prototype): string =>
  `${result} (*pointer_to_${name})(${parameters.join(', ') || 'void'}) = ${name};`;

/** liburing's ffi.c does this: all inline functions are external. */
const source = (lines: readonly string[]): string =>
  ['#define IOURINGINLINE', '#include <liburing.h>', '#line 1', ...lines].join('\n');

const strictly = ['-Wall', '-Werror=incompatible-pointer-types'];

describe('the table', () => {
  it('has the functions of both version scripts: 223 of liburing 2.15, and io_uring_prep_zero', () => {
    const ffi = exported('liburing-ffi.map');
    const all = [...new Set([...exported('liburing.map'), ...ffi])].sort();
    expect([...names].sort()).toEqual(all);
    expect(all.length).toBe(224);
    expect(all).toContain('io_uring_prep_zero');
    expect(new Set(names).size).toBe(names.length);
  });

  it('has them with the argument count and the types of the header', () => {
    const { ok, errors } = check(source(model.functions.map(prototypeOf).map(pointer)), ...strictly);
    expect(errors).toEqual([]);
    expect(ok).toBe(true);
  });

  it('has the names of the arguments', () => {
    const header = readFileSync(inRoot('build/liburing/src/include/liburing.h'), 'utf8');
    const text = header.replace(/\/\*.*?\*\//gs, ' ');
    for (const { name, parameters } of model.functions) {
      // a declaration: its type comes first, and no semicolon or brace is inside
      const found = new RegExp(`(?:[\\w*]\\s+\\*?|\\*)${name}\\(([^;{}()]*)\\)\\s*(?:;|\\{|LIBURING_NOEXCEPT)`).exec(
        text,
      );
      const declared = (found?.[1] ?? 'not found').split(',').map((parameter) => /(\w+)\s*$/.exec(parameter)?.[1]);
      expect(declared, name).toEqual(parameters.length ? parameters.map((parameter) => parameter.name) : ['void']);
    }
  });

  it('is the one that ships for tools', () => {
    expect(signatures).toEqual(
      model.functions.map(({ name, result, parameters }) => ({
        name,
        result: result.c,
        sqeSize: name.endsWith('128') ? 128 : 64,
        parameters: parameters.map(({ name: parameter, type }) => ({
          name: parameter,
          c: type.c,
          kind: type.kind,
          ...(type.kind === 'integer' && { bits: type.bits, signed: type.signed }),
        })),
      })),
    );
  });
});

describe('every function', () => {
  it('is an export of the wasm module', () => {
    const module = new WebAssembly.Module(readFileSync(inRoot('dist/liburing.wasm')));
    const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === 'function');
    const missing = names.filter((name) => !functions.some((each) => each.name === name));
    expect(missing).toEqual([]);
  });

  it('has a binding of its name that takes as many arguments', () => {
    const bindings = library as unknown as Record<string, unknown>;
    for (const { name, parameters, result } of model.functions) {
      expect(bindings[name], name).toBeTypeOf('function');
      // a struct that C returns may be stored where the caller says
      const place = result.kind === 'struct' ? 1 : 0;
      expect((bindings[name] as (...values: unknown[]) => unknown).length, name).toBe(parameters.length + place);
    }
  });
});

describe('this comparison', () => {
  /** Other types than those of the table, one at a time. */
  const otherType = (c: string): string => {
    if (c === 'void') return 'int';
    if (c.endsWith('*')) return c.startsWith('const ') ? c.slice(6) : `const ${c}`;
    return /\b(long|off_t|s?size_t|__u64|int64_t|uint64_t)\b/.test(c) ? 'int' : 'long';
  };
  type Mutation = [change: string, (prototype: Prototype) => Prototype | undefined];
  const most = Math.max(...model.functions.map(({ parameters }) => parameters.length));
  const mutations: Mutation[] = [
    ['another result', (prototype) => ({ ...prototype, result: otherType(prototype.result) })],
    ['an argument more', ({ parameters, ...rest }) => ({ ...rest, parameters: [...parameters, 'int'] })],
    [
      'an argument fewer',
      ({ parameters, ...rest }) => (parameters.length ? { ...rest, parameters: parameters.slice(1) } : undefined),
    ],
    ...Array.from(
      { length: most },
      (_, index): Mutation => [
        `another type of argument ${index + 1}`,
        ({ parameters, ...rest }) =>
          index < parameters.length
            ? { ...rest, parameters: parameters.map((c, at) => (at === index ? otherType(c) : c)) }
            : undefined,
      ],
    ),
  ];

  it.each(mutations)('fails for each function with %s', (_, mutate) => {
    const wrong = model.functions.map(prototypeOf).flatMap((prototype) => mutate(prototype) ?? []);
    expect(wrong.length).toBeGreaterThan(0);
    const { ok, errors } = check(source(wrong.map(pointer)), ...strictly);
    expect(ok).toBe(false);
    const refused = new Set(errors.map((error) => Number(/test\.c:(\d+):/.exec(error)?.[1])));
    const accepted = wrong.filter((_, index) => !refused.has(index + 1));
    expect(accepted.map(pointer)).toEqual([]);
    expect(refused.size).toBe(wrong.length);
  });
});
