/** Builds one binding: its types, the checks of its arguments, its call of wasm. */
import type { CFunction, CType, Parameter } from './model.js';
import { hooks } from './semantics.js';
import { hasNumericForm, isExact64 } from './thunks.js';

const reserved = new Set(['arguments', 'default', 'function', 'in', 'new', 'var', 'with']);
const local = (name: string): string => (reserved.has(name) ? `${name}_` : name);

/** Structs whose name stands for a family: a `struct sockaddr *` takes any of them. */
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

/** Structs of the library of which functions take arrays. */
const isArray = (struct: string): boolean => ['io_uring_restriction', 'io_uring_reg_wait'].includes(struct);

function resultType(type: CType): string {
  if (type.kind === 'void') return 'void';
  if (type.kind === 'struct') return type.struct;
  if (type.kind === 'pointer') return type.to === 'struct' ? `${type.struct} | null` : 'number';
  if (type.role === 'boolean') return 'boolean';
  return isExact64(type) ? 'bigint' : 'number';
}

/** A function's signature in TypeScript. */
export function prototype(fn: CFunction): string {
  const parameters = fn.parameters.map((parameter) => `${local(parameter.name)}: ${parameterType(parameter)}`);
  // a struct that C returns by value is stored where the caller says, or in memory of its own
  if (fn.result.kind === 'struct') parameters.push(`into?: ${fn.result.struct}`);
  return `${fn.name}(${parameters.join(', ')}): ${resultType(fn.result)}`;
}

/** A count, as C and the kernel convert the checked argument: -1 may be 4294967295. */
function count(word: string, { access }: Parameter, fn: CFunction): string {
  const type = fn.parameters.find(({ name }) => name === word)?.type;
  if (type?.kind !== 'integer') throw new Error(`${fn.name}: ${word} counts nothing`);
  if (isExact64(type)) return `check.count(Number(check.exact64(${local(word)}, '${word}', ${type.signed})))`;
  if (type.bits === 64) return `check.count($${local(word)})`;
  if (type.bits !== 32) return `$${local(word)}`;
  // the library refuses a negative count before it follows the pointer
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
    if (type.to === 'struct') return `found_${type.struct}.at(${call} >>> 0)`;
    return `check.size(${call}, 'the result')`;
  }
  if (type.kind === 'struct') throw new Error('structs by value are returned through a pointer');
  if (type.role === 'boolean') return `${call} !== 0`;
  if (type.bits === 64) return type.role === 'size' ? call : `BigInt.asUintN(64, ${call})`;
  return type.signed ? call : `${call} >>> 0`;
}

/** The statements of a binding. */
export function body(fn: CFunction): string[] {
  const lines: string[] = [];
  const exact = fn.parameters.filter(({ type }) => isExact64(type));
  const passed: string[] = [];
  const hook = hooks(fn.name);
  // an earlier call that threw may have left these
  if (keeper(fn)) lines.push('if (memory.borrowed.length !== 0) memory.takeBorrowed();');
  for (const parameter of fn.parameters) {
    const name = local(parameter.name);
    passed.push(argument(parameter, fn) === name ? name : `$${name}`);
  }
  // integers first: they say the size behind pointers
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
  // if one argument needs the exact form, all are passed as BigInts
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

/** The call that keeps foreign buffers alive while the kernel may use them. */
function keeper(fn: CFunction): string | undefined {
  if (!fn.parameters.some(({ access }) => access === 'any')) return undefined;
  const owner = fn.parameters.find(({ access }) => access === 'strict');
  if (owner?.type.kind !== 'pointer') return 'memory.takeBorrowed()';
  if (owner.type.struct === 'io_uring_sqe') return `rings.keepForRequest(${local(owner.name)}, memory)`;
  const registers = /_register_|_buf_ring_add$/.test(fn.name);
  return registers ? `rings.keepForGood(${local(owner.name)}, memory)` : 'memory.takeBorrowed()';
}
