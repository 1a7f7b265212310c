/** Registered waits: how long to wait, in memory that the kernel has mapped already. */
import { invalidNumber, invalidType, invalidValue, outOfRange } from '../checks/errors.js';
import {
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REG_WAIT_TS,
} from '../constants/generated/uring.js';
import { check } from '../host/check.js';
import { PAGE_SIZE } from '../memory/pages.js';
import { io_uring_mem_region_reg, io_uring_reg_wait, io_uring_region_desc } from '../structs/generated/structs.js';
import { setTime } from './conversions.js';
import type { Engine } from './engine/engine.js';

/** The index of a registered wait, which must be of this ring. */
export let waitIndex: (wait: RegisteredWait, engine: Engine) => number;

/**
 * A wait that is registered with a ring: it is set once and used often by {@link Ring.submitAndWait}, which then
 * copies nothing. Get it from {@link Ring.registerWaits}.
 *
 * ```ts
 * const ring = new Ring({ rDisabled: true });
 * const [wait] = ring.registerWaits(1);
 * ring.enable();
 * ring.submitAndWait(4, { registered: wait.set(100) });
 * ```
 *
 * @see io_uring_submit_and_wait_reg(3)
 */
export class RegisteredWait {
  readonly #owner: Engine;
  readonly #struct: io_uring_reg_wait;
  readonly #index: number;

  static {
    waitIndex = (wait, engine) => {
      if (!(wait instanceof RegisteredWait)) throw invalidType('registered', 'a RegisteredWait', wait);
      if (wait.#owner !== engine)
        throw invalidValue('registered', 'a wait that is registered with the same ring', wait);
      return wait.#index;
    };
  }

  /** @internal */
  constructor(owner: Engine, struct: io_uring_reg_wait, index: number) {
    this.#owner = owner;
    this.#struct = struct;
    this.#index = index;
  }

  /**
   * Sets how long to wait.
   *
   * @param timeout - Milliseconds at most, from 0 to 4294967295.
   * @param minWait - Milliseconds after which one completion is enough, however many are waited for.
   * @throws a RangeError for a time out of range.
   */
  set(timeout: number, minWait = 0): this {
    const struct = this.#struct;
    for (const [name, value] of Object.entries({ timeout, minWait })) {
      if (typeof value !== 'number') throw invalidType(name, 'milliseconds', value);
      if (!(value >= 0 && value <= 0xffffffff))
        throw outOfRange(`${name} is ${value}, which is no time in milliseconds`);
    }
    setTime(struct.ts, timeout);
    struct.min_wait_usec = Math.round(minWait * 1000);
    struct.flags = IORING_REG_WAIT_TS;
    return this;
  }
}

/** Registers `count` waits with a ring that is not enabled yet. Their memory is freed after the ring. */
export function registerWaits(engine: Engine, count: number): RegisteredWait[] {
  const { functions, memory, ring } = engine;
  const most = PAGE_SIZE / io_uring_reg_wait.size;
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw invalidNumber('count', `an integer from 1 to ${most}`, count);
  const block = memory.alloc(io_uring_reg_wait, most);
  const region = memory.alloc(io_uring_region_desc);
  const registration = memory.alloc(io_uring_mem_region_reg);
  try {
    region.user_addr = block.address;
    region.size = PAGE_SIZE;
    region.flags = IORING_MEM_REGION_TYPE_USER;
    registration.region_uptr = region.address;
    registration.flags = IORING_MEM_REGION_REG_WAIT_ARG;
    check(functions.io_uring_register_region(ring.struct, registration), 'io_uring_register_region');
  } catch (error) {
    memory.free(block);
    throw error;
  } finally {
    memory.free(registration);
    memory.free(region);
  }
  engine.use({ ringEnded: () => memory.free(block) });
  return Array.from({ length: count }, (_, index) => new RegisteredWait(engine, block.at(index), index));
}
