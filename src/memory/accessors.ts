/** All that the generated struct classes use: `structs/generated/structs.ts` imports nothing else. */
export * as check from '../checks/integers.js';
export { type Address, type Field, Struct, StructArray } from './struct.js';
