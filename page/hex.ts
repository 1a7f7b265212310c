/** Bytes as hex, and back. */

export class HexError extends Error {}

export function toHex(bytes: Uint8Array, separator = ''): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}

/** Reads hex as people paste it: with spaces, commas or 0x. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/0x|\\x|[\s,:;{}]/gi, '');
  const wrong = /[^0-9a-f]/iu.exec(digits);
  if (wrong) throw new HexError(`${wrong[0]} is no hex digit.`);
  if (digits.length % 2) throw new HexError(`${digits.length} hex digits are no whole number of bytes.`);
  return Uint8Array.from(digits.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
