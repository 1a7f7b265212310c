/** Emits the TypeScript side: structs, constants, and a binding for every function. */

import { type ManPage, tsdoc } from './man.js';
import type { CFunction, Constant, CType, Field, Model, Parameter, Struct } from './model.js';
import { flexibleLengths, hooks } from './semantics.js';
import { hasNumericForm, isExact64 } from './thunks.js';

const indent = (lines: readonly string[], by: string): string =>
  lines.map((line) => (line === '' ? '' : by + line)).join('\n');

function comment(lines: readonly string[], by = ''): string {
  if (lines.length === 1) return `${by}/** ${lines[0]} */`;
  return `${by}/**\n${lines.map((line) => `${by} *${line === '' ? '' : ` ${line}`}`).join('\n')}\n${by} */`;
}

// --- constants ---------------------------------------------------------------------------------

const literal = (value: bigint): string =>
  value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER) ? `${value}n` : `${value}`;

export function emitConstants(constants: readonly Constant[], banner: string): string {
  const lines = constants.map(
    (constant) =>
      `${comment([constant.enum ? `\`enum ${constant.enum}\`` : '`#define`'])}\nexport const ${constant.name} = ${literal(constant.value)};`,
  );
  return `// ${banner}\n${lines.join('\n')}\n`;
}

export function emitErrno(model: Model, banner: string): string {
  const rows = new Map(model.errno.map((row) => [row.value, row]));
  // of two names for a number, C's first is the usual one: EAGAIN before EWOULDBLOCK
  for (const row of [...model.errno].reverse()) rows.set(row.value, row);
  const lines = [...rows.values()].map(
    ({ name, value, text }) => `  [${value}, { code: '${name}', text: ${JSON.stringify(text)} }],`,
  );
  return `// ${banner}
/** Names and sentences of Linux's error numbers. */
export const errno: ReadonlyMap<number, { readonly code: string; readonly text: string }> = new Map([
${lines.join('\n')}
]);
`;
}

// --- structs -----------------------------------------------------------------------------------

const arrayTypes: Record<string, string> = {
  u8: 'Uint8Array',
  u16: 'Uint16Array',
  u32: 'Uint32Array',
  u64: 'BigUint64Array',
  i8: 'Int8Array',
  i16: 'Int16Array',
  i32: 'Int32Array',
  i64: 'BigInt64Array',
};

function accessors(struct: Struct, field: Field): string {
  const { name, type, offset } = field;
  const at = offset === 0 ? 'this.address' : `this.address + ${offset}`;
  const label = `'${struct.name}.${name}'`;
  const c = field.length === undefined ? type.c : `${type.c}[${field.length || ''}]`;
  const doc = comment([`\`${c}\` at byte ${offset}`], '  ');
  if (field.length !== undefined) return `${doc}\n${arrayAccessor(struct, field, at)}`;
  if (type.kind === 'struct') {
    return `${doc}
  get ${name}(): ${type.struct} {
    return this.nested(${type.struct}, '${name}', ${offset});
  }`;
  }
  if (type.kind === 'pointer' || type.role === 'size') {
    const check = type.kind === 'pointer' ? 'Address' : 'number';
    const set =
      type.kind === 'pointer'
        ? `this.live && this.memory.setPointer(this, ${offset}, value, ${label});`
        : `this.live.setBigInt64(${at}, BigInt(check.size(value, ${label})), true);`;
    return `${doc}
  get ${name}(): number {
    return this.live && this.memory.getSize(${at}, ${label});
  }
  set ${name}(value: ${check}) {
    ${set}
  }`;
  }
  const sign = type.signed ? 'Int' : 'Uint';
  if (type.bits === 64) {
    return `${doc}
  get ${name}(): bigint {
    return this.live.getBig${sign}64(${at}, true);
  }
  set ${name}(value: number | bigint) {
    this.live.setBig${sign}64(${at}, check.exact64(value, ${label}, ${type.signed}), true);
  }`;
  }
  const endian = type.bits === 8 ? '' : ', true';
  if (type.role === 'boolean') {
    return `${doc}
  get ${name}(): boolean {
    return this.live.getUint8(${at}) !== 0;
  }
  set ${name}(value: boolean) {
    this.live.setUint8(${at}, check.bool(value, ${label}));
  }`;
  }
  return `${doc}
  get ${name}(): number {
    return this.live.get${sign}${type.bits}(${at}${endian});
  }
  set ${name}(value: number) {
    this.live.set${sign}${type.bits}(${at}, check.${type.signed ? 'int' : 'uint'}${type.bits}(value, ${label})${endian});
  }`;
}

function arrayAccessor(struct: Struct, { name, type, offset, length }: Field, at: string): string {
  const elementSize =
    type.kind === 'integer' ? `${type.bits / 8}` : type.kind === 'struct' ? `${type.struct}.size` : '8';
  const counter = flexibleLengths[`${struct.name}.${name}`];
  const count = length || (counter ? `this.${counter}` : `this.flexible(${offset}, ${elementSize})`);
  if (type.kind === 'struct') {
    return `  get ${name}(): StructArray<${type.struct}> {
    return this.live && new StructArray(this.memory, ${type.struct}, ${at}, ${count}, this);
  }`;
  }
  const key = type.kind === 'integer' ? `${type.signed && type.c !== 'char' ? 'i' : 'u'}${type.bits}` : 'u64';
  const array = arrayTypes[key];
  return `  get ${name}(): ${array}<ArrayBuffer> {
    return new ${array}(this.live.buffer as ArrayBuffer, ${at}, ${count});
  }`;
}

function emitStruct(struct: Struct): string {
  const fields = struct.fields.map((field) => {
    const signed = field.type.kind === 'integer' && field.type.signed;
    const length = field.length === undefined ? '' : `, length: ${field.length}`;
    return `    { name: '${field.name}', c: '${field.type.c}', offset: ${field.offset}, size: ${field.size}, signed: ${signed}${length} },`;
  });
  const table = fields.length ? `[\n${fields.join('\n')}\n  ]` : '[]';
  return `${comment([`\`${struct.c}\`: ${struct.size} bytes.`])}
export class ${struct.name} extends Struct {
  /** \`sizeof\` in C. */
  static readonly size = ${struct.size};
  /** Its members, in the order of the header. */
  static readonly fields: readonly Field[] = ${table};

${struct.fields.map((field) => accessors(struct, field)).join('\n\n')}
}
`;
}

export function emitStructs(model: Model, banner: string): string {
  return `// ${banner}
import * as check from '../arguments.js';
import type { Address } from '../memory.js';
import { type Field, Struct, StructArray } from '../struct.js';

${model.structs.map(emitStruct).join('\n')}`;
}

// --- functions ---------------------------------------------------------------------------------

const reserved = new Set(['arguments', 'default', 'function', 'in', 'new', 'var', 'with']);
const local = (name: string): string => (reserved.has(name) ? `${name}_` : name);

/** Structs of many kinds that go by the name of the first. */
const families = new Set(['sockaddr']);

function parameterType({ type, access, nullable }: Parameter): string {
  if (type.kind === 'integer') {
    if (type.role === 'boolean') return 'boolean';
    return isExact64(type) ? 'number | bigint' : 'number';
  }
  if (type.kind === 'struct') return type.struct;
  if (type.to === 'pointer') return `Pointers<${type.struct}>`;
  if (type.to !== 'struct' || !type.struct || families.has(type.struct)) {
    return nullable ? 'Address' : 'Exclude<Address, null>';
  }
  if (access === 'strict') {
    const single = nullable ? `${type.struct} | null` : type.struct;
    return isArray(type.struct) ? `${single} | StructArray<${type.struct}>` : single;
  }
  return `PointerTo<${type.struct}>`;
}

/** Structs of the library that functions take several of. */
const isArray = (struct: string): boolean => ['io_uring_restriction', 'io_uring_reg_wait'].includes(struct);

function resultType(type: CType): string {
  if (type.kind === 'void') return 'void';
  if (type.kind === 'struct') return type.struct;
  if (type.kind === 'pointer') return type.to === 'struct' ? `${type.struct} | null` : 'number';
  if (type.role === 'boolean') return 'boolean';
  return isExact64(type) ? 'bigint' : 'number';
}

function prototype(fn: CFunction): string {
  const parameters = fn.parameters.map((parameter) => `${local(parameter.name)}: ${parameterType(parameter)}`);
  // a struct by value has to be somewhere: where the caller says, or in memory of its own
  if (fn.result.kind === 'struct') parameters.push(`into?: ${fn.result.struct}`);
  return `${fn.name}(${parameters.join(', ')}): ${resultType(fn.result)}`;
}

/** How often or how much, as C and the kernel will take the checked argument: -1 may be 4294967295. */
function count(word: string, { access }: Parameter, fn: CFunction): string {
  const type = fn.parameters.find(({ name }) => name === word)?.type;
  if (type?.kind !== 'integer') throw new Error(`${fn.name}: ${word} counts nothing`);
  if (isExact64(type)) return `check.count(Number(check.exact64(${local(word)}, '${word}', ${type.signed})))`;
  if (type.bits === 64) return `check.count($${local(word)})`;
  if (type.bits !== 32) return `$${local(word)}`;
  // what the library itself follows it looks at only after the count, of which it refuses a negative one
  return type.signed && access !== 'any' ? `Math.max($${local(word)}, 0)` : `($${local(word)} >>> 0)`;
}

/** The expression that checks an argument and makes the number for C of it. */
function argument(parameter: Parameter, fn: CFunction): string {
  const name = local(parameter.name);
  const { type, access, nullable } = parameter;
  const label = `'${parameter.name}'`;
  if (type.kind === 'struct') throw new Error(`${name}: structs by value are not supported`);
  if (type.kind === 'integer') {
    if (type.role === 'boolean') return `check.bool(${name}, ${label})`;
    if (type.role === 'size') return `check.size(${name}, ${label})`;
    if (type.bits === 64) return name;
    return `check.${type.signed ? 'int' : 'uint'}${type.bits}(${name}, ${label})`;
  }
  const bytes = (parameter.bytes ?? '0').replace(/\b[a-z]\w*\b/g, (word) => count(word, parameter, fn));
  if (type.to === 'string') return `memory.string(${name}, ${label})`;
  if (access === 'any') {
    if (type.to !== 'struct' || families.has(type.struct ?? '')) return `memory.address(${name}, ${bytes}, ${label})`;
    return `memory.address(typed(${name}, ${type.struct}, ${label}), ${bytes}, ${label})`;
  }
  if (access === 'strict' && bytes !== `${type.elementSize}`) {
    return `blockOf(${name}, ${type.struct}, ${bytes}, ${label})`;
  }
  if (access === 'window') {
    if (type.to === 'struct') return `memory.inside(typed(${name}, ${type.struct}, ${label}), ${bytes}, ${label})`;
    if (type.to !== 'pointer') {
      const inside = `memory.inside(${name}, ${bytes}, ${label})`;
      return nullable ? `(${name} === null ? 0 : ${inside})` : inside;
    }
    const pointer = `pointerTo_${type.struct}(${name}, ${label})`;
    return bytes === '8' ? pointer : `${pointer} && memory.inside(${name}, ${bytes}, ${label})`;
  }
  const address = `addressOf_${type.struct}(${name}, ${label})`;
  return nullable ? `(${name} === null ? 0 : ${address})` : address;
}

function result(type: CType, call: string): string {
  if (type.kind === 'void') return call;
  if (type.kind === 'pointer') {
    if (type.to === 'struct') return `memory.structAt(${type.struct}, ${call} >>> 0)`;
    return `check.size(${call}, 'the result')`;
  }
  if (type.kind === 'struct') throw new Error('structs by value are returned through a pointer');
  if (type.role === 'boolean') return `${call} !== 0`;
  if (type.bits === 64) return type.role === 'size' ? call : `BigInt.asUintN(64, ${call})`;
  return type.signed ? call : `${call} >>> 0`;
}

function body(fn: CFunction): string[] {
  const lines: string[] = [];
  const exact = fn.parameters.filter(({ type }) => isExact64(type));
  const passed: string[] = [];
  const hook = hooks(fn.name);
  // of a call that threw
  if (keeper(fn)) lines.push('if (memory.borrowed.length !== 0) memory.borrowed.length = 0;');
  for (const parameter of fn.parameters) {
    const name = local(parameter.name);
    passed.push(argument(parameter, fn) === name ? name : `$${name}`);
  }
  // numbers before the pointers that they say the size of
  for (const wanted of ['integer', 'pointer']) {
    for (const parameter of fn.parameters.filter(({ type }) => type.kind === wanted)) {
      const name = local(parameter.name);
      const value = argument(parameter, fn);
      if (value !== name) lines.push(`const $${name} = ${value};`);
    }
  }
  lines.push(...hook.before);
  const numeric = hasNumericForm(fn) && !isExact64(fn.result);
  const callee = `${numeric ? 'number' : 'exact'}_${fn.name}`;
  // an argument that only the exact form takes: BigInts all over
  const big = fn.parameters.map((parameter, index) => {
    const { type, name } = parameter;
    if (isExact64(type)) return `check.exact64(${local(name)}, '${name}', ${type.kind === 'integer' && type.signed})`;
    const wide = type.kind === 'pointer' || (type.kind === 'integer' && type.bits === 64);
    return wide ? `BigInt(${passed[index]})` : passed[index];
  });
  const keep = keeper(fn);
  const keepLine = keep ? [`if (memory.borrowed.length !== 0) ${keep};`] : [];
  if (exact.length > 0) {
    const small = exact.map(({ name }) => `typeof ${local(name)} === 'number'`).join(' && ');
    const safe = passed.map((value, index) => {
      const parameter = fn.parameters[index] as Parameter;
      return isExact64(parameter.type) ? `check.safe(${value}, '${parameter.name}')` : value;
    });
    lines.push(`if (${small}) ${callee}(${safe.join(', ')});`);
    lines.push(`else exact_${fn.name}(${big.join(', ')});`, ...keepLine);
    if (fn.result.kind !== 'void') throw new Error(`${fn.name}: a 64-bit argument and a result`);
    return lines;
  }
  if (fn.result.kind === 'struct') {
    lines.push(`const returned = into ?? memory.alloc(${fn.result.struct});`);
    lines.push(`const $returned = addressOf_${fn.result.struct}(returned, 'into');`);
    lines.push(`${callee}(${['$returned', ...passed].join(', ')});`, 'return returned;');
    return lines;
  }
  const arguments_ = numeric ? passed : isExact64(fn.result) ? big : passed;
  const call = result(fn.result, `${callee}(${arguments_.join(', ')})`);
  if (fn.result.kind === 'void') return [...lines, `${call};`, ...keepLine, ...hook.after];
  if (hook.result) return [...lines, `return ${hook.result(call)};`];
  if (keepLine.length || hook.after.length) {
    return [...lines, `const result = ${call};`, ...keepLine, ...hook.after, 'return result;'];
  }
  return [...lines, `return ${call};`];
}

/** Who keeps a buffer from the garbage collector while the kernel may use it. */
function keeper(fn: CFunction): string | undefined {
  if (!fn.parameters.some(({ access }) => access === 'any')) return undefined;
  const owner = fn.parameters.find(({ access }) => access === 'strict');
  if (owner?.type.kind !== 'pointer') return 'memory.borrowed.length = 0';
  if (owner.type.struct === 'io_uring_sqe') return `rings.keepForRequest(${local(owner.name)}, memory)`;
  const registers = /_register_|_buf_ring_add$/.test(fn.name);
  return registers ? `rings.keepForGood(${local(owner.name)}, memory)` : 'memory.borrowed.length = 0';
}

/** A C declaration as people write it: `struct io_uring_sqe *sqe`. */
const declaration = (c: string, name: string): string => (c.endsWith('*') ? `${c}${name}` : `${c} ${name}`);

function documentation(fn: CFunction, pages: ReadonlyMap<string, ManPage>): string[] {
  const parameters = fn.parameters.map(({ name, type }) => declaration(type.c, name)).join(', ') || 'void';
  const c = `\`${declaration(fn.result.c, fn.name)}(${parameters})\``;
  const page = pages.get(fn.name);
  if (!page) return [`${c}, which has no man page.`];
  const names = fn.parameters.map(({ name }) => name);
  const lines = tsdoc(page, names);
  return [...lines.slice(0, 1), '', c, ...lines.slice(1)];
}

export function emitFunctions(model: Model, pages: ReadonlyMap<string, ManPage>, banner: string): string {
  const strict = new Set<string>();
  const targets = new Set<string>();
  for (const { parameters, result } of model.functions) {
    for (const { type, access } of parameters) {
      if (type.kind !== 'pointer' || !type.struct) continue;
      if (access === 'strict') strict.add(type.struct);
      if (type.to === 'pointer') targets.add(type.struct);
    }
    if (result.kind === 'struct') strict.add(result.struct);
  }
  const functions = model.functions;
  const declared = functions.map((fn) => `${comment(documentation(fn, pages), '  ')}\n  ${prototype(fn)};`);
  const wasm = functions.flatMap((fn) => {
    const lines = [];
    const numeric = hasNumericForm(fn) && !isExact64(fn.result);
    if (numeric) lines.push(`const number_${fn.name} = exported['${fn.name}.number'] as Numeric;`);
    if (!numeric || fn.parameters.some(({ type }) => isExact64(type))) {
      const type = isExact64(fn.result) ? 'Exact' : hasNumericForm(fn) ? 'Mixed' : 'Numeric';
      lines.push(`const exact_${fn.name} = exported.${fn.name} as ${type};`);
    }
    return lines;
  });
  return `// ${banner}
// The documentation is from liburing's man pages, which are dual LGPL-2.1+ and MIT.
import * as check from '../arguments.js';
import type { Address, Memory, PointerTo } from '../memory.js';
import * as rings from '../rings.js';
import { wrongStruct } from '../library.js';
import { Pointers, Struct, StructArray, type StructType } from '../struct.js';
import {
${[...new Set(model.structs.map(({ name }) => name))]
  .sort()
  .map((name) => `  ${name},`)
  .join('\n')}
} from './structs.js';

/** liburing's functions, under their names in C and with their arguments in C. */
export interface Functions {
${declared.join('\n\n')}
}

type Numeric = (...values: number[]) => number;
type Exact = (...values: (number | bigint)[]) => bigint;
type Mixed = (...values: (number | bigint | undefined)[]) => number;

/** Binds the functions that a wasm instance exports. @internal */
export function bind(exported: Record<string, unknown>, memory: Memory): Functions {
${indent(wasm, '  ')}

${[...strict]
  .map(
    (name) => `  const addressOf_${name} = (value: ${name}, name: string): number =>
    value instanceof ${name} && value.memory === memory && value.address !== 0
      ? value.address
      : wrongStruct(value, ${name}, memory, name);`,
  )
  .join('\n')}
${[...targets]
  .map(
    (name) => `  const pointerTo_${name} = (value: Pointers<${name}>, name: string): number =>
    value instanceof Pointers && value.type === ${name} && value.memory === memory && value.address !== 0
      ? value.address
      : wrongStruct(value, ${name}, memory, name);`,
  )
  .join('\n')}
  const blockOf = <T extends Struct>(value: T | StructArray<T>, type: StructType<T>, bytes: number, name: string): number =>
    value instanceof type || (value instanceof StructArray && value.type === type)
      ? memory.inside(value, bytes, name)
      : wrongStruct(value, type, memory, name);
  const typed = <T extends Struct>(value: PointerTo<T>, type: StructType<T>, name: string): PointerTo<T> =>
    (value instanceof Struct && !(value instanceof type)) || (value instanceof StructArray && value.type !== type)
      ? (wrongStruct(value, type, memory, name) as never)
      : value;

  return {
${functions.map((fn) => `    ${prototype(fn)} {\n${indent(body(fn), '      ')}\n    },`).join('\n')}
  };
}
`;
}

/** Each function of the default instance as an export of its own. */
export function emitDefault(model: Model, pages: ReadonlyMap<string, ManPage>, banner: string): string {
  const lines = model.functions.map(
    (fn) =>
      `${comment(documentation(fn, pages))}\nexport const ${fn.name}: Functions['${fn.name}'] = functions.${fn.name};`,
  );
  return `// ${banner}
// The documentation is from liburing's man pages, which are dual LGPL-2.1+ and MIT.
import { functions } from '../default.js';
import type { Functions } from './functions.js';

${lines.join('\n\n')}
`;
}

/** C prototypes as data, for tools that take calls as text. */
export function emitSignatures(model: Model, banner: string): string {
  const rows = model.functions.map(({ name, result: { c }, parameters }) => {
    const list = parameters.map((parameter) => {
      const { type } = parameter;
      const number = type.kind === 'integer' ? `, bits: ${type.bits}, signed: ${type.signed}` : '';
      return `{ name: '${parameter.name}', c: '${type.c}', kind: '${type.kind}'${number} }`;
    });
    return `  { name: '${name}', result: '${c}', parameters: [${list.join(', ')}] },`;
  });
  return `// ${banner}
/** A parameter of a C function. */
export interface CParameter {
  readonly name: string;
  /** Its type as the header spells it. */
  readonly c: string;
  readonly kind: 'integer' | 'pointer' | 'struct';
  readonly bits?: number;
  readonly signed?: boolean;
}

/** A C function of liburing's. */
export interface CSignature {
  readonly name: string;
  readonly result: string;
  readonly parameters: readonly CParameter[];
}

/** The prototypes of all functions, in the order of the headers. */
export const signatures: readonly CSignature[] = [
${rows.join('\n')}
];
`;
}
