/** Sets a ring up with what its options say. */
import { check } from '../check.js';
import type { Functions } from '../generated/functions.js';
import { EINVAL } from '../generated/linux.js';
import { type io_uring, io_uring_params } from '../generated/structs.js';
import { type RingOptions, readOptions } from './options.js';

/** @internal */
export function setUp(functions: Functions, ring: io_uring, options: RingOptions): void {
  const { entries, wanted, preferred } = readOptions(options);
  const { memory } = ring;
  const params = memory.alloc(io_uring_params);
  const init = (flags: number): number => {
    params.bytes.fill(0);
    params.flags = flags;
    params.cq_entries = options.cqEntries ?? 0;
    params.sq_thread_idle = options.sqThreadIdle ?? 0;
    params.sq_thread_cpu = options.sqThreadCpu ?? 0;
    params.wq_fd = options.attachWq?.fd ?? 0;
    return functions.io_uring_queue_init_params(entries, ring, params);
  };
  try {
    let result = init(wanted | preferred);
    if (result === -EINVAL && preferred !== 0) result = init(wanted);
    check(result, 'io_uring_setup');
  } finally {
    memory.free(params);
  }
}
