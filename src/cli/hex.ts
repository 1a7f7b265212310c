/** SQEs as hex digits. */
import { readFileSync } from 'node:fs';
import { UsageError } from './command.js';

/** The digits of bytes. */
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Reads stdin to its end. */
export const readStdin = (): string => readFileSync(0, 'utf8');

/**
 * The bytes of an SQE from hex digits, with or without spaces, line ends and `0x`.
 *
 * @param what - What the digits are, for the message about wrong ones.
 * @throws a {@link UsageError} for anything that is not 64 or 128 bytes.
 */
export function parseHex(text: string, what = 'the hex'): Uint8Array {
  const digits = text
    .split(/\s+/)
    .map((word) => word.replace(/^0x/i, ''))
    .join('');
  const wrong = /[^0-9a-f]/iu.exec(digits);
  if (wrong) {
    throw new UsageError(
      `${what} has ${JSON.stringify(wrong[0])} in it, after ${wrong.index} digits, which is no hex digit`,
    );
  }
  if (digits.length % 2 !== 0) {
    throw new UsageError(
      `${what} has ${digits.length} digits, an odd number: an SQE has 128, or 256 if it is a big one`,
    );
  }
  if (digits.length !== 128 && digits.length !== 256) {
    throw new UsageError(`${what} has ${digits.length / 2} bytes, and an SQE has 64, or 128 if it is a big one`);
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}
