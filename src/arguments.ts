/**
 * Checks of numbers on their way from JavaScript to C. Where C converts a negative number to an
 * unsigned type (`-1` as an offset or a flag word), so do these; what does not fit throws.
 */
import { argumentError, rangeError } from './errors.js';

function reject(value: unknown, name: string, bits: number, signed: boolean): never {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) {
    throw rangeError(`${name} is ${value}, which C's ${bits}-bit ${signed ? '' : 'un'}signed type cannot hold`);
  }
  throw argumentError(name, 'an integer', value);
}

/** @internal */
export function int32(value: number, name: string): number {
  return (value | 0) === value ? value : reject(value, name, 32, true);
}

/** @internal */
export function uint32(value: number, name: string): number {
  return value >>> 0 === value || (value | 0) === value ? value : reject(value, name, 32, false);
}

/** @internal */
export function int16(value: number, name: string): number {
  return (value << 16) >> 16 === value ? value : reject(value, name, 16, true);
}

/** @internal */
export function uint16(value: number, name: string): number {
  return (value & 0xffff) === value || (value << 16) >> 16 === value ? value : reject(value, name, 16, false);
}

/** @internal */
export function int8(value: number, name: string): number {
  return (value << 24) >> 24 === value ? value : reject(value, name, 8, true);
}

/** @internal */
export function uint8(value: number, name: string): number {
  return (value & 0xff) === value || (value << 24) >> 24 === value ? value : reject(value, name, 8, false);
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
  return typeof value === 'number' && Number.isInteger(value)
    ? reject(value, name, 64, true)
    : reject(value, name, 53, false);
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
  if (big < -0x8000000000000000n || big > (signed ? 0x7fffffffffffffffn : 0xffffffffffffffffn)) {
    reject(big, name, 64, signed);
  }
  return big;
}
