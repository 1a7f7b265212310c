/** Emits the methods of Ring and Chain: one for each prep function. */
import { compose, type Expression } from './expression.js';
import { type ManPage, tsdoc } from './man.js';
import type { Model } from './model.js';
import { type Argument, type Operation, operation } from './operations.js';
import { comment, indent } from './text.js';

/** The parameters as a declaration has them. */
function declared(each: Operation, options: string): string {
  const list = each.arguments.map(({ name, type, fallback }) =>
    fallback === undefined ? `${name}: ${type.code}` : `${name}?: ${type.code.replace(/ \| undefined$/, '')}`,
  );
  return [...list, `options?: ${options}`].join(', ');
}

function documentation(each: Operation, pages: ReadonlyMap<string, ManPage>): string[] {
  const page = pages.get(each.fn.name);
  const returns = `@returns ${each.value.returns}`;
  if (!page) return [`\`${each.fn.name}\`, which has no man page.`, '', returns];
  const names = each.arguments.map(({ name }) => name);
  const lines = tsdoc({ ...page, returns: null, errors: [] }, names, { lines: 8, characters: 600 });
  return [...lines.slice(0, -1), returns, ...lines.slice(-1)];
}

/** A default that can throw is computed where errors are caught. */
const isComputed = ({ fallback }: Argument): boolean => fallback !== undefined && !fallback.isConstant;

function parameter(argument: Argument): string {
  const { name, type, fallback } = argument;
  if (fallback === undefined) return `${name}: ${type.code}`;
  if (isComputed(argument) || fallback.code === 'undefined')
    return `${name}?: ${type.code.replace(/ \| undefined$/, '')}`;
  return `${name}: ${type.code} = ${fallback.code}`;
}

/** The arguments of `request`, without trailing ones that are not needed. */
function requestArguments(each: Operation, usesScratch: boolean): string {
  const file = each.arguments.find(({ isFile }) => isFile)?.name;
  const list = [
    `'${each.name}'`,
    'sqe',
    'options',
    file,
    usesScratch ? 'scratch' : undefined,
    each.value.convert?.code,
  ];
  const last = list.findLastIndex((argument) => argument !== undefined);
  return list
    .slice(0, last + 1)
    .map((argument) => argument ?? 'undefined')
    .join(', ');
}

function method(each: Operation): string {
  const { usesScratch } = needs([each]);
  const lines = [
    'const to = this.#to;',
    ...(usesScratch ? ['const scratch = new Scratch(to.engine.memory);'] : []),
    'let sqe: io_uring_sqe | undefined;',
    'try {',
    ...each.arguments
      .filter(isComputed)
      .map(({ name, fallback }) => `  if (${name} === undefined) ${name} = ${fallback?.code};`),
    `  sqe = to.newSqe(options${each.big ? ', true' : ''});`,
    `  to.functions.${each.fn.name}(${each.passed.map(({ code }) => code).join(', ')});`,
    '} catch (error) {',
    `  return to.refuse(error, sqe${usesScratch ? ', scratch' : ''});`,
    '}',
    `return to.request(${requestArguments(each, usesScratch)});`,
  ];
  const parameters = [...each.arguments.map(parameter), 'options?: RequestOptions'].join(', ');
  return `  ${each.method}(${parameters}): unknown {\n${indent(lines, '    ')}\n  }`;
}

/** The names that the code of these operations needs. */
function needs(operations: readonly Operation[]): Expression {
  return compose(
    '',
    ...operations.flatMap((each) => [
      ...each.passed,
      each.value.type,
      ...(each.value.convert ? [each.value.convert] : []),
      ...each.arguments.flatMap(({ type, fallback }) => (fallback ? [type, fallback] : [type])),
    ]),
  );
}

function imports(operations: readonly Operation[]): string {
  const { runtime, types, structs, structTypes, uring, linux } = needs(operations);
  const typesOnly = ['ChainEnd', 'MemberOptions', 'OperationTarget', 'RequestOptions', ...types];
  const structTypesOnly = ['io_uring_sqe', ...structTypes].filter((name) => !structs.includes(name));
  const list = (names: readonly string[], typeNames: readonly string[] = []): string =>
    [...names, ...typeNames.map((name) => `type ${name}`)].join(', ');
  return [
    `import { ${list(linux)} } from '../../constants/generated/linux.js';`,
    `import { ${list(uring)} } from '../../constants/generated/uring.js';`,
    `import { ${list(structs, structTypesOnly)} } from '../../structs/generated/structs.js';`,
    `import { ${list([...runtime, 'Scratch'], typesOnly)} } from '../operation-runtime.js';`,
  ].join('\n');
}

export function emitOperations(model: Model, pages: ReadonlyMap<string, ManPage>, banner: string): string {
  const operations = model.functions.flatMap((fn) => operation(fn) ?? []);
  const forRing = operations
    .filter(({ chainOnly }) => !chainOnly)
    .map((each) => {
      const doc = comment(documentation(each, pages), '  ');
      return `${doc}\n  ${each.method}(${declared(each, 'RequestOptions')}): Promise<${each.value.type.code}>;`;
    });
  const forChain = operations.map((each) => {
    const doc = each.chainOnly ? documentation(each, pages) : [`See {@link RingOperations.${each.method}}.`];
    const result = `Chain<[...Results, ${each.value.type.code}]>`;
    return `${comment(doc, '  ')}\n  ${each.method}(${declared(each, 'MemberOptions')}): ${result};`;
  });
  return `// ${banner}
// The documentation is from liburing's man pages, which are dual LGPL-2.1+ and MIT.
${imports(operations)}

/** The operations of a ring. Each makes one request, and returns a promise that the request's completion settles. */
export interface RingOperations {
${forRing.join('\n\n')}
}

/**
 * A chain of linked requests. Get it from \`ring.chain()\`. Each method adds one member and returns the chain; nothing
 * reaches the kernel before \`submit()\`. A member starts when the one before it has succeeded; if that fails, those
 * behind it are cancelled. A short read or write counts as a failure of the link, not as an error.
 *
 * Not every failure breaks a link: on Linux 6.18, those of fsync, sync_file_range, fallocate, ftruncate, statx,
 * madvise, the operations on paths (rename, unlink, mkdir, link, symlink) and on extended attributes do not, and the
 * next member runs. \`submit()\` throws their error nonetheless.
 *
 * \`\`\`ts
 * const file = files.at(0);
 * await ring
 *   .chain()
 *   .openat_direct(AT_FDCWD, 'new.txt', O_WRONLY | O_CREAT, 0o644, file)
 *   .write(file, data, data.length, 0)
 *   .fsync(file, 0, { link: 'hard' })
 *   .close_direct(file)
 *   .submit();
 * \`\`\`
 *
 * @see io_uring_linked_requests(7), io_uring_prep_link_timeout(3)
 */
export interface Chain<Results extends readonly unknown[] = []> extends ChainEnd<Results> {
${forChain.join('\n\n')}
}

/** Calls liburing's prep functions for the requests of a ring or a chain. */
export abstract class Operations {
  readonly #to: OperationTarget;

  constructor(to: OperationTarget) {
    this.#to = to;
  }

${operations.map(method).join('\n\n')}
}
`;
}
