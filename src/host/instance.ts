/** An instance of liburing with a window: the kernel sees its memory at the same addresses. */
import {
  bindAll,
  checkWindowSize,
  fixedMemory,
  type Instance,
  type InstanceOptions,
  STACK_SIZE,
  setStack,
} from '../liburing/instance.js';
import { Memory } from '../memory/memory.js';
import type { Host } from './shim.js';

const DEFAULT_WINDOW = 64 << 20;

const hosts = new WeakMap<Instance, Host>();

/** The shim that an instance makes its system calls with; undefined if it has none. */
export const hostOf = (instance: Instance): Host | undefined => hosts.get(instance);

/** What ends before an instance does: its rings with a `Ring`, which have requests to settle. */
const users = new WeakMap<Instance, Set<() => void>>();

/**
 * Calls `end` before an instance is closed.
 *
 * @returns a function that takes this back.
 */
export function endBefore(instance: Instance, end: () => void): () => void {
  const ends = users.get(instance);
  ends?.add(end);
  return () => ends?.delete(end);
}

/** Opens a window and makes an instance in it. */
export function instantiate(module: WebAssembly.Module, host: Host, options: InstanceOptions = {}): Instance {
  const { windowSize = DEFAULT_WINDOW } = options;
  checkWindowSize(windowSize);
  const window = host.openWindow(windowSize);
  const end = window.start + windowSize;
  const wasm = fixedMemory(end);
  window.attach(wasm.buffer);
  const { syscall } = window;
  const { exports } = new WebAssembly.Instance(module, {
    env: { memory: wasm },
    // wasm calls a JavaScript function that calls a Node-API one faster than it calls the latter itself
    host: { syscall: (block: number) => syscall(block) },
  });
  // the kernel reads structs on the stack, too, so it is in the window
  setStack(exports, window.mmap(STACK_SIZE) + STACK_SIZE);
  const memory = new Memory(wasm, window.start, end, window, host);
  const ends = new Set<() => void>();
  const close = (): void => {
    for (const end of [...ends]) end();
    window.close();
  };
  const instance = { functions: bindAll(exports, memory), memory, hasHost: true, close };
  hosts.set(instance, host);
  users.set(instance, ends);
  return instance;
}
