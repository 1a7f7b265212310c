/** What is wrong with an argument that is not the struct that C wants. */
import { invalidState, invalidType, invalidValue } from '../checks/errors.js';
import type { AddressSpace } from '../memory/address-space.js';
import type { Struct, StructType } from '../memory/struct.js';

/** Throws for a value that is no live struct of this type in this memory. */
export function wrongStruct(value: unknown, type: StructType, memory: AddressSpace, name: string): never {
  const { name: wanted } = type;
  const found = value as Partial<Struct> | null | undefined;
  if (value === null && wanted === 'io_uring_sqe') {
    throw invalidType(name, 'an io_uring_sqe', value, 'null: the SQ ring is full, so submit first');
  }
  if (found?.memory !== undefined && found.memory !== memory) {
    throw invalidValue(name, `an ${wanted} of the same instance's memory`, value);
  }
  if (found?.address === 0) throw invalidState(name, `an ${wanted} that is alive`, 'freed');
  throw invalidType(name, `an ${wanted}, such as alloc(${wanted}) makes`, value);
}
