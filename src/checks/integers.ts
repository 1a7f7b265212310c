/**
 * Checks of numbers on their way from JavaScript to C. Where C converts a negative number to an
 * unsigned type (`-1` as an offset or a flag word), so do these; what does not fit throws.
 */
import { argumentError, rangeError } from './errors.js';

function reject(value: unknown, name: string, type: string): never {
  if (!Number.isInteger(value)) throw argumentError(name, 'an integer as a number', value);
  throw rangeError(`${name} is ${value}, which C's ${type} type cannot hold`);
}

/** @internal */
export function int32(value: number, name: string): number {
  return typeof value === 'number' && (value | 0) === value ? value : reject(value, name, '32-bit signed');
}

/** @internal */
export function uint32(value: number, name: string): number {
  if (typeof value === 'number' && (value >>> 0 === value || (value | 0) === value)) return value;
  return reject(value, name, '32-bit unsigned');
}

/** @internal */
export function int16(value: number, name: string): number {
  return typeof value === 'number' && (value << 16) >> 16 === value ? value : reject(value, name, '16-bit signed');
}

/** Wasm has 32 bits for it, and C relies on the upper half being clear. @internal */
export function uint16(value: number, name: string): number {
  if (typeof value !== 'number') return reject(value, name, '16-bit unsigned');
  const converted = value & 0xffff;
  return converted === value || (value << 16) >> 16 === value ? converted : reject(value, name, '16-bit unsigned');
}

/** @internal */
export function int8(value: number, name: string): number {
  return typeof value === 'number' && (value << 24) >> 24 === value ? value : reject(value, name, '8-bit signed');
}

/** As {@link uint16}. @internal */
export function uint8(value: number, name: string): number {
  if (typeof value !== 'number') return reject(value, name, '8-bit unsigned');
  const converted = value & 0xff;
  return converted === value || (value << 24) >> 24 === value ? converted : reject(value, name, '8-bit unsigned');
}

/** @internal */
export function bool(value: boolean | number, name: string): number {
  if (value === true || value === 1) return 1;
  if (value === false || value === 0) return 0;
  throw argumentError(name, 'true or false', value);
}

/** A size: an integer of up to 2^53. @internal */
export function size(value: number, name: string): number {
  if (Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value)) throw rangeError(`${name} is ${value}, which is no size of anything in memory`);
  throw argumentError(name, 'an integer as a number', value);
}

/** How many bytes a size asks for: more than there can be, if C takes it for a negative one. @internal */
export function count(value: number): number {
  return value < 0 ? Number.POSITIVE_INFINITY : value;
}

/** A 64-bit integer given as a number, which has to be a safe one to be exact. @internal */
export function safe(value: number, name: string): number {
  if (Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value)) {
    throw rangeError(`${name} is ${value}, which a number cannot hold exactly; give a bigint`);
  }
  throw argumentError(name, 'an integer', value);
}

/** A 64-bit integer in either form, as the exact one. @internal */
export function exact64(value: number | bigint, name: string, signed: boolean): bigint {
  const big = typeof value === 'bigint' ? value : BigInt(safe(value, name));
  // a comparison with a literal would take ten times as long
  if (BigInt.asIntN(64, big) === big || (!signed && BigInt.asUintN(64, big) === big)) return big;
  throw rangeError(`${name} is ${big}, which C's 64-bit ${signed ? '' : 'un'}signed type cannot hold`);
}
