/** Finds the wasm module and the host shim on disk. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { systemError } from '../checks/system-error.js';
import { ENOSYS } from '../constants/generated/linux.js';
import type { Host, HostWindow } from './shim.js';

// not imported from node:process: that makes Node open stdin as a stream, and set a pipe there to non-blocking
const { process } = globalThis;

/** Compiles the module. */
export function loadModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL('../../dist/liburing.wasm', import.meta.url)));
}

/** Loads the shim, and gives its errors the form of Node's. @throws a SystemError with the code ENOSYS elsewhere than on Linux on x64. */
export function loadHost(): Host {
  if (process.platform !== 'linux') {
    throw systemError(-ENOSYS, 'io_uring_setup', `io_uring is a part of Linux, and this is ${process.platform}.`);
  }
  if (process.arch !== 'x64') {
    throw systemError(-ENOSYS, 'io_uring_setup', `The shim is built for x64 only, and this is ${process.arch}.`);
  }
  const shim = createRequire(import.meta.url)('../../dist/host.node') as Host;
  return {
    addressOf: shim.addressOf,
    watch: shim.watch,
    openWindow(size: number): HostWindow {
      try {
        return shim.openWindow(size);
      } catch (error) {
        const { errno, syscall } = error as { errno?: number; syscall?: string };
        if (errno === undefined || syscall === undefined) throw error;
        throw systemError(errno, syscall, windowAdvice(size, syscall));
      }
    },
  };
}

function windowAdvice(size: number, syscall: string): string {
  return syscall === 'mmap'
    ? `No ${size} bytes of addresses below 4 GiB are free; ask for a smaller windowSize, or close other instances.`
    : 'The memory that is shared with the kernel cannot be made; see ulimit -n and ulimit -f.';
}
