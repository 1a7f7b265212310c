/** Arguments for any function of the table: good ones, and ones that must be refused. */
import fc from 'fast-check';
import type { Instance, Struct, StructType } from '../../src/c.js';
import * as structs from '../../src/structs/generated/structs.js';
import type { CFunction, Integer, Parameter, Pointer } from './model.js';

export const classOf = (name: string): StructType => {
  const type = (structs as unknown as Record<string, StructType | undefined>)[name];
  if (!type) throw new Error(`no class ${name}`);
  return type;
};

/** The range of C's type, with values that C converts to it: -1 for an unsigned type. */
export function rangeOf({ bits, signed, role }: Integer): { min: bigint; max: bigint } {
  if (role === 'size') return { min: BigInt(Number.MIN_SAFE_INTEGER), max: BigInt(Number.MAX_SAFE_INTEGER) };
  return { min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(signed ? bits - 1 : bits) - 1n };
}

/** Whether JavaScript may pass it as a bigint, too. */
export const isExact = (type: Integer): boolean => type.bits === 64 && type.role === 'number';

/** How many bytes must be behind a pointer, given the other arguments; undefined for a string. */
export function bytesOf(
  { bytes }: Parameter,
  { parameters }: CFunction,
  values: readonly unknown[],
): number | undefined {
  const value = (word: string): number => {
    const index = parameters.findIndex(({ name }) => name === word);
    return Number(index < 0 ? word : values[index]);
  };
  const product = (term: string): number => term.split(' * ').reduce((left, right) => left * value(right), 1);
  return bytes?.split(' + ').reduce((left, right) => left + product(right), 0);
}

/** Whether an argument counts the bytes of another one. */
const counts = (name: string, { parameters }: CFunction): boolean =>
  parameters.some(({ bytes }) => bytes?.split(/ [*+] /).includes(name));

/** A value, with a name that a failed test prints. */
export class Named {
  readonly what: string;
  readonly value: unknown;

  constructor(what: string, value: unknown) {
    this.what = what;
    this.value = value;
  }

  [fc.toStringMethod](): string {
    return this.what;
  }
}

/** Makes arguments that an instance's functions accept. Blocks that it allocates are never freed. */
export class Arguments {
  readonly #instance: Instance;
  /** Enough bytes for the counts of {@link good}. */
  readonly #buffer: Uint8Array;
  readonly #text: Uint8Array;
  readonly #structs = new Map<string, Struct>();

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#buffer = instance.memory.allocArray(4096);
    this.#text = instance.memory.allocString('/a/path');
  }

  /** A struct of a type, always the same one, with room behind it. */
  struct(name: string): Struct {
    let known = this.#structs.get(name);
    if (!known) {
      const { memory } = this.#instance;
      known = memory.struct(classOf(name), memory.allocArray(4096));
      this.#structs.set(name, known);
    }
    return known;
  }

  #pointer(type: Pointer, parameter: Parameter): fc.Arbitrary<Named> {
    const { memory } = this.#instance;
    const foreign = [new Named('an address', 0x7f1234567000), new Named('null', null)];
    if (type.to === 'string') {
      return fc.constantFrom(
        new Named('text', this.#text),
        new Named('its address', this.#text.byteOffset),
        ...foreign,
      );
    }
    if (type.to === 'pointer') {
      return fc.constant(new Named('pointers', memory.allocPointers(classOf(type.struct ?? ''), 16)));
    }
    const choices = type.struct ? [new Named(type.struct, this.struct(type.struct))] : [];
    if (parameter.access === 'strict') return fc.constantFrom(...choices);
    choices.push(new Named('bytes', this.#buffer), new Named('their address', this.#buffer.byteOffset));
    return fc.constantFrom(...choices, ...(parameter.access === 'any' ? foreign : []));
  }

  #integer(type: Integer, name: string, fn: CFunction): fc.Arbitrary<number | bigint | boolean> {
    if (type.role === 'boolean') return fc.boolean();
    if (counts(name, fn)) return fc.integer({ min: 0, max: 10 });
    const { min, max } = rangeOf(type);
    const safe = fc.bigInt({ min: min < -(2n ** 52n) ? -(2n ** 52n) : min, max: max > 2n ** 52n ? 2n ** 52n : max });
    return isExact(type) ? fc.oneof(safe.map(Number), fc.bigInt({ min, max })) : safe.map(Number);
  }

  /** Arbitrary lists of arguments that a function accepts. */
  good(fn: CFunction): fc.Arbitrary<Named[]> {
    return fc.tuple(
      ...fn.parameters.map((parameter) => {
        const { type, name } = parameter;
        if (type.kind === 'struct') throw new Error(`${fn.name}: a struct by value`);
        if (type.kind === 'pointer') return this.#pointer(type, parameter);
        return this.#integer(type, name, fn).map((value) => new Named(`${value}`, value));
      }),
    );
  }
}

/** Values that no parameter accepts. */
const never: [string, unknown][] = [
  ['undefined', undefined],
  ['text', '1'],
  ['an object', {}],
  ['an array', [1]],
  ['a symbol', Symbol('1')],
  ['a function', () => 1],
  ['NaN', Number.NaN],
  ['a fraction', 1.5],
  ['infinity', Number.POSITIVE_INFINITY],
];

function badIntegers(type: Integer): [string, unknown][] {
  if (type.role === 'boolean') return [...never, ['null', null], ['another number', 2], ['a bigint', 1n]];
  const { min, max } = rangeOf(type);
  const limits: [string, unknown][] = isExact(type)
    ? [
        ['a bigint too large', max + 1n],
        ['a bigint too small', min - 1n],
        ['an unsafe number', 2 ** 53],
        ['an unsafe negative number', -(2 ** 53)],
      ]
    : [
        ['a number too large', Number(max + 1n)],
        ['a number too small', Number(min - 1n)],
        ['a bigint', 1n],
      ];
  return [...never, ['null', null], ['true', true], ...limits];
}

/** A view whose buffer was transferred. */
export function detached(): Uint8Array {
  const view = new Uint8Array(8192);
  structuredClone(view, { transfer: [view.buffer] });
  return view;
}

/** Structs that parameters of class `name`, or of any kind of block, must refuse. */
class BadStructs {
  readonly #of: Instance;
  readonly #other: Instance;
  readonly #known = new Map<string, [string, unknown][]>();

  constructor(of: Instance, other: Instance) {
    this.#of = of;
    this.#other = other;
  }

  get(name: string): [string, unknown][] {
    let known = this.#known.get(name);
    if (!known) {
      const freed = this.#of.memory.alloc(classOf(name));
      this.#of.memory.free(freed);
      known = [
        ['a freed struct', freed],
        ['a struct of another instance', this.#other.memory.alloc(classOf(name))],
      ];
      this.#known.set(name, known);
    }
    return known;
  }
}

/** For each parameter, values that must be refused. */
export class BadArguments {
  readonly #memory: Instance['memory'];
  readonly #structs: BadStructs;
  readonly #wrong: Struct;
  readonly #buffer: Uint8Array;
  readonly #detached = detached();

  constructor(of: Instance, other: Instance) {
    this.#memory = of.memory;
    this.#structs = new BadStructs(of, other);
    this.#wrong = of.memory.alloc(structs.io_uring_napi);
    this.#buffer = of.memory.allocArray(8192);
  }

  #pointers(type: Pointer, parameter: Parameter, bytes: number | undefined): [string, unknown][] {
    const wrong: [string, unknown][] = [...never, ['true', true], ['a bigint', 1n]];
    const outside: [string, unknown][] = [
      ['null', null],
      ['an address below the window', this.#memory.start - 1],
      ['an address above the window', this.#memory.end + 1],
    ];
    const { struct } = type;
    if (struct && parameter.type.kind === 'pointer') {
      wrong.push(...this.#structs.get(struct));
      const another: Struct = struct === 'io_uring_napi' ? this.#memory.alloc(structs.iovec) : this.#wrong;
      // a sockaddr may be any struct of its family
      if (struct !== 'sockaddr') wrong.push(['a struct of another class', another]);
    } else {
      wrong.push(...this.#structs.get('iovec'));
    }
    if (parameter.access === 'strict') {
      if (!parameter.nullable) wrong.push(['null', null]);
    } else {
      wrong.push(
        ['a negative number', -1],
        ['an unsafe number', 2 ** 53],
        ['a detached view', this.#detached],
        ['an ArrayBuffer', new ArrayBuffer(8192)],
      );
      if (parameter.access === 'window') {
        wrong.push(...outside.filter(([, value]) => value !== null || !parameter.nullable));
      }
    }
    if (type.to === 'string') {
      wrong.push(['a JavaScript string', '/a/path'], ['bytes without NUL', this.#buffer.subarray(0, 4).fill(0x61)]);
    } else if (bytes !== undefined && bytes > 0 && type.to !== 'pointer' && parameter.access !== 'strict') {
      wrong.push([`${bytes - 1} bytes of ${bytes}`, this.#buffer.subarray(0, bytes - 1)]);
    }
    return wrong;
  }

  /** Values for the argument at `index`, with their names. */
  of(fn: CFunction, index: number, values: readonly unknown[]): [string, unknown][] {
    const parameter = fn.parameters[index];
    if (!parameter || parameter.type.kind === 'struct') throw new Error(`${fn.name} has no argument ${index}`);
    if (parameter.type.kind === 'integer') return badIntegers(parameter.type);
    return this.#pointers(parameter.type, parameter, bytesOf(parameter, fn, values));
  }
}
