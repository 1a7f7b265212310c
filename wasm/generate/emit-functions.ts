/** Emits the bindings of all functions, with their documentation. */
import { body, prototype } from './binding.js';
import { type ManPage, tsdoc } from './man.js';
import type { CFunction, Model } from './model.js';
import { comment, indent } from './text.js';
import { hasNumericForm, isExact64 } from './thunks.js';

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
  const returned = new Set<string>();
  for (const { parameters, result } of model.functions) {
    for (const { type, access } of parameters) {
      if (type.kind !== 'pointer' || !type.struct) continue;
      if (access === 'strict') strict.add(type.struct);
      if (type.to === 'pointer') targets.add(type.struct);
    }
    if (result.kind === 'struct') strict.add(result.struct);
    if (result.kind === 'pointer' && result.to === 'struct' && result.struct) returned.add(result.struct);
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
import { type Address, check, type Memory, Pointers, type PointerTo, rings, Struct, StructArray, StructFinder, type StructType, wrongStruct } from '../binding.js';
import {
${[...new Set(model.structs.map(({ name }) => name))]
  .sort()
  .map((name) => `  ${name},`)
  .join('\n')}
} from '../../structs/generated/structs.js';

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
${[...returned].map((name) => `  const found_${name} = new StructFinder(memory, ${name});`).join('\n')}

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
import type { Functions } from '../../liburing/generated/functions.js';

${lines.join('\n\n')}
`;
}
