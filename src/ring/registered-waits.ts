/** Registered waits: how long to wait, where the kernel has seen it already. */
import { check } from '../check.js';
import { argumentError, rangeError } from '../errors.js';
import {
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REG_WAIT_TS,
} from '../generated/constants.js';
import { io_uring_mem_region_reg, io_uring_reg_wait, io_uring_region_desc } from '../generated/structs.js';
import type { StructArray } from '../struct.js';
import { setTime } from './held.js';
import { C } from './hooks.js';
import type { Ring } from './ring.js';

const PAGE = 4096;

/**
 * A wait that is registered with a ring: set once, used often by {@link Ring.submitAndWait}, which then
 * has nothing to copy. Get it from {@link Ring.registerWaits}.
 *
 * @see io_uring_submit_and_wait_reg(3)
 */
export class RegisteredWait {
  private readonly ring: Ring;
  private readonly struct: io_uring_reg_wait;
  private readonly index: number;

  /** @internal */
  constructor(ring: Ring, struct: io_uring_reg_wait, index: number) {
    this.ring = ring;
    this.struct = struct;
    this.index = index;
  }

  /**
   * Says how long to wait.
   *
   * @param timeout - Milliseconds for all of it.
   * @param minWait - Milliseconds after which one completion is enough, however many are waited for.
   */
  set(timeout: number, minWait = 0): this {
    const { struct } = this;
    for (const [name, value] of Object.entries({ timeout, minWait })) {
      if (!(value >= 0 && value <= 0xffffffff))
        throw rangeError(`${name} is ${value}, which is no time in milliseconds`);
    }
    setTime(struct.ts, timeout);
    struct.min_wait_usec = Math.round(minWait * 1000);
    struct.flags = IORING_REG_WAIT_TS;
    return this;
  }

  /** @internal */
  indexIn(ring: Ring): number {
    if (ring === this.ring) return this.index;
    throw argumentError('registered', 'a wait that is registered with the same ring', this);
  }
}

/** The memory and its waits. @internal */
export function registerWaits(
  ring: Ring,
  count: number,
): { block: StructArray<io_uring_reg_wait>; waits: RegisteredWait[] } {
  const { memory } = ring;
  const most = PAGE / io_uring_reg_wait.size;
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw argumentError('count', `an integer from 1 to ${most}`, count);
  const block = memory.alloc(io_uring_reg_wait, most);
  const region = memory.alloc(io_uring_region_desc);
  const registration = memory.alloc(io_uring_mem_region_reg);
  try {
    region.user_addr = block.address;
    region.size = PAGE;
    region.flags = IORING_MEM_REGION_TYPE_USER;
    registration.region_uptr = region.address;
    registration.flags = IORING_MEM_REGION_REG_WAIT_ARG;
    check(ring[C].io_uring_register_region(ring.struct, registration), 'io_uring_register_region');
  } catch (error) {
    memory.free(block);
    throw error;
  } finally {
    memory.free(registration);
    memory.free(region);
  }
  return {
    block,
    waits: Array.from({ length: count }, (_, index) => new RegisteredWait(ring, block.at(index), index)),
  };
}
