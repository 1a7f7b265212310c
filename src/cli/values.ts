/** Arguments of C functions, as people type them. */
import { nearest } from '../checks/nearest.js';
import * as linux from '../constants/generated/linux.js';
import * as uring from '../constants/generated/uring.js';
import type { CallArguments } from '../encoding/encode-call.js';
import { UsageError } from './command.js';

const constants = new Map<string, bigint>(
  [...Object.entries(linux), ...Object.entries(uring)].map(([name, value]) => [name, BigInt(value)]),
);
constants.set('NULL', 0n).set('true', 1n).set('false', 0n);

const number = /^-?(0x[0-9a-f]+|0o[0-7]+|0b[01]+|\d+)$/i;

function term(text: string, argument: string): bigint {
  if (number.test(text)) {
    if (/^-?0\d/.test(text)) {
      throw new UsageError(
        `${argument} is ${text}, which C reads as octal: write 0o${text.replace(/^-?0+/, '')}, or no 0`,
      );
    }
    return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  }
  const value = constants.get(text);
  if (value !== undefined) return value;
  if (/^[a-z_]\w*$/i.test(text)) {
    const similar = nearest(text.toUpperCase(), constants.keys());
    throw new UsageError(`${argument} is ${text}, a constant that is not known; do you mean ${similar}?`);
  }
  throw new UsageError(`${argument} is ${JSON.stringify(text)}, which is neither a number nor a constant of C's`);
}

/**
 * Parses an integer: `3`, `0x1000`, `0o644`, `-1`, `AT_FDCWD` or `O_RDWR|O_CREAT`.
 *
 * @throws a {@link UsageError} for other text.
 */
export function parseValue(text: string, argument: string): bigint {
  const terms = text.split('|').map((each) => term(each.trim(), argument));
  return terms.reduce((sum, each) => sum | each);
}

/** A function and its arguments. */
export interface Call {
  readonly name: string;
  readonly args: CallArguments;
}

/** Parses calls: `NAME arg=value … [+ NAME arg=value …]`. */
export function parseCalls(words: readonly string[]): Call[] {
  const groups: string[][] = [[]];
  for (const word of words) {
    if (word === '+') groups.push([]);
    else groups.at(-1)?.push(word);
  }
  return groups.map(([name, ...pairs]) => {
    if (name === undefined) {
      throw new UsageError(
        groups.length > 1 ? 'a + needs a function on each side' : 'which function? Its name is missing',
      );
    }
    if (name.includes('=')) throw new UsageError(`the name of a function has to come before ${name}`);
    const args: Record<string, bigint> = {};
    for (const pair of pairs) {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`${JSON.stringify(pair)} is no argument: they are written as name=value`);
      const key = pair.slice(0, at);
      if (Object.hasOwn(args, key)) throw new UsageError(`${name} is given its argument ${key} twice`);
      args[key] = parseValue(pair.slice(at + 1), key);
    }
    return { name, args };
  });
}
