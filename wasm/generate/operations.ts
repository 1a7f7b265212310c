/**
 * How Ring's methods differ from the prep functions that they call: what an argument means (a file,
 * a path, a slot, a request), which arguments have a default, what the result is.
 */
import type { CFunction, Parameter } from './model.js';
import { isString } from './semantics.js';

/** An argument of a method, and how it becomes C's. */
export interface Argument {
  name: string;
  type: string;
  /** Its default, if there is one: an expression that may use the arguments before it. */
  fallback?: string;
  /** The expression passed to the prep function. */
  passed: string;
  /** Whether it needs memory that is freed after the request. */
  holds?: boolean;
  /** A statement after the prep function, which sees `sqe`. */
  after?: string;
}

/** A method of Ring. */
export interface Operation {
  /** Its name, and that of the prep function without `io_uring_prep_`. */
  name: string;
  fn: CFunction;
  /** In the method's order, which is C's. */
  arguments: Argument[];
  /** What is passed to C, in C's order. */
  passed: string[];
  /** What the promise resolves to. */
  result: string;
  returns: string;
  /** An expression: the function that makes the result of a CQE's res, with `res` itself as default. */
  convert?: string;
  /** Only in a chain does it make sense. */
  chainOnly: boolean;
  /** It takes an SQE of 128 bytes. */
  big: boolean;
}

/** Prep functions that have no method of their own, and why. */
const without: Record<string, string> = {
  rw: 'it prepares any operation',
  send_set_addr: 'it changes an SQE that another function prepared; see sendto',
  cancel: 'it takes a pointer; the method of that name is cancel64',
};

/** Their methods are iterators: see src/ring/multishot.ts. */
const isMultishot = (name: string): boolean => /multishot/.test(name);

export const operationName = (fn: CFunction): string | undefined =>
  fn.name.startsWith('io_uring_prep_') ? fn.name.slice('io_uring_prep_'.length) : undefined;

const methodName = (name: string): string => (name === 'cancel64' ? 'cancel' : name);

const is = (list: string, name: string): boolean => list.split(' ').includes(name);

/** fds that io_uring does not look up itself, so that a direct descriptor cannot stand for them. */
const ordinary = (operation: string, name: string): boolean =>
  is('dfd olddfd newdfd newdirfd epfd', name) || `${operation}.${name}` === 'epoll_ctl.fd' || operation === 'close';

/** The integer parameter that says how much is behind a pointer, with the pointer's name. */
function measured(fn: CFunction, { name }: Parameter): { pointer: Parameter; elements: boolean } | undefined {
  for (const pointer of fn.parameters) {
    if (pointer.bytes === name) return { pointer, elements: false };
    if (pointer.bytes?.startsWith(`${name} * `) && pointer.bytes.split(' ').length === 3)
      return { pointer, elements: true };
  }
  return undefined;
}

const isSockaddr = ({ type }: Parameter): boolean => type.kind === 'pointer' && type.struct === 'sockaddr';

/** Structs that may be given as something shorter. */
const conversions: Record<string, { type: string; method: string }> = {
  __kernel_timespec: { type: 'Duration', method: 'timespec' },
  iovec: { type: 'Vector', method: 'iovecs' },
  msghdr: { type: 'Message', method: 'msghdr' },
  open_how: { type: 'OpenHow', method: 'openHow' },
  epoll_event: { type: 'EpollEvent', method: 'epollEvent' },
};

function pointer(operation: string, parameter: Parameter): Argument {
  const { name, type } = parameter;
  if (type.kind !== 'pointer') throw new Error(`${operation}.${name} is no pointer`);
  if (type.to === 'string' && isString(name)) {
    return { name, type: 'Path', passed: `held.path(${name}, '${name}')`, holds: true };
  }
  const conversion = conversions[type.struct ?? ''];
  if (conversion && `${operation}.${name}` !== 'epoll_wait.events') {
    return { name, type: conversion.type, passed: `held.${conversion.method}(${name}, '${name}')`, holds: true };
  }
  if (isSockaddr(parameter)) {
    // the kernel writes to these
    if (/accept/.test(operation)) return { name, type: 'Bytes', fallback: 'null', passed: name };
    return { name, type: 'SocketAddress | Bytes', passed: `held.sockaddr(${name}, '${name}')`, holds: true };
  }
  if (name === 'addrlen') return { name, type: 'Bytes', fallback: 'null', passed: name };
  const { struct } = type;
  return { name, type: struct ? `${struct} | StructArray<${struct}>` : 'Bytes', passed: name };
}

function integer(fn: CFunction, operation: string, parameter: Parameter): Argument {
  const { name, type } = parameter;
  if (type.kind !== 'integer') throw new Error(`${operation}.${name} is no integer`);
  const plain = type.role !== 'size' && type.bits === 64 ? 'number | bigint' : 'number';
  // the method's last argument has this name
  const own = name === 'options' ? 'wait_options' : name;
  const argument: Argument = { name: own, type: plain, passed: own };
  const key = `${operation}.${name}`;

  if (operation.startsWith('msg_ring') && name === 'fd')
    return { name, type: 'RingTarget', passed: `targetFd(${name})` };
  if (operation.startsWith('msg_ring') && name === 'data') return { ...argument, passed: `messageData(${name})` };
  if (name === 'source_fd' || key === 'fixed_fd_install.fd') {
    return { name, type: 'DirectFile', passed: `directIndex(${name}, this[RING], '${name}')` };
  }
  if (name === 'file_index') {
    if (operation === 'close_direct') {
      return { name, type: 'DirectFile', passed: `directIndex(${name}, this[RING], '${name}')` };
    }
    return { name, type: 'DirectFile | undefined', fallback: 'undefined', passed: `slotIndex(${name}, this[RING])` };
  }
  if (is('user_data old_user_data', name)) return { name, type: 'RequestHandle', passed: `${name}.userData` };
  if (is('fd sockfd fd_out fd_in', name) && !ordinary(operation, name)) {
    const after =
      name === 'fd_in' || operation === 'cancel_fd'
        ? undefined
        : `if (typeof ${name} !== 'number') sqe.flags |= IOSQE_FIXED_FILE;`;
    return {
      name,
      type: 'FileDescriptor',
      passed: `fileIndex(${name}, this[RING], '${name}')`,
      ...(after ? { after } : {}),
    };
  }
  if (name === 'splice_flags') {
    return { ...argument, fallback: '0', passed: `${name} | (typeof fd_in === 'number' ? 0 : SPLICE_F_FD_IN_FIXED)` };
  }
  if (key === 'cancel_fd.flags') {
    return {
      ...argument,
      fallback: '0',
      passed: `${name} | (typeof fd === 'number' ? 0 : IORING_ASYNC_CANCEL_FD_FIXED)`,
    };
  }
  if (key === 'poll_update.flags')
    return { ...argument, fallback: 'IORING_POLL_UPDATE_EVENTS', passed: `pollUpdateFlags(${name})` };
  const measure = measured(fn, parameter);
  if (measure) {
    const { pointer: of, elements } = measure;
    if (/_fixed$/.test(operation) && of.name === 'buf') return { ...argument, fallback: 'buf.length' };
    if (elements) return { ...argument, fallback: `countOf(${of.name}, '${of.name}')` };
    if (isSockaddr(of)) return { ...argument, fallback: `held.sockaddrLength(${of.name})` };
    return { ...argument, fallback: `sizeOf(${of.name})` };
  }
  const fallback = defaultOf(operation, name);
  return fallback === undefined ? argument : { ...argument, fallback };
}

function defaultOf(operation: string, name: string): string | undefined {
  const key = `${operation}.${name}`;
  // a file's own position, as node:fs has it for null
  if (name === 'offset' && /^(read|write)/.test(operation)) return '-1';
  // expiry is what a timeout is for: no error, and no end of a chain
  if (key === 'timeout.flags') return 'IORING_TIMEOUT_ETIME_SUCCESS';
  if (key === 'statx.mask') return 'STATX_BASIC_STATS';
  if (key === 'listen.backlog') return '511';
  if (/^(mkdir|mkdirat)\.mode$/.test(key)) return '0o777';
  if (name === 'mode' && /^open/.test(operation)) return '0o666';
  if (/^(flags|fsync_flags|zc_flags|pipe_flags|cqe_flags|protocol|peer|count)$/.test(name)) return '0';
  return undefined;
}

/** Results that are not the CQE's res: type, documentation, and the expression of the function that makes it. */
function resultOf(operation: string): Pick<Operation, 'result' | 'returns' | 'convert'> {
  if (operation === 'pipe_direct') {
    return {
      result: '[DirectFile, DirectFile]',
      returns: 'The end to read from and the end to write to.',
      convert: 'held.directPipe(this[RING], file_index)',
    };
  }
  if (/_direct(_alloc)?$/.test(operation) && operation !== 'close_direct') {
    const slot = operation === 'socket_direct_alloc' ? 'undefined' : 'file_index';
    return {
      result: 'DirectFile',
      returns: 'The file, as a direct descriptor.',
      convert: `directResult(this[RING], ${slot})`,
    };
  }
  switch (operation) {
    case 'pipe':
      return {
        result: '[number, number]',
        returns: 'The end to read from and the end to write to.',
        convert: 'held.pipe()',
      };
    case 'statx':
      return { result: 'Plain<statx>', returns: 'What C has in `struct statx`.', convert: 'held.plain(statx)' };
    case 'waitid':
      return { result: 'Plain<siginfo_t>', returns: 'What C has in `siginfo_t`.', convert: 'held.plain(siginfo_t)' };
    case 'cmd_getsockname':
      return { result: 'SocketAddress', returns: 'The address.', convert: 'held.socketAddress()' };
    default:
      return { result: 'number', returns: "The CQE's `res`: what the system call returns, where there is one." };
  }
}

/** Arguments that only say where a result goes. The method returns it instead. */
const outputs: Record<string, string> = {
  'pipe.fds': 'held.room(8)',
  'pipe_direct.fds': 'held.room(8)',
  'statx.statxbuf': 'held.struct(statx)',
  'waitid.infop': 'held.struct(siginfo_t)',
  'cmd_getsockname.sockaddr': 'held.struct(sockaddr_storage)',
  'cmd_getsockname.sockaddr_len': 'held.socketAddressLength()',
};

/** Arguments that follow from another. */
function implied(operation: string, { name }: Parameter, fn: CFunction): string | undefined {
  if (name === 'buf_index') {
    if (operation === 'sendmsg_zc_fixed') return undefined;
    const of = fn.parameters.find((parameter) => is('buf iovecs', parameter.name))?.name;
    return of === 'iovecs' ? 'held.bufferIndex(iovecs, this[RING])' : 'buf.indexIn(this[RING])';
  }
  if (operation === 'poll_update' && name === 'new_user_data') return '0';
  return undefined;
}

function argument(fn: CFunction, operation: string, parameter: Parameter): Argument {
  if (parameter.type.kind !== 'pointer') {
    if (parameter.name === 'buf_index') {
      return { name: 'buffer', type: 'RegisteredBuffer', passed: 'buffer.indexIn(this[RING])' };
    }
    return integer(fn, operation, parameter);
  }
  const fixed = /_fixed$/.test(operation);
  if (fixed && parameter.name === 'buf') return { name: 'buf', type: 'RegisteredBuffer', passed: 'buf.bytes' };
  if (fixed && parameter.name === 'iovecs') {
    return {
      name: 'iovecs',
      type: 'readonly RegisteredBuffer[]',
      passed: "held.registeredIovecs(iovecs, 'iovecs')",
      holds: true,
    };
  }
  return pointer(operation, parameter);
}

/** Trailing arguments with defaults are optional; one before a required one cannot be. */
function dropEarlyDefaults(list: Argument[]): Argument[] {
  const last = list.findLastIndex(({ fallback }) => fallback === undefined);
  return list.map((each, index) => {
    if (index >= last || each.fallback === undefined) return each;
    const { fallback: _, ...rest } = each;
    return rest;
  });
}

/** The method for a prep function, or undefined where there is none. */
export function operation(fn: CFunction): Operation | undefined {
  const name = operationName(fn);
  if (name === undefined || name in without || isMultishot(name)) return undefined;
  const list: Argument[] = [];
  const passed = fn.parameters.map((parameter) => {
    if (parameter.name === 'sqe') return 'sqe';
    const output = outputs[`${name}.${parameter.name}`] ?? implied(name, parameter, fn);
    if (output) return output;
    const made = argument(fn, name, parameter);
    list.push(made);
    return made.passed;
  });
  return {
    name: methodName(name),
    fn,
    arguments: dropEarlyDefaults(list),
    passed,
    ...resultOf(name),
    chainOnly: name === 'link_timeout',
    big: name.endsWith('128'),
  };
}

/** The prep functions without a method of their own, for the documentation. */
export const methodless: Readonly<Record<string, string>> = without;
