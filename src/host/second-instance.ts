/** Instances beside the default one. */
import type { Instance, InstanceOptions } from '../liburing/instance.js';
import { instantiate } from './instance.js';
import { loadHost, loadModule } from './load.js';

/**
 * Makes a second liburing with a window of its own, beside the one that the functions of `liburing-wasm/c` work on.
 * Structs and functions of two instances do not mix.
 *
 * ```ts
 * const instance = createInstance({ windowSize: 4 << 20 });
 * const ring = new Ring({ instance });
 * ```
 *
 * @throws a {@link SystemError} where there is no host, or no addresses for its window.
 */
export function createInstance(options: InstanceOptions = {}): Instance {
  return instantiate(loadModule(), loadHost(), options);
}
