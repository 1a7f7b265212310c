/** Structs have the native compiler's layout, and accessors read and write what C does. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { alloc, allocArray, free, memory, type Struct, type StructArray, type StructType } from '../../src/c.js';
import * as generated from '../../src/structs/generated/structs.js';
import { type Field, type Struct as ModelStruct, model } from '../support/model.js';
import { prologue, run } from '../support/native.js';
import { inRoot } from '../support/paths.js';

const classes = generated as unknown as Record<string, StructType>;

/** Members of glibc that have another name, and the same offset, type and use. */
const glibcNames = {
  __in6_union: '__in6_u',
  __s6_addr: '__u6_addr8',
  __s6_addr16: '__u6_addr16',
  __s6_addr32: '__u6_addr32',
};

/** Places where musl has two members, and glibc, like the kernel, a single wider one. */
const musl: Record<string, { padding: string; reason: string }> = {
  'msghdr.msg_iovlen': { padding: '__pad1', reason: 'int in musl as in POSIX, size_t in glibc' },
  'msghdr.msg_controllen': { padding: '__pad2', reason: 'socklen_t in musl as in POSIX, size_t in glibc' },
  'cmsghdr.cmsg_len': { padding: '__pad1', reason: 'socklen_t in musl as in POSIX, size_t in glibc' },
};

/** Structs of equal size whose members are aligned differently. All our memory is aligned to 16 bytes. */
const alignments: Record<string, { wasm: number; native: number; reason: string }> = {
  cmsghdr: { wasm: 4, native: 8, reason: 'musl has two ints where glibc has a size_t' },
  epoll_data: { wasm: 4, native: 8, reason: 'wasm/include/sys/epoll.h packs it together with epoll_event' },
  epoll_event: { wasm: 4, native: 1, reason: 'packed natively, pack(4) in wasm/include/sys/epoll.h' },
};
const muslPadding = new Set(Object.entries(musl).map(([key, { padding }]) => key.replace(/\w+$/, padding)));

interface NativeField {
  offset: number;
  size: number;
  signed: boolean;
  length: number | undefined;
  /** Bytes of an element, or of a member that is no array. */
  element: number;
}

const define = Object.entries(glibcNames).map(([ours, theirs]) => `#define ${ours} ${theirs}`);
const program = (statements: readonly string[], ...before: string[]): string =>
  [prologue, ...define, ...before, 'int main(void) {', ...statements, 'return 0; }'].join('\n');

const isOurs = (struct: ModelStruct, field: Field): boolean => !muslPadding.has(`${struct.name}.${field.name}`);
const everyMember = model.structs.flatMap((struct) =>
  struct.fields.filter((field) => isOurs(struct, field)).map((field) => ({ struct, field })),
);

const sizes = new Map<string, { size: number; align: number }>();
const members = new Map<string, NativeField>();

/** A member, and the native one that it must equal. */
function native(struct: ModelStruct, field: Field): NativeField {
  const found = members.get(`${struct.name}.${field.name}`);
  if (!found) throw new Error(`C did not say where ${struct.name}.${field.name} is`);
  return found;
}

beforeAll(() => {
  const ofStruct = ({ name, c }: ModelStruct): string =>
    `printf("struct ${name} %zu %zu\\n", sizeof(${c}), _Alignof(${c}));`;
  const ofMember = ({ struct, field }: (typeof everyMember)[number]): string => {
    const member = `((${struct.c} *) 0)->${field.name}`;
    const element = field.length === undefined ? member : `${member}[0]`;
    // __builtin_classify_type is 1 for an integer; only integers have a sign
    const sign = field.type.kind === 'integer' ? `(__typeof__(${element})) -1 < 0` : '0';
    const size = field.length === 0 ? '(size_t) 0' : `sizeof(${member})`;
    const length = field.length === undefined ? '(size_t) -1' : `${size} / sizeof(${element})`;
    return `printf("member ${struct.name}.${field.name} %zu %zu %d %zd %zu\\n", __builtin_offsetof(${struct.c}, ${field.name}), ${size}, ${sign}, ${length}, sizeof(${element}));`;
  };
  for (const [kind, name = '', ...values] of run(
    program([...model.structs.map(ofStruct), ...everyMember.map(ofMember)]),
  )) {
    const [first = 0, second = 0, sign = 0, length = 0, element = 0] = values.map(Number);
    if (kind === 'struct') sizes.set(name, { size: first, align: second });
    else
      members.set(name, {
        offset: first,
        size: second,
        signed: sign === 1,
        length: length === -1 ? undefined : length,
        element,
      });
  }
});

describe('the layout', () => {
  it("is known for each struct that liburing's headers define", () => {
    const text = ['liburing.h', 'liburing/io_uring.h', 'liburing/io_uring/query.h', 'liburing/io_uring/bpf_filter.h']
      .map((header) => readFileSync(inRoot(`build/liburing/src/include/${header}`), 'utf8'))
      .join('\n');
    const defined = [...text.matchAll(/^(?:struct|union) (\w+) \{/gm)].map(([, name]) => name);
    expect(defined.length).toBeGreaterThan(40);
    const known = new Set(model.structs.map(({ c }) => c.replace(/^\w+ /, '')));
    expect(defined.filter((name) => !known.has(name ?? ''))).toEqual([]);
  });

  it('has a class for each struct, and no other', () => {
    expect(Object.keys(classes).sort()).toEqual(model.structs.map(({ name }) => name).sort());
  });

  it.each(model.structs)("$name has the native compiler's layout", (struct) => {
    const type = classes[struct.name];
    const { wasm, native: align } = alignments[struct.name] ?? { wasm: struct.align, native: struct.align };
    expect({ size: type?.size, align }).toEqual(sizes.get(struct.name));
    expect(struct.align).toBe(wasm);
    for (const field of type?.fields ?? []) {
      const known = struct.fields.find(({ name }) => name === field.name);
      if (!known || !isOurs(struct, known)) continue;
      const { offset, size, signed, length } = field;
      const { element, ...rest } = native(struct, known);
      if (musl[`${struct.name}.${field.name}`]) {
        const padding = type?.fields.find(({ name }) => name === musl[`${struct.name}.${field.name}`]?.padding);
        // both together, with the padding, fill the wider member: in little endian, the bytes are the same
        expect(offset).toBe(rest.offset);
        expect(padding?.offset).toBe(offset + size);
        expect(size + (padding?.size ?? 0)).toBe(rest.size);
      } else {
        expect({ offset, size, signed, length }, field.name).toEqual(rest);
      }
    }
    expect(type?.fields.map(({ name }) => name)).toEqual(struct.fields.map(({ name }) => name));
  });
});

/** A member, or an element of one, that C has stored a value in. */
interface Stored {
  struct: ModelStruct;
  field: Field;
  /** The index of the element, for an array. */
  index: number | undefined;
  /** The value that C reads. */
  value: bigint;
  /** All bytes of the struct, which were 0xa5 before. */
  hex: string;
}

const FILL = 0xa5;
const integers = everyMember.filter(
  ({ struct, field }) => field.type.kind === 'integer' && field.length !== 0 && !musl[`${struct.name}.${field.name}`],
);
const elements = integers.flatMap(({ struct, field }) =>
  (field.length === undefined ? [undefined] : [0, field.length - 1]).map((index) => ({ struct, field, index })),
);

/** The bytes that C stores for 0, 1, -1, the lowest and the highest value of each integer member's type. */
function storedByC(): Stored[] {
  const macro = `
static void hex(const void *p, size_t n)
{
	for (const unsigned char *b = p; n--; b++) printf("%02x", *b);
}
#define STORE(n, T, m) do { \\
	T s; \\
	typedef __typeof__(s.m) E; \\
	const unsigned long long top = 1ULL << (8 * sizeof(E) - 1); \\
	const unsigned long long patterns[] = { 0, 1, -1ULL, top, top - 1 }; \\
	for (int i = 0; i < 5; i++) { \\
		memset(&s, ${FILL}, sizeof(s)); \\
		s.m = (E) patterns[i]; \\
		printf((E) -1 < 0 ? "%d %lld " : "%d %llu ", n, (long long) s.m); \\
		hex(&s, sizeof(s)); \\
		printf("\\n"); \\
	} \\
} while (0);`;
  const statements = elements.map(
    ({ struct, field, index }, number) =>
      `STORE(${number}, ${struct.c}, ${field.name}${index === undefined ? '' : `[${index}]`})`,
  );
  return run(program(statements, macro)).map(([number, value = '', hex = '']) => {
    const element = elements[Number(number)];
    if (!element) throw new Error(`C speaks of an unknown member ${number}`);
    return { ...element, value: BigInt(value), hex };
  });
}

type Values = Record<string, number | bigint | { [index: number]: number | bigint }>;

/** JavaScript passes sizes as numbers, so 2^63 and above cannot be passed. */
const isBeyondNumbers = ({ field, value }: Stored): boolean =>
  field.type.kind === 'integer' && field.type.role === 'size' && value > BigInt(Number.MAX_SAFE_INTEGER);

/** A value in the form that JavaScript uses for a member. */
function inJavaScript({ field, value }: Pick<Stored, 'field' | 'value'>): number | bigint {
  const { type } = field;
  if (type.kind !== 'integer') throw new Error(`${field.name} is no integer`);
  if (type.bits === 64 && type.role !== 'size') return value;
  // JavaScript has char arrays as bytes
  return Number(type.c === 'char' && field.length !== undefined ? BigInt.asUintN(8, value) : value);
}

/** Makes a struct, and frees it after its use. */
function using<T>(struct: ModelStruct, use: (object: Struct & Values) => T): T {
  const type = classes[struct.name];
  if (!type) throw new Error(`no class ${struct.name}`);
  const object = alloc(type);
  try {
    return use(object as Struct & Values);
  } finally {
    free(object);
  }
}

const hexOf = (object: Struct): string => Buffer.from(object.bytes).toString('hex');
const label = ({ struct, field, index, value }: Stored): string =>
  `${struct.name}.${field.name}${index === undefined ? '' : `[${index}]`} = ${value}`;

describe('an integer member', () => {
  let stored: Stored[];
  beforeAll(() => {
    stored = storedByC();
  });

  it('each of them is tried', () => {
    expect(stored.length).toBe(5 * elements.length);
    expect(new Set(stored.map(({ struct }) => struct.name)).size).toBeGreaterThan(60);
  });

  it('is written as C writes it, and no other byte changes', () => {
    const wrong: string[] = [];
    for (const one of stored.filter((each) => !isBeyondNumbers(each))) {
      using(one.struct, (object) => {
        object.bytes.fill(FILL);
        if (one.index === undefined) (object as Values)[one.field.name] = inJavaScript(one);
        else (object[one.field.name] as { [index: number]: number | bigint })[one.index] = inJavaScript(one);
        if (hexOf(object) !== one.hex) wrong.push(`${label(one)}: ${hexOf(object)} instead of ${one.hex}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  it('is read as C reads it', () => {
    const wrong: string[] = [];
    for (const one of stored.filter((each) => !isBeyondNumbers(each))) {
      using(one.struct, (object) => {
        object.bytes.set(Buffer.from(one.hex, 'hex'));
        const member = object[one.field.name];
        const value = one.index === undefined ? member : (member as { [index: number]: number | bigint })[one.index];
        if (value !== inJavaScript(one)) wrong.push(`${label(one)}: ${value}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  it('with an unsigned type takes -1 as all bits set, as C converts it', () => {
    const wrong: string[] = [];
    for (const one of stored) {
      const { type } = one.field;
      if (type.kind !== 'integer' || type.signed || one.index !== undefined) continue;
      if (one.value !== 2n ** BigInt(type.bits) - 1n) continue;
      using(one.struct, (object) => {
        object.bytes.fill(FILL);
        (object as Values)[one.field.name] = -1;
        if (hexOf(object) !== one.hex) wrong.push(`${label(one)}: ${hexOf(object)}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  it('refuses values that its type cannot hold, and keeps its value', () => {
    for (const { struct, field } of integers.filter((each) => each.field.length === undefined)) {
      const { type } = field;
      if (type.kind !== 'integer') continue;
      const top = type.role === 'size' ? 2n ** 53n : 2n ** BigInt(type.bits - (type.signed ? 1 : 0));
      const bottom = -(2n ** BigInt(type.bits - 1)) - 1n;
      const convert = (value: bigint) => (type.bits === 64 && type.role !== 'size' ? value : Number(value));
      using(struct, (object) => {
        object.bytes.fill(FILL);
        const before = hexOf(object);
        const wide = type.bits === 64 && type.role !== 'size' ? [] : [1n];
        const values = [convert(top), convert(bottom), 1.5, Number.NaN, '1', undefined, null, {}, Symbol('1')];
        for (const value of [...values, ...wide]) {
          const set = () => {
            (object as Record<string, unknown>)[field.name] = value;
          };
          expect(set, `${struct.name}.${field.name} = ${String(value)}`).toThrow(
            expect.objectContaining({
              code: expect.stringMatching(/^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE|INVALID_ARG_VALUE)$/),
            }),
          );
        }
        expect(hexOf(object)).toBe(before);
      });
    }
  });

  it('that is narrower in musl than in glibc has the same bytes in a zeroed struct', () => {
    const cases = Object.keys(musl).map((key) => key.split('.') as [string, string]);
    const statements = cases.map(
      ([struct, name]) =>
        `{ struct ${struct} s; memset(&s, 0, sizeof(s)); s.${name} = 0x7fffffff; for (size_t i = 0; i < sizeof(s); i++) printf("%02x", ((unsigned char *) &s)[i]); printf("\\n"); }`,
    );
    const native = run(program(statements)).map(([hex]) => hex);
    const ours = cases.map(([name, member]) => {
      const struct = model.structs.find((each) => each.name === name);
      if (!struct) throw new Error(`no struct ${name}`);
      return using(struct, (object) => {
        (object as Values)[member] = 0x7fffffff;
        return hexOf(object);
      });
    });
    expect(ours).toEqual(native);
  });
});

describe('a pointer or size member', () => {
  const wide = everyMember.filter(
    ({ field: { type, length } }) =>
      length === undefined && (type.kind === 'pointer' || (type.kind === 'integer' && type.role === 'size')),
  );

  it('holds any address of a Linux process, at the native offset', () => {
    expect(wide.length).toBeGreaterThan(20);
    for (const { struct, field } of wide) {
      using(struct, (object) => {
        for (const value of [0, 1, 0xffffffff, 0x7ffffffff000, Number.MAX_SAFE_INTEGER]) {
          (object as Values)[field.name] = value;
          const { offset } = native(struct, field);
          const { buffer, byteOffset } = object.bytes;
          const bytes = new DataView(buffer, byteOffset);
          // C reads the padding behind a musl member, too
          expect(bytes.getBigUint64(offset, true), `${struct.name}.${field.name}`).toBe(BigInt(value));
          expect(object[field.name]).toBe(value);
        }
      });
    }
  });

  it('throws when its value exceeds 2^53', () => {
    for (const { struct, field } of wide) {
      using(struct, (object) => {
        const { buffer, byteOffset } = object.bytes;
        new DataView(buffer, byteOffset).setBigUint64(native(struct, field).offset, 2n ** 53n, true);
        expect(() => object[field.name], `${struct.name}.${field.name}`).toThrow(
          expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }),
        );
      });
    }
  });
});

describe('a member that is a struct', () => {
  it('is a view of its own class, at the native offset', () => {
    const nested = everyMember.filter(({ field }) => field.type.kind === 'struct' && field.length === undefined);
    expect(nested.length).toBeGreaterThan(10);
    for (const { struct, field } of nested) {
      using(struct, (object) => {
        const inner = object[field.name] as unknown as Struct;
        const wanted = field.type.kind === 'struct' ? field.type.struct : '';
        expect(inner.constructor, `${struct.name}.${field.name}`).toBe(classes[wanted]);
        expect(inner.address - object.address).toBe(native(struct, field).offset);
        expect(inner.bytes.length).toBe(native(struct, field).size);
      });
    }
  });
});

describe('a flexible array', () => {
  const flexible = everyMember.filter(({ field }) => field.length === 0);
  const BYTES = 256;

  it("extends to the end of the struct's memory", () => {
    expect(flexible.length).toBeGreaterThan(4);
    for (const { struct, field } of flexible) {
      const { offset, element } = native(struct, field);
      const block = allocArray(BYTES);
      const object = memory.struct(classes[struct.name] as StructType, block) as Struct & Values;
      // this one has another member that counts its elements
      if (struct.name === 'io_uring_probe') (object as Values).ops_len = Math.floor((BYTES - offset) / element);
      const array = object[field.name] as unknown as StructArray<Struct> | Uint8Array | BigUint64Array;
      const [first, second] = ArrayBuffer.isView(array)
        ? [array.byteOffset, array.byteOffset + array.BYTES_PER_ELEMENT]
        : [array.at(0).address, array.at(1).address];
      expect(first - object.address, `${struct.name}.${field.name}`).toBe(offset);
      expect(second - first).toBe(element);
      expect(array.length).toBe(Math.floor((BYTES - offset) / element));
      free(block);
    }
  });

  it('has as many elements as the member says that counts them', () => {
    const block = allocArray(BYTES);
    const probe = memory.struct(generated.io_uring_probe, block);
    for (const count of [0, 1, 7]) {
      probe.ops_len = count;
      expect([...probe.ops].length).toBe(count);
    }
    free(block);
  });
});
