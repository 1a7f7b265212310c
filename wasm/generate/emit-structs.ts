/** Emits a class for each struct, with an accessor for each member. */
import type { Field, Model, Struct } from './model.js';
import { flexibleLengths } from './semantics.js';
import { comment } from './text.js';

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
  // each accessor has its own check: in one that all structs share, V8 would see too many classes, and be five times as slow
  const alive = 'if (this.address === 0) throw this.gone();';
  const sign = type.signed ? 'Int' : 'Uint';
  if (type.bits === 64) {
    return `${doc}
  get ${name}(): bigint {
    ${alive}
    return this.memory.view.getBig${sign}64(${at}, true);
  }
  set ${name}(value: number | bigint) {
    ${alive}
    this.memory.view.setBig${sign}64(${at}, check.exact64(value, ${label}, ${type.signed}), true);
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
    ${alive}
    return this.memory.view.get${sign}${type.bits}(${at}${endian});
  }
  set ${name}(value: number) {
    ${alive}
    this.memory.view.set${sign}${type.bits}(${at}, check.${type.signed ? 'int' : 'uint'}${type.bits}(value, ${label})${endian});
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
import { type Address, check, type Field, Struct, StructArray } from '../../memory/accessors.js';

${model.structs.map(emitStruct).join('\n')}`;
}
