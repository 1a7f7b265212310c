/** Makes an instance: the wasm module, its memory, and the functions bound to both. */
import { argumentError, stateError, systemError } from './errors.js';
import { bind, type Functions } from './generated/functions.js';
import type { Pages } from './heap.js';
import { type Macros, macros } from './macros.js';
import { type AddressSource, Memory } from './memory.js';
import type { Struct, StructType } from './struct.js';

/** A window of the host shim: addresses that are the same in wasm and in the host. */
export interface HostWindow extends Pages {
  /** First address. */
  readonly start: number;
  /** Maps the window over a wasm memory. */
  attach(memory: ArrayBuffer): void;
  /** What mmap(2) of a ring, a file or a device shows: its address, or a negative error number. */
  map(fd: number, length: number, prot: number, offset: number): number;
  /** Carries out the system call described in the window at `block`. */
  syscall(block: number): void;
  /** Closes the rings and gives the mappings back. */
  close(): void;
}

/** Calls back when an fd becomes readable. */
export interface HostWatch {
  /** The eventfd that it watches, if it was asked to make one. */
  readonly eventfd: number;
  /** Has it keep the process alive. */
  ref(): void;
  unref(): void;
  close(): void;
}

/** The host shim. */
export interface Host extends AddressSource {
  openWindow(size: number): HostWindow;
  /**
   * Watches an fd, or an eventfd of its own for -1.
   *
   * @param loop - Whether libuv's event loop runs here; else a thread watches.
   */
  watch(fd: number, callback: () => void, loop: boolean): HostWatch;
}

/** Settings of an instance. */
export interface InstanceOptions {
  /**
   * Bytes for structs, rings and buffers; a multiple of 64 KiB. They take no memory before they are
   * used. Default: 64 MiB, or 1 MiB where there is no host.
   */
  windowSize?: number;
}

/** A liburing of its own: functions, and the memory that their structs are in. */
export interface Instance {
  /** liburing's functions and macros, bound to this instance's memory. */
  readonly functions: Functions & Macros;
  /** What structs and buffers are allocated from. */
  readonly memory: Memory;
  /** Whether system calls can be made. Without a host, SQEs can be prepared, and no more. */
  readonly hasHost: boolean;
  /** The shim, where there is one. @internal */
  readonly host: Host | null;
  /** Closes the instance's rings and unmaps its window. Nothing of it may be used afterwards. */
  close(): void;
}

const WASM_PAGE = 65536;
const HOST_PAGE = 4096;
const STACK_SIZE = 65536;
const ENOMEM = 12;
const ENOSYS = 38;
const DEFAULT_WINDOW = 64 << 20;
const DEFAULT_MEMORY = 1 << 20;

/** Where a module without a host has its memory from: what is left of it. */
class OrdinaryPages implements Pages {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  /** 1 for each page that has been given out. */
  readonly #used: Uint8Array;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#used = new Uint8Array((bytes.length - start) / HOST_PAGE);
  }

  mmap(length: number): number {
    const count = Math.ceil(length / HOST_PAGE);
    let run = 0;
    for (let page = 0; page < this.#used.length; page++) {
      run = this.#used[page] === 0 ? run + 1 : 0;
      if (run < count) continue;
      const first = page + 1 - count;
      const address = this.#start + first * HOST_PAGE;
      this.#used.fill(1, first, page + 1);
      this.#bytes.fill(0, address, address + count * HOST_PAGE);
      return address;
    }
    return -ENOMEM;
  }

  munmap(address: number, length: number): number {
    const first = (address - this.#start) / HOST_PAGE;
    this.#used.fill(0, first, first + Math.ceil(length / HOST_PAGE));
    return 0;
  }
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < 2 * STACK_SIZE || size % WASM_PAGE !== 0 || size > 2 ** 31) {
    throw argumentError('windowSize', 'a multiple of 64 KiB between 128 KiB and 2 GiB', size);
  }
}

const exportedNumber = (exported: WebAssembly.Exports, name: string): number =>
  Number((exported[name] as WebAssembly.Global).value);

function setStack(exported: WebAssembly.Exports, top: number): void {
  const global = exported.__stack_pointer as WebAssembly.Global;
  // the compiler's pointers are 64 bits wide, also where memory is not
  global.value = typeof global.value === 'bigint' ? BigInt(top) : top;
}

function bindAll(exported: WebAssembly.Exports, memory: Memory): Functions & Macros {
  const functions = bind(exported, memory);
  return { ...functions, ...macros(functions, memory) };
}

/** An instance whose memory the kernel sees at the same addresses. @internal */
export function instantiate(module: WebAssembly.Module, host: Host, options: InstanceOptions = {}): Instance {
  const { windowSize = DEFAULT_WINDOW } = options;
  checkSize(windowSize);
  const window = host.openWindow(windowSize);
  const end = window.start + windowSize;
  const pages = end / WASM_PAGE;
  const wasm = new WebAssembly.Memory({ initial: pages, maximum: pages });
  window.attach(wasm.buffer);
  const { syscall } = window;
  const { exports } = new WebAssembly.Instance(module, {
    env: { memory: wasm },
    // wasm calls a JavaScript function, and that a Node-API one, faster than wasm does the latter
    host: { syscall: (block: number) => syscall(block) },
  });
  // structs on the stack go to the kernel, too
  setStack(exports, window.mmap(STACK_SIZE) + STACK_SIZE);
  const memory = new Memory(wasm, window.start, end, window, host);
  return { functions: bindAll(exports, memory), memory, hasHost: true, host, close: () => window.close() };
}

const syscalls: Record<number, string> = {
  425: 'io_uring_setup',
  426: 'io_uring_enter',
  427: 'io_uring_register',
};

/** An instance in ordinary memory, for SQEs. @internal */
export function instantiateWithoutHost(
  module: WebAssembly.Module,
  why: string,
  options: InstanceOptions = {},
): Instance {
  const { windowSize = DEFAULT_MEMORY } = options;
  checkSize(windowSize);
  const pages = windowSize / WASM_PAGE;
  const wasm = new WebAssembly.Memory({ initial: pages, maximum: pages });
  let stack = 0;
  const { exports } = new WebAssembly.Instance(module, {
    env: { memory: wasm },
    host: {
      syscall(block: number): never {
        const nr = new DataView(wasm.buffer).getUint32(block, true);
        setStack(exports, stack); // the frames below this call are gone
        throw systemError(-ENOSYS, syscalls[nr] ?? 'mmap', why);
      },
    },
  });
  stack = exportedNumber(exports, '__stack_pointer');
  const start = roundUp(exportedNumber(exports, '__heap_base'), HOST_PAGE);
  const bytes = new Uint8Array(wasm.buffer);
  const memory = new Memory(wasm, start, windowSize, new OrdinaryPages(bytes, start), null);
  return { functions: bindAll(exports, memory), memory, hasHost: false, host: null, close: () => {} };
}

/** Says why a value is not the struct that C wants. @internal */
export function wrongStruct(value: unknown, type: StructType, memory: Memory, name: string): never {
  const { name: wanted } = type;
  const found = value as Partial<Struct> | null | undefined;
  if (value === null && wanted === 'io_uring_sqe') {
    throw stateError(name, 'an io_uring_sqe', 'null: the SQ ring is full, so submit first');
  }
  if (found?.memory !== undefined && found.memory !== memory) {
    throw argumentError(name, `an ${wanted} of the same instance's memory`, value);
  }
  if (found?.address === 0) throw stateError(name, `an ${wanted} that is alive`, 'freed');
  throw argumentError(name, `an ${wanted}, such as alloc(${wanted}) makes`, value);
}
