/**
 * Checks of numbers on their way from JavaScript to C. C converts a negative number to an unsigned type
 * (`-1` as an offset or a flag word), and so do these checks. A number that does not fit throws.
 */
import { invalidNumber, invalidType, outOfRange } from './errors.js';

function reject(value: unknown, name: string, type: string): never {
  if (!Number.isInteger(value)) throw invalidNumber(name, 'an integer as a number', value);
  throw outOfRange(`${name} is ${value}, which C's ${type} type cannot hold`);
}

/** C's `int`. */
export function int32(value: number, name: string): number {
  return typeof value === 'number' && (value | 0) === value ? value : reject(value, name, '32-bit signed');
}

/** C's `unsigned int`. */
export function uint32(value: number, name: string): number {
  if (typeof value === 'number' && (value >>> 0 === value || (value | 0) === value)) return value;
  return reject(value, name, '32-bit unsigned');
}

/** C's `short`. */
export function int16(value: number, name: string): number {
  return typeof value === 'number' && (value << 16) >> 16 === value ? value : reject(value, name, '16-bit signed');
}

/** The result has 0 to 16 bits: wasm passes 32, and C relies on the upper half being clear. */
export function uint16(value: number, name: string): number {
  if (typeof value !== 'number') return reject(value, name, '16-bit unsigned');
  const converted = value & 0xffff;
  return converted === value || (value << 16) >> 16 === value ? converted : reject(value, name, '16-bit unsigned');
}

/** C's `signed char`. */
export function int8(value: number, name: string): number {
  return typeof value === 'number' && (value << 24) >> 24 === value ? value : reject(value, name, '8-bit signed');
}

/** Like {@link uint16}. */
export function uint8(value: number, name: string): number {
  if (typeof value !== 'number') return reject(value, name, '8-bit unsigned');
  const converted = value & 0xff;
  return converted === value || (value << 24) >> 24 === value ? converted : reject(value, name, '8-bit unsigned');
}

/** C's `bool`: a boolean, 0 or 1. */
export function bool(value: boolean | number, name: string): number {
  if (value === true || value === 1) return 1;
  if (value === false || value === 0) return 0;
  throw invalidType(name, 'true or false', value);
}

/** A `size_t`: an integer of up to 2^53. */
export function size(value: number, name: string): number {
  if (Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value)) throw outOfRange(`${name} is ${value}, which is no size of anything in memory`);
  throw invalidNumber(name, 'an integer as a number', value);
}

/** How many bytes a `size_t` asks for. C converts a negative one to a huge one: infinity here. */
export function count(value: number): number {
  return value < 0 ? Number.POSITIVE_INFINITY : value;
}

/** A 64-bit integer that is given as a number. It must be a safe integer, as others are not exact. */
export function safe(value: number, name: string): number {
  if (Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value)) {
    throw outOfRange(`${name} is ${value}, which a number cannot hold exactly; give a bigint`);
  }
  throw invalidNumber(name, 'an integer', value);
}

/** A 64-bit integer in either form, as a bigint. */
export function exact64(value: number | bigint, name: string, signed: boolean): bigint {
  const big = typeof value === 'bigint' ? value : BigInt(safe(value, name));
  // asIntN and asUintN: comparing with a bigint literal takes ten times as long
  if (BigInt.asIntN(64, big) === big || (!signed && BigInt.asUintN(64, big) === big)) return big;
  throw outOfRange(`${name} is ${big}, which C's 64-bit ${signed ? '' : 'un'}signed type cannot hold`);
}
