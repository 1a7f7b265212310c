/** Emits the methods of Ring and Chain: one for each prep function. */
import { type ManPage, tsdoc } from './man.js';
import type { Model } from './model.js';
import { type Operation, operation } from './operations.js';
import { comment, indent } from './text.js';

const optional = ({ name, type, fallback }: Operation['arguments'][number]): string =>
  fallback === undefined ? `${name}: ${type}` : `${name}?: ${type.replace(/ \| undefined$/, '')}`;

const parametersOf = (each: Operation): string =>
  [...each.arguments.map(optional), 'options?: RequestOptions'].join(', ');

function documentation(each: Operation, pages: ReadonlyMap<string, ManPage>): string[] {
  const page = pages.get(each.fn.name);
  const returns = `@returns ${each.returns}`;
  if (!page) return [`\`${each.fn.name}\`, which has no man page.`, '', returns];
  const names = each.arguments.map(({ name }) => name);
  const lines = tsdoc({ ...page, returns: null, errors: [] }, names, { lines: 8, characters: 600 });
  return [...lines.slice(0, -1), returns, ...lines.slice(-1)];
}

function body(each: Operation): string[] {
  const held =
    each.passed.some((text) => text.includes('held.')) ||
    each.arguments.some((text) => text.fallback?.includes('held.'));
  const after = each.arguments.flatMap((argument) => argument.after ?? []);
  const finish = ['sqe', `'${each.name}'`, 'options'];
  if (held || each.convert) finish.push(held ? 'held' : 'undefined');
  if (each.convert) finish.push(each.convert);
  const lines = held ? ['const held = new Held(this[RING]);'] : [];
  const call = `this[C].${each.fn.name}(${each.passed.join(', ')});`;
  lines.push(
    `const sqe = this[GET_SQE](${each.big ? 'true' : ''});`,
    'try {',
    ...each.arguments.flatMap(({ name, fallback }) =>
      fallback?.includes('held.') ? [`  if (${name} === undefined) ${name} = ${fallback};`] : [],
    ),
    `  ${call}`,
    '} catch (error) {',
    `  throw this[UNGET_SQE](error${held ? ', held' : each.big ? ', undefined' : ''}${each.big ? ', sqe' : ''});`,
    '}',
    ...after,
    `return this[REQUEST](${finish.join(', ')});`,
  );
  return lines;
}

function method(each: Operation): string {
  const parameters = each.arguments.map(({ name, type, fallback }) => {
    if (fallback === undefined) return `${name}: ${type}`;
    if (fallback === 'undefined') return `${name}?: ${type.replace(/ \| undefined$/, '')}`;
    return fallback.includes('held.') ? `${name}?: ${type}` : `${name}: ${type} = ${fallback}`;
  });
  parameters.push('options?: RequestOptions');
  return `  ${each.name}(${parameters.join(', ')}): unknown {\n${indent(body(each), '    ')}\n  }`;
}

export function emitOperations(model: Model, pages: ReadonlyMap<string, ManPage>, banner: string): string {
  const operations = model.functions.flatMap((fn) => operation(fn) ?? []);
  const forRing = operations
    .filter(({ chainOnly }) => !chainOnly)
    .map(
      (each) =>
        `${comment(documentation(each, pages), '  ')}\n  ${each.name}(${parametersOf(each)}): Promise<${each.result}>;`,
    );
  const forChain = operations.map((each) => {
    const doc = each.chainOnly ? documentation(each, pages) : [`As {@link RingOperations.${each.name}}.`];
    return `${comment(doc, '  ')}\n  ${each.name}(${parametersOf(each)}): Chain<[...Results, ${each.result}]>;`;
  });
  const code = operations.map(method).join('\n\n');
  return `// ${banner}
// The documentation is from liburing's man pages, which are dual LGPL-2.1+ and MIT.
import type { Chain } from '../ring/chain.js';
import { type DirectFile, directIndex, directResult, type FileDescriptor, fileIndex, slotIndex } from '../ring/files.js';
import { type Bytes, countOf, type Duration, type EpollEvent, Held, type Message, type OpenHow, type Path, type Plain, type SocketAddress, sizeOf, type Vector } from '../ring/held.js';
import { C, GET_SQE, type Hooks, REQUEST, RING, UNGET_SQE } from '../ring/hooks.js';
import { messageData, type RingTarget, targetFd } from '../ring/messages.js';
import type { RegisteredBuffer } from '../ring/registered-buffers.js';
import { pollUpdateFlags, type RequestHandle, type RequestOptions } from '../ring/request.js';
import type { Functions } from './functions.js';
import { IORING_ASYNC_CANCEL_FD_FIXED, IORING_POLL_UPDATE_EVENTS, IORING_TIMEOUT_ETIME_SUCCESS, IOSQE_FIXED_FILE, SPLICE_F_FD_IN_FIXED } from './constants.js';
import { STATX_BASIC_STATS } from './linux.js';
import { type epoll_event, type futex_waitv, type io_uring_sqe, siginfo_t, sockaddr_storage, statx } from './structs.js';
import type { StructArray } from '../struct.js';
import type { Ring } from '../ring/ring.js';

/** The operations of a ring: each prepares one request, and its promise is settled by the request's completion. */
export interface RingOperations {
${forRing.join('\n\n')}
}

/** The same for a chain: each adds one request to it. */
export interface ChainOperations<Results extends readonly unknown[]> {
${forChain.join('\n\n')}
}

/** Prepares the requests of a ring or a chain by liburing's functions. @internal */
export abstract class Operations implements Hooks {
  abstract readonly [C]: Functions;
  abstract readonly [RING]: Ring;
  abstract [GET_SQE](big?: boolean): io_uring_sqe;
  abstract [UNGET_SQE](error: unknown, held?: Held, big?: io_uring_sqe): unknown;
  abstract [REQUEST](sqe: io_uring_sqe, name: string, options?: RequestOptions, held?: Held, convert?: (res: number) => unknown): unknown;

${code}
}
`;
}
