/** The instance that the C interface works on, made when the package is imported. */
import { type Instance, instantiateWithoutHost } from '../liburing/instance.js';
import { instantiate } from './instance.js';
import { loadHost, loadModule } from './load.js';

function makeDefault(): { instance: Instance; error: Error | null } {
  const module = loadModule();
  try {
    return { instance: instantiate(module, loadHost()), error: null };
  } catch (error) {
    // An import must not fail: functions without a system call still work, and the others say why they cannot.
    const why = error instanceof Error ? error : new Error(String(error));
    return { instance: instantiateWithoutHost(module, why.message), error: why };
  }
}

const made = makeDefault();

/** Its functions, which `liburing-wasm/c` exports one by one. */
export const functions: Instance['functions'] = made.instance.functions;

/** The instance itself. */
export const instance: Instance = made.instance;

/** What `alloc`, `allocArray` and the like allocate from. */
export const memory: Instance['memory'] = made.instance.memory;

/** Why no system calls can be made here, or null where they can. */
export const hostError: Error | null = made.error;
