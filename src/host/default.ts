/** The instance that the C interface works on, made when the package is imported. */
import { type Host, type Instance, instantiate, instantiateWithoutHost } from './library.js';
import { loadHost, loadModule } from './load.js';

function makeDefault(): { instance: Instance; error: Error | null } {
  const module = loadModule();
  try {
    return { instance: instantiate(module, loadHost() as Host), error: null };
  } catch (error) {
    // an import must not fail: what needs no kernel still works, and what does says why
    const why = error instanceof Error ? error : new Error(String(error));
    return { instance: instantiateWithoutHost(module, why.message), error: why };
  }
}

const made = makeDefault();

/** The functions that the exports of this package are. @internal */
export const { functions } = made.instance;

/** The instance itself. @internal */
export const { instance } = made;

/** What `alloc` and its like allocate from. */
export const { memory } = made.instance;

/** Why no system calls can be made here, or null where they can. */
export const hostError: Error | null = made.error;
