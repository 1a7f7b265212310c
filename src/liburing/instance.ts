/** An instance of liburing: the wasm module, its memory, and the functions bound to both. */
import { invalidNumber } from '../checks/errors.js';
import { systemError } from '../checks/system-error.js';
import { ENOMEM, ENOSYS } from '../constants/generated/linux.js';
import { Memory } from '../memory/memory.js';
import { OrdinaryPages } from '../memory/ordinary-pages.js';
import { pageAlign, WASM_PAGE_SIZE } from '../memory/pages.js';
import { bind, type Functions } from './generated/functions.js';
import { type Macros, macros } from './macros.js';

/** Settings of an instance. */
export interface InstanceOptions {
  /**
   * Bytes for structs, rings and buffers; a multiple of 64 KiB from 128 KiB to 2 GiB. They take no memory before they
   * are used. Default: 64 MiB, or 1 MiB where there is no host.
   */
  readonly windowSize?: number;
}

/** A liburing of its own: functions, and the memory that their structs are in. */
export interface Instance {
  /** liburing's functions and macros, bound to this instance's memory. */
  readonly functions: Functions & Macros;
  /** What structs and buffers are allocated from. */
  readonly memory: Memory;
  /** Whether system calls can be made. Without a host, an instance only prepares SQEs. */
  readonly hasHost: boolean;
  /**
   * Closes the instance's rings and unmaps its window. Requests of a `Ring` are cancelled, and this blocks until the
   * kernel has ended them. Nothing of the instance may be used afterwards.
   */
  close(): void;
}

/** Bytes of the stack that liburing's functions run on. */
export const STACK_SIZE = 65536;
const DEFAULT_SIZE = 1 << 20;

/** @throws a TypeError for a size that an instance cannot have. */
export function checkWindowSize(size: number): void {
  if (!Number.isInteger(size) || size < 2 * STACK_SIZE || size % WASM_PAGE_SIZE !== 0 || size > 2 ** 31) {
    throw invalidNumber('windowSize', 'a multiple of 64 KiB between 128 KiB and 2 GiB', size);
  }
}

/** A linear memory of fixed size: an engine never moves it. */
export function fixedMemory(bytes: number): WebAssembly.Memory {
  const pages = bytes / WASM_PAGE_SIZE;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw systemError(
      -ENOMEM,
      'mmap',
      'A WebAssembly memory takes some 10 GiB of addresses, most of them without memory: see ulimit -v.',
    );
  }
}

const exportedNumber = (exported: WebAssembly.Exports, name: string): number =>
  Number((exported[name] as WebAssembly.Global).value);

/** Sets the module's stack pointer. The stack grows down from `top`. */
export function setStack(exported: WebAssembly.Exports, top: number): void {
  const global = exported.__stack_pointer as WebAssembly.Global;
  // the compiler's pointers have 64 bits, though the memory's addresses have 32
  global.value = typeof global.value === 'bigint' ? BigInt(top) : top;
}

/** The functions and macros that a module's exports are called through. */
export function bindAll(exported: WebAssembly.Exports, memory: Memory): Functions & Macros {
  const functions = bind(exported, memory);
  return { ...functions, ...macros(functions, memory) };
}

/** System calls that an instance without a host refuses by their names, by number. */
const syscalls: Record<number, string> = {
  425: 'io_uring_setup',
  426: 'io_uring_enter',
  427: 'io_uring_register',
};

/**
 * Makes an instance in ordinary memory, which only prepares SQEs.
 *
 * @param why - A sentence for the errors of functions that need a system call.
 */
export function instantiateWithoutHost(
  module: WebAssembly.Module,
  why: string,
  options: InstanceOptions = {},
): Instance {
  const { windowSize = DEFAULT_SIZE } = options;
  checkWindowSize(windowSize);
  const wasm = fixedMemory(windowSize);
  let stack = 0;
  const { exports } = new WebAssembly.Instance(module, {
    env: { memory: wasm },
    host: {
      syscall(block: number): never {
        const nr = new DataView(wasm.buffer).getUint32(block, true);
        setStack(exports, stack); // the exception unwinds all frames of wasm
        throw systemError(-ENOSYS, syscalls[nr] ?? 'mmap', why);
      },
    },
  });
  stack = exportedNumber(exports, '__stack_pointer');
  const start = pageAlign(exportedNumber(exports, '__heap_base'));
  const bytes = new Uint8Array(wasm.buffer);
  const memory = new Memory(wasm, start, windowSize, new OrdinaryPages(bytes, start), null);
  return { functions: bindAll(exports, memory), memory, hasHost: false, close: () => {} };
}
