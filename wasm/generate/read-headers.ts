/** Builds the model from clang's AST and from constants that the compiler evaluates. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { getSystemErrorMap } from 'node:util';
import { type AstNode, type Compiler, exportedSymbols } from './clang.js';
import type { CFunction, Constant, CType, Field, Integer, Model, Parameter, Pointer, Struct } from './model.js';
import * as semantics from './semantics.js';

/** The sizes of LP64. */
const integers: Record<string, [bits: Integer['bits'], signed: boolean]> = {
  _Bool: [8, false],
  bool: [8, false],
  char: [8, true],
  'signed char': [8, true],
  'unsigned char': [8, false],
  short: [16, true],
  'unsigned short': [16, false],
  int: [32, true],
  'unsigned int': [32, false],
  long: [64, true],
  'unsigned long': [64, false],
  'long long': [64, true],
  'unsigned long long': [64, false],
};

const unqualified = (c: string): string => c.replace(/\b(const|volatile|restrict)\b ?/g, '').trim();

/** Whether a typedef names an enum that has no name of its own. */
const namesEnum = (node: AstNode): boolean =>
  [node.decl, node.ownedTagDecl].some((decl) => decl?.kind === 'EnumDecl') || (node.inner ?? []).some(namesEnum);

/** All nodes of a subtree. */
function* descendants(node: AstNode): Iterable<AstNode> {
  for (const child of node.inner ?? []) {
    yield child;
    yield* descendants(child);
  }
}

/** A member in the AST. The compiler has not been asked for its offset yet. */
interface FoundField {
  name: string;
  type: Exclude<CType, { kind: 'void' }>;
  length?: string;
  bitfield: boolean;
}

interface FoundStruct {
  name: string;
  c: string;
  union: boolean;
  fields: FoundField[];
}

/** Members that io_uring_prep_rw writes for every operation. */
const genericMembers = ['opcode', 'fd', 'off', 'addr', 'len'];

class HeaderReader {
  readonly #compiler: Compiler;
  readonly #prologue: string;
  readonly #ast: AstNode[];
  readonly #records = new Map<string, AstNode>();
  readonly #typedefs = new Map<string, AstNode>();
  readonly #enums = new Set<string>();
  readonly #bodies = new Map<string, AstNode>();
  readonly #sizes = new Map<string, number>();

  constructor(compiler: Compiler) {
    this.#compiler = compiler;
    this.#prologue = semantics.headers.map((header) => `#include <${header}>`).join('\n');
    this.#ast = compiler.ast(`#define IOURINGINLINE\n${this.#prologue}\n`);
    for (const node of this.#ast) {
      if (node.kind === 'RecordDecl' && node.completeDefinition && node.name) {
        this.#records.set(`${node.tagUsed} ${node.name}`, node);
      } else if (node.kind === 'TypedefDecl' && node.name) {
        this.#typedefs.set(node.name, node);
        if (namesEnum(node)) this.#enums.add(node.name);
      } else if (node.kind === 'EnumDecl' && node.name) {
        this.#enums.add(`enum ${node.name}`);
      } else if (node.kind === 'FunctionDecl' && node.name) {
        const body = node.inner?.find(({ kind }) => kind === 'CompoundStmt');
        if (body) this.#bodies.set(node.name, body);
      }
    }
  }

  #integer(c: string): Integer | undefined {
    const plain = unqualified(c);
    if (this.#enums.has(plain)) {
      return { kind: 'integer', bits: 32, signed: false, c: plain, role: 'number' };
    }
    const known = integers[plain];
    if (known) {
      const role = plain === '_Bool' || plain === 'bool' ? 'boolean' : 'number';
      return { kind: 'integer', bits: known[0], signed: known[1], c: plain, role };
    }
    const alias = this.#typedefs.get(plain)?.type;
    const meaning = alias?.desugaredQualType ?? alias?.qualType;
    if (meaning === undefined || meaning === plain) return undefined;
    const target = this.#integer(meaning);
    if (!target) return undefined;
    return { ...target, c: plain, role: /^s?size_t$/.test(plain) ? 'size' : target.role };
  }

  /** The name of the struct that a C type denotes: `iovec` for `const struct iovec`. */
  #structName(c: string): string | undefined {
    const plain = unqualified(c);
    const tagged = /^(?:struct|union) (\w+)$/.exec(plain);
    if (tagged) return tagged[1];
    if (semantics.foreignStructs.includes(plain)) return plain;
    const alias = this.#typedefs.get(plain)?.type?.qualType;
    return alias === undefined || alias === plain ? undefined : this.#structName(alias);
  }

  #pointer(c: string, name: string): Pointer | undefined {
    const match = /^(.*\S)\s*\*(?:const|restrict)?$/.exec(c.trim());
    if (!match?.[1]) return undefined;
    const target = unqualified(match[1]);
    const base = { kind: 'pointer', c } as const;
    if (target === 'void') return { ...base, to: 'void', elementSize: 1 };
    if (target === 'char') {
      return { ...base, to: semantics.isString(name) ? 'string' : 'void', elementSize: 1 };
    }
    const inner = /^(.*\S)\s*\*$/.exec(target);
    if (inner?.[1]) {
      const struct = this.#structName(inner[1]);
      return { ...base, to: 'pointer', elementSize: 8, ...(struct && { struct }) };
    }
    const integer = this.#integer(target);
    if (integer) return { ...base, to: 'integer', elementSize: integer.bits / 8 };
    const struct = this.#structName(target);
    if (struct) return { ...base, to: 'struct', struct, elementSize: this.#sizes.get(target) ?? 1 };
    return { ...base, to: 'void', elementSize: 1 };
  }

  #type(c: string, name: string): CType {
    if (c === 'void') return { kind: 'void', c };
    const found = this.#integer(c) ?? this.#pointer(c, name);
    if (found) return found;
    const struct = this.#structName(c);
    if (struct) return { kind: 'struct', c, struct };
    throw new Error(`the type of ${name}, ${c}, is none that the generator knows`);
  }

  #valueType(c: string, name: string): Exclude<CType, { kind: 'void' }> {
    const type = this.#type(c, name);
    if (type.kind === 'void') throw new Error(`${name} is void`);
    return type;
  }

  /** The function's body alone says which member of a union it means. */
  #sqeWrites(name: string): string[] {
    const own: string[] = [];
    const called: string[] = [];
    // every prep function calls this one, which names off and addr although the operation may mean another member
    const generic: string[] = [];
    const body = this.#bodies.get(name);
    for (const node of body ? descendants(body) : []) {
      const [target] = node.inner ?? [];
      if (/^(\||&)?=$/.test(node.opcode ?? '') && target) {
        const members = [target, ...descendants(target)];
        const isSqe = members.some(({ referencedDecl }) => referencedDecl?.name === 'sqe');
        const member = members.find((part) => part.kind === 'MemberExpr' && part.name)?.name;
        if (isSqe && member) own.push(member);
      } else if (node.kind === 'CallExpr') {
        const callee = [...descendants(node)].find(({ referencedDecl }) => referencedDecl?.kind === 'FunctionDecl');
        const calleeName = callee?.referencedDecl?.name ?? '';
        (calleeName === 'io_uring_prep_rw' ? generic : called).push(...this.#sqeWrites(calleeName));
      }
    }
    const isGeneric = (member: string): boolean => !own.includes(member) && genericMembers.includes(member);
    const members = [...new Set([...own, ...called, ...generic])];
    return [...members.filter((member) => !isGeneric(member)), ...members.filter(isGeneric)];
  }

  functions(publicNames: ReadonlySet<string>): CFunction[] {
    const found = new Map<string, CFunction>();
    for (const node of this.#ast) {
      if (node.kind !== 'FunctionDecl' || !node.name || !publicNames.has(node.name)) continue;
      const parameters = (node.inner ?? [])
        .filter((child) => child.kind === 'ParmVarDecl')
        .map((child): Parameter => {
          const name = child.name ?? '';
          return { name, type: this.#valueType(child.type?.qualType ?? '', name) };
        });
      const result = /^(.*?)\s*\(/.exec(node.type?.qualType ?? '')?.[1] ?? '';
      const fn: CFunction = { name: node.name, result: this.#type(result, node.name), parameters };
      semantics.annotate(fn);
      const writes = this.#sqeWrites(node.name);
      if (writes.length > 0) fn.writes = writes;
      found.set(node.name, fn);
    }
    for (const name of publicNames) {
      if (!found.has(name)) throw new Error(`${name} is exported but no header declares it`);
    }
    return [...found.values()];
  }

  /**
   * A struct's members. Members of unnamed structs and unions in it are included, as C looks them up. A named member of
   * an unnamed type becomes a struct of its own, OWNER_MEMBER.
   */
  #addStruct(found: FoundStruct[], struct: Omit<FoundStruct, 'fields'>, record: AstNode): void {
    const fields: FoundField[] = [];
    const collect = (node: AstNode): void => {
      let unnamed: AstNode | undefined;
      for (const child of node.inner ?? []) {
        if (child.kind === 'RecordDecl') {
          unnamed = !child.name && child.completeDefinition ? child : undefined;
          continue;
        }
        if (child.kind !== 'FieldDecl') continue;
        if (unnamed && child.name) {
          const name = `${struct.name}_${child.name}`;
          const c = `__typeof__(((${struct.c} *) 0)->${child.name})`;
          this.#addStruct(found, { name, c, union: unnamed.tagUsed === 'union' }, unnamed);
          fields.push({ name: child.name, type: { kind: 'struct', c, struct: name }, bitfield: false });
        } else if (unnamed) {
          collect(unnamed);
        } else if (child.name) {
          fields.push(this.#field(child, child.name));
        }
        unnamed = undefined;
      }
    };
    collect(record);
    found.push({ ...struct, fields });
  }

  #field(node: AstNode, name: string): FoundField {
    const c = node.type?.qualType ?? '';
    const array = /^(.*?)\s*\[(\d*)\]$/.exec(c);
    return {
      name,
      type: this.#valueType(array?.[1] ?? c, name),
      bitfield: node.isBitfield === true,
      ...(array && { length: array[2] ?? '' }),
    };
  }

  #findStructs(isOurs: (file: string) => boolean): FoundStruct[] {
    const found: FoundStruct[] = [];
    for (const [c, node] of this.#records) {
      if (!isOurs(node.file ?? '') && !semantics.foreignStructs.includes(c)) continue;
      this.#addStruct(found, { name: node.name ?? '', c, union: node.tagUsed === 'union' }, node);
    }
    for (const name of semantics.foreignStructs) {
      if (name.includes(' ') || !this.#typedefs.has(name)) continue;
      // these headers have the C library's own declarations, or macros
      const members = name === 'siginfo_t' ? Object.entries(semantics.siginfoMembers) : [];
      const fields = members.map(([member, c]) => ({
        name: member,
        type: this.#valueType(c, member),
        bitfield: false,
      }));
      found.push({ name, c: name, union: false, fields });
    }
    return found;
  }

  structs(isOurs: (file: string) => boolean): Struct[] {
    const found = this.#findStructs(isOurs);
    const questions = found.flatMap(({ c, fields }) => [
      `sizeof(${c})`,
      `_Alignof(${c})`,
      ...fields.flatMap((field) =>
        field.bitfield
          ? ['0', '0']
          : [
              `__builtin_offsetof(${c}, ${field.name})`,
              // a flexible array has no size
              field.length === '' || field.length === '0' ? '0' : `sizeof(((${c} *) 0)->${field.name})`,
            ],
      ),
    ]);
    const answers = this.#compiler.values(this.#prologue, questions);
    const next = (): number => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error('a layout cannot be evaluated');
      return Number(answer);
    };
    return found.map(({ name, c, union, fields }) => {
      const size = next();
      const align = next();
      this.#sizes.set(c, size);
      const placed = fields.map(({ bitfield, length, ...field }): Field => {
        if (bitfield) throw new Error(`${c}.${field.name}: bit-fields need their place read out`);
        const placement = { ...field, offset: next(), size: next() };
        return length === undefined ? placement : { ...placement, length: Number(length || 0) };
      });
      return { name, c, union, size, align, fields: placed };
    });
  }

  constants(isOurs: (file: string) => boolean, wanted: (name: string) => boolean): Constant[] {
    const names: { name: string; enum?: string }[] = [];
    for (const node of this.#ast) {
      if (node.kind !== 'EnumDecl' || !isOurs(node.file ?? '')) continue;
      for (const child of node.inner ?? []) {
        if (child.kind !== 'EnumConstantDecl' || !child.name || !wanted(child.name)) continue;
        names.push({ name: child.name, enum: node.name ?? 'anonymous' });
      }
    }
    const inEnums = new Set(names.map(({ name }) => name));
    for (const { name, file } of this.#compiler.macros(this.#prologue)) {
      if (isOurs(file) && wanted(name) && !inEnums.has(name)) names.push({ name });
    }
    const values = this.#compiler.values(
      this.#prologue,
      names.map(({ name }) => name),
    );
    return names.flatMap((constant, index) => {
      const value = values[index];
      return value === undefined ? [] : [{ ...constant, value }];
    });
  }
}

/** The comments of Linux's errno headers, by error. */
function errnoComments(): Map<string, string> {
  const include = process.env.LINUX_INCLUDE ?? '/usr/include';
  const text = ['errno-base.h', 'errno.h']
    .map((file) => readFileSync(join(include, 'asm-generic', file), 'utf8'))
    .join('\n');
  const comments = text.matchAll(/^#define\s+(E\w+)\s+\d+\s*\/\* (.*?) \*\//gm);
  return new Map(
    [...comments].map(([, name = '', comment = '']) => [name, comment.charAt(0).toLowerCase() + comment.slice(1)]),
  );
}

/** Node's sentence for an error number, or Linux's where Node has none. */
function errnoText(name: string, value: number, comments: ReadonlyMap<string, string>): string {
  return getSystemErrorMap().get(-value)?.[1] ?? comments.get(name) ?? name;
}

/** Whether a macro tells a header what others have included: LIBURING_COMPAT_H, …_H_SKIP_LINUX_TIME_TYPES_H. */
function isHeaderGuard(macro: string): boolean {
  return /_H(_|$)/.test(macro);
}

/** Reads liburing's headers in `source` (the patched tree) as configured in `build`. */
export function readModel(compiler: Compiler, source: string): Model {
  const maps = ['liburing.map', 'liburing-ffi.map'];
  const names = new Set(maps.flatMap((map) => exportedSymbols(join(source, 'src', map))));
  const reader = new HeaderReader(compiler);
  const isOurs = (file: string): boolean => /\/liburing(\.h$|\/)/.test(file);
  const isLinux = (file: string): boolean => !isOurs(file);

  const comments = errnoComments();
  const spec = readFileSync(join(source, 'liburing.spec'), 'utf8');
  // in C, structs and functions may have the same name; in JavaScript they cannot
  const structs = reader.structs(isOurs);
  const isErrno = (file: string): boolean => /\berrno(-base)?\.h$/.test(file);
  const errno = reader.constants(isErrno, (name) => /^E[A-Z0-9]+$/.test(name));
  const linux = reader.constants(isLinux, (name) => semantics.linuxConstants.test(name));
  return {
    version: /^Version: (\S+)/m.exec(spec)?.[1] ?? '',
    functions: reader.functions(names),
    structs: structs.map((struct) => (names.has(struct.name) ? { ...struct, name: `struct_${struct.name}` } : struct)),
    constants: reader.constants(isOurs, (name) => /^([A-Z]|_*IOU)/.test(name) && !isHeaderGuard(name)),
    linux: [...errno, ...linux],
    errno: errno.map(({ name, value }) => ({
      name,
      value: Number(value),
      text: errnoText(name, Number(value), comments),
    })),
  };
}
