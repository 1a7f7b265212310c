/** All that the generated bindings of liburing's functions call: `generated/functions.ts` imports nothing else by hand. */
export * as check from '../checks/integers.js';
export type { PointerTo } from '../memory/address-space.js';
export type { Memory } from '../memory/memory.js';
export { Pointers } from '../memory/pointers.js';
export { type Address, Struct, StructArray, type StructType } from '../memory/struct.js';
export { StructFinder } from '../memory/struct-finder.js';
export * as rings from './ring-state.js';
export { wrongStruct } from './struct-argument.js';
