/** An instance that counts its system calls. */
import { instantiate } from '../../src/host/instance.js';
import { loadHost, loadModule } from '../../src/host/load.js';
import type { Host } from '../../src/host/shim.js';
import type { Instance } from '../../src/liburing/instance.js';

const IO_URING_ENTER = 426;

/** Makes one. `enters` returns how many io_uring_enter(2) it has made. */
export function countingInstance(): { instance: Instance; enters(): number } {
  const host = loadHost();
  let memory: DataView | undefined;
  let count = 0;
  const counting: Host = {
    addressOf: (view) => host.addressOf(view),
    watch: (fd, callback, loop) => host.watch(fd, callback, loop),
    openWindow(size) {
      const window = host.openWindow(size);
      return {
        ...window,
        syscall(block) {
          if (memory?.getUint32(block, true) === IO_URING_ENTER) count++;
          window.syscall(block);
        },
      };
    },
  };
  const instance = instantiate(loadModule(), counting);
  memory = instance.memory.view;
  return { instance, enters: () => count };
}
