/**
 * How Ring's methods differ from the prep functions that they call: what an argument means (a file,
 * a path, a slot, a request), which arguments have a default, what the value is.
 */
import {
  builtIn,
  call,
  compose,
  type Expression,
  engine,
  label,
  linuxConstant,
  literal,
  plain,
  runtimeType,
  scratch,
  structClass,
  structType,
  union,
  uringConstant,
} from './expression.js';
import type { CFunction, Parameter } from './model.js';
import { isString, sqeSize } from './semantics.js';
import { type Value, valueOfOperation } from './values.js';

/** An argument of a method, and what is passed to C for it. */
export interface Argument {
  readonly name: string;
  readonly type: Expression;
  /** Its default, if there is one: an expression that may use the arguments before it. */
  readonly fallback?: Expression;
  /** What is passed to the prep function. */
  readonly passed: Expression;
  /** Whether it is the file that the operation is about: an fd, or a direct descriptor. */
  readonly isFile?: boolean;
}

/** A method of Ring. */
export interface Operation {
  /** The prep function's name without `io_uring_prep_`, as errors and outcomes have it. */
  readonly name: string;
  /** The method's name. It differs for one operation. */
  readonly method: string;
  readonly fn: CFunction;
  /** In the method's order, which is C's. */
  readonly arguments: readonly Argument[];
  /** What is passed to C, in C's order. */
  readonly passed: readonly Expression[];
  readonly value: Value;
  /** Whether only a chain has it. */
  readonly chainOnly: boolean;
  /** It takes an SQE of 128 bytes. */
  readonly big: boolean;
}

/** Prep functions that have no method of their own, and why. */
const without: Record<string, string> = {
  rw: 'it prepares any operation',
  send_set_addr: 'it changes an SQE that another function prepared; see sendto',
  cancel: 'it takes a pointer; the method `cancel` is `io_uring_prep_cancel64`',
};

/** Their methods return iterators: see src/ring/multishot-operations.ts. */
const isMultishot = (name: string): boolean => /multishot/.test(name);

export const operationName = (fn: CFunction): string | undefined =>
  fn.name.startsWith('io_uring_prep_') ? fn.name.slice('io_uring_prep_'.length) : undefined;

/** Errors name the operation, and not the variant of its C function. */
const shortName = (name: string): string => (name === 'cancel64' ? 'cancel' : name);
/** The operation `close` is `close_fd`, as `ring.close()` closes the ring. */
const methodName = (name: string): string => (name === 'close' ? 'close_fd' : name);

const is = (list: string, name: string): boolean => list.split(' ').includes(name);

/** fds that io_uring does not look up itself, so that a direct descriptor cannot be passed. */
const ordinary = (operation: string, name: string): boolean =>
  is('dfd olddfd newdfd newdirfd epfd', name) || `${operation}.${name}` === 'epoll_ctl.fd' || operation === 'close';

/** The pointer whose bytes or elements an integer parameter counts. */
function measured(fn: CFunction, { name }: Parameter): { pointer: Parameter; elements: boolean } | undefined {
  for (const pointer of fn.parameters) {
    if (pointer.bytes === name) return { pointer, elements: false };
    if (pointer.bytes?.startsWith(`${name} * `) && pointer.bytes.split(' ').length === 3)
      return { pointer, elements: true };
  }
  return undefined;
}

/** Structs that may be given in a shorter form: its type, and the method of Scratch that makes the struct. */
const conversions: Record<string, { type: string; method: string }> = {
  __kernel_timespec: { type: 'Duration', method: 'timespec' },
  iovec: { type: 'Vector', method: 'iovecs' },
  msghdr: { type: 'Message', method: 'msghdr' },
  open_how: { type: 'OpenHow', method: 'openHow' },
  epoll_event: { type: 'EpollEvent', method: 'epollEvent' },
};

const bytes = runtimeType('Bytes');
const directFile = runtimeType('DirectFile');
const noAddress = literal('null');

function pointer(operation: string, { name, type }: Parameter): Argument {
  if (type.kind !== 'pointer') throw new Error(`${operation}.${name} is no pointer`);
  const given = plain(name);
  if (type.to === 'string' && isString(name)) {
    return { name, type: runtimeType('Path'), passed: scratch('string', given, label(name)) };
  }
  const conversion = conversions[type.struct ?? ''];
  if (conversion && `${operation}.${name}` !== 'epoll_wait.events') {
    return { name, type: runtimeType(conversion.type), passed: scratch(conversion.method, given, label(name)) };
  }
  // the kernel writes to the addresses of accept
  if (type.struct === 'sockaddr' && !/accept/.test(operation)) {
    const address = union(runtimeType('SocketAddress'), bytes);
    return { name, type: address, passed: scratch('sockaddr', given, label(name)) };
  }
  if (type.struct === 'sockaddr' || name === 'addrlen')
    return { name, type: bytes, fallback: noAddress, passed: given };
  const { struct } = type;
  if (struct === undefined) return { name, type: bytes, passed: given };
  const array = compose(`StructArray<${struct}>`, runtimeType('StructArray'), structType(struct));
  return { name, type: union(structType(struct), array), passed: given };
}

function integer(fn: CFunction, operation: string, parameter: Parameter): Argument {
  const { name, type } = parameter;
  if (type.kind !== 'integer') throw new Error(`${operation}.${name} is no integer`);
  const numeric = builtIn(type.role !== 'size' && type.bits === 64 ? 'number | bigint' : 'number');
  // `options` is the name of the method's last argument
  const own = name === 'options' ? 'wait_options' : name;
  const given = plain(own);
  const argument: Argument = { name: own, type: numeric, passed: given };
  const key = `${operation}.${name}`;

  if (operation.startsWith('msg_ring') && name === 'fd')
    return { name, type: runtimeType('RingTarget'), passed: call('targetFd', given) };
  if (operation.startsWith('msg_ring') && name === 'data') return { ...argument, passed: call('messageData', given) };
  if (name === 'source_fd' || key === 'fixed_fd_install.fd' || key === 'close_direct.file_index')
    return { name, type: directFile, passed: call('directIndex', given, engine, label(name)) };
  if (name === 'file_index') {
    const type = union(directFile, builtIn('undefined'));
    return { name, type, fallback: literal('undefined'), passed: call('slotIndex', given, engine) };
  }
  if (is('user_data old_user_data', name)) {
    return { name, type: runtimeType('RequestReference'), passed: call('userDataOf', given, engine, label(name)) };
  }
  if (is('fd sockfd fd_out fd_in', name) && !ordinary(operation, name)) {
    // these two take a direct descriptor by flags of their own
    const isFile = name !== 'fd_in' && operation !== 'cancel_fd';
    return {
      name,
      type: runtimeType('FileDescriptor'),
      passed: call('fileIndex', given, engine, label(name)),
      isFile,
    };
  }
  if (key === 'close.fd') return { ...argument, isFile: true };
  if (name === 'splice_flags') {
    const flag = uringConstant('SPLICE_F_FD_IN_FIXED');
    return { ...argument, fallback: literal('0'), passed: withFlag(given, 'fd_in', flag) };
  }
  if (key === 'cancel_fd.flags') {
    const flag = uringConstant('IORING_ASYNC_CANCEL_FD_FIXED');
    return { ...argument, fallback: literal('0'), passed: withFlag(given, 'fd', flag) };
  }
  if (key === 'poll_update.flags')
    return {
      ...argument,
      fallback: uringConstant('IORING_POLL_UPDATE_EVENTS'),
      passed: call('pollUpdateFlags', given),
    };
  const fallback = measuredBy(fn, operation, parameter) ?? defaultOf(operation, name);
  return fallback === undefined ? argument : { ...argument, fallback };
}

/** Flags, with one more if a file is a direct descriptor. */
const withFlag = (flags: Expression, file: string, flag: Expression): Expression =>
  compose(`${flags.code} | (typeof ${file} === 'number' ? 0 : ${flag.code})`, flags, flag);

/** The default of an argument that counts what is behind a pointer. */
function measuredBy(fn: CFunction, operation: string, parameter: Parameter): Expression | undefined {
  const measure = measured(fn, parameter);
  if (measure === undefined) return undefined;
  const { pointer: of, elements } = measure;
  const what = plain(of.name);
  if (/_fixed$/.test(operation) && of.name === 'buf') return plain('buf.length');
  if (elements) return call('countOf', what, label(of.name));
  if (of.type.kind === 'pointer' && of.type.struct === 'sockaddr') return scratch('sockaddrLength', what);
  return call('sizeOf', what);
}

function defaultOf(operation: string, name: string): Expression | undefined {
  const key = `${operation}.${name}`;
  // the file's own position, as null is in node:fs
  if (name === 'offset' && /^(read|write)/.test(operation)) return literal('-1');
  // a timeout whose time is up is no error, and does not break a chain
  if (key === 'timeout.flags') return uringConstant('IORING_TIMEOUT_ETIME_SUCCESS');
  if (key === 'statx.mask') return linuxConstant('STATX_BASIC_STATS');
  if (key === 'listen.backlog') return literal('511');
  if (/^(mkdir|mkdirat)\.mode$/.test(key)) return literal('0o777');
  if (name === 'mode' && /^open/.test(operation)) return literal('0o666');
  if (/^(flags|fsync_flags|zc_flags|pipe_flags|cqe_flags|protocol|peer|count)$/.test(name)) return literal('0');
  return undefined;
}

/** Arguments that only say where a result is written. The method returns the result instead. */
const outputs: Record<string, Expression> = {
  'pipe.fds': scratch('ints', literal('2')),
  'pipe_direct.fds': scratch('ints', literal('2')),
  'statx.statxbuf': scratch('struct', structClass('statx')),
  'waitid.infop': scratch('struct', structClass('siginfo_t')),
  'cmd_getsockname.sockaddr': scratch('struct', structClass('sockaddr_storage')),
  'cmd_getsockname.sockaddr_len': scratch('socketAddressLength'),
};

/** Arguments of C that follow from another argument of the method. */
function implied(operation: string, { name }: Parameter, fn: CFunction): Expression | undefined {
  if (name === 'buf_index') {
    if (operation === 'sendmsg_zc_fixed') return undefined;
    const of = fn.parameters.find((parameter) => is('buf iovecs', parameter.name))?.name;
    return of === 'iovecs'
      ? scratch('bufferIndex', plain('iovecs'), engine)
      : call('bufferIndex', plain('buf'), engine);
  }
  if (operation === 'poll_update' && name === 'new_user_data') return literal('0');
  return undefined;
}

function argument(fn: CFunction, operation: string, parameter: Parameter): Argument {
  const registered = runtimeType('RegisteredBuffer');
  if (parameter.type.kind !== 'pointer') {
    if (parameter.name !== 'buf_index') return integer(fn, operation, parameter);
    return { name: 'buffer', type: registered, passed: call('bufferIndex', plain('buffer'), engine) };
  }
  const fixed = /_fixed$/.test(operation);
  if (fixed && parameter.name === 'buf') return { name: 'buf', type: registered, passed: plain('buf.bytes') };
  if (fixed && parameter.name === 'iovecs') {
    return {
      name: 'iovecs',
      type: compose('readonly RegisteredBuffer[]', registered),
      passed: scratch('registeredIovecs', plain('iovecs'), label('iovecs')),
    };
  }
  return pointer(operation, parameter);
}

/** Makes trailing arguments with defaults optional; one before a required argument cannot be. */
function dropEarlyDefaults(list: readonly Argument[]): Argument[] {
  const last = list.findLastIndex(({ fallback }) => fallback === undefined);
  return list.map((each, index) => {
    if (index >= last || each.fallback === undefined) return each;
    const { fallback: _, ...rest } = each;
    return rest;
  });
}

/** The method for a prep function; undefined where there is none. */
export function operation(fn: CFunction): Operation | undefined {
  const name = operationName(fn);
  if (name === undefined || name in without || isMultishot(name)) return undefined;
  const list: Argument[] = [];
  const passed = fn.parameters.map((parameter) => {
    if (parameter.name === 'sqe') return plain('sqe');
    const output = outputs[`${name}.${parameter.name}`] ?? implied(name, parameter, fn);
    if (output) return output;
    const made = argument(fn, name, parameter);
    list.push(made);
    return made.passed;
  });
  return {
    name: shortName(name),
    method: methodName(shortName(name)),
    fn,
    arguments: dropEarlyDefaults(list),
    passed,
    value: valueOfOperation(shortName(name)),
    chainOnly: name === 'link_timeout',
    big: sqeSize(fn.name) === 128,
  };
}

/** The prep functions without a method of their own, for the documentation. */
export const methodless: Readonly<Record<string, string>> = without;
