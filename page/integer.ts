/** Integers as C writes them: decimal, hex, octal, constants by name, and several with | between. */

import { nearest } from '../dist/checks/nearest.js';
import * as uring from '../dist/encode.js';
import * as linux from '../dist/linux.js';

export interface Term {
  readonly text: string;
  readonly value: bigint;
  /** Where the constant comes from; undefined for a number. */
  readonly module?: 'encode' | 'linux';
}

export interface Integer {
  readonly value: bigint;
  readonly terms: readonly Term[];
}

function constants(source: object, module: 'encode' | 'linux'): [string, { value: bigint; module: typeof module }][] {
  return Object.entries(source)
    .filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]))
    .map(([name, value]) => [name, { value: BigInt(value), module }]);
}

const known = new Map([...constants(linux, 'linux'), ...constants(uring, 'encode')]);

/** Thrown for a text that is no integer. */
export class IntegerError extends Error {}

function term(text: string): Term {
  const [, minus = '', digits = ''] = /^(-?)(.*)$/.exec(text) ?? [];
  const sign = minus ? -1n : 1n;
  if (/^0x[0-9a-f]+$/i.test(digits) || /^(0|[1-9][0-9]*)$/.test(digits)) return { text, value: sign * BigInt(digits) };
  if (/^0[0-7]+$/.test(digits)) return { text, value: sign * BigInt(`0o${digits.slice(1)}`) };
  if (digits === 'NULL' && !minus) return { text, value: 0n };
  const constant = known.get(digits);
  if (constant) return { text, value: sign * constant.value, module: constant.module };
  if (/^[A-Za-z_]\w*$/.test(digits)) {
    throw new IntegerError(
      `There is no constant ${digits}; do you mean ${nearest(digits.toUpperCase(), known.keys())}?`,
    );
  }
  if (/^0[0-9]+$/.test(digits)) throw new IntegerError(`${text} starts with 0, so it is octal, which has no 8 and 9.`);
  throw new IntegerError(
    text === ''
      ? 'There has to be a number or a name on both sides of |.'
      : `${text} is no integer: give it in decimal, in hex as 0x10, or by names such as O_RDWR|O_CREAT.`,
  );
}

/** The integer that a text stands for. */
export function parseInteger(text: string): Integer {
  const terms = text.split('|').map((part) => term(part.trim()));
  return { value: terms.reduce((sum, { value }) => sum | value, 0n), terms };
}
