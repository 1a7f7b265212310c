/** Sets a ring up in the kernel. */
import { EINVAL } from '../../constants/generated/linux.js';
import { check } from '../../host/check.js';
import type { Functions } from '../../liburing/generated/functions.js';
import type { Memory } from '../../memory/memory.js';
import { io_uring, io_uring_params } from '../../structs/generated/structs.js';

/** Arguments of io_uring_setup(2). */
export interface Setup {
  readonly entries: number;
  /** Members of `struct io_uring_params` other than the flags. */
  readonly params: {
    readonly cq_entries: number;
    readonly sq_thread_idle: number;
    readonly sq_thread_cpu: number;
    readonly wq_fd: number;
  };
  /** Flags that the ring must have. */
  readonly required: number;
  /** Flags that it has as well, where the kernel knows them and they fit. */
  readonly preferred: number;
}

/** @throws a SystemError; nothing is left behind then. */
export function setUp(functions: Functions, memory: Memory, { entries, params, required, preferred }: Setup): io_uring {
  const ring = memory.alloc(io_uring);
  const struct = memory.alloc(io_uring_params);
  const init = (flags: number): number => {
    struct.bytes.fill(0);
    Object.assign(struct, params);
    struct.flags = flags;
    return functions.io_uring_queue_init_params(entries, ring, struct);
  };
  try {
    let result = init(required | preferred);
    if (result === -EINVAL && preferred !== 0) result = init(required);
    check(result, 'io_uring_setup');
    return ring;
  } catch (error) {
    memory.free(ring);
    throw error;
  } finally {
    memory.free(struct);
  }
}
