/** A decoded SQE as a table and as JSON. */
import { type DecodedField, decode } from '../encoding/decode.js';
import { toHex } from './hex.js';
import { table } from './table.js';

/** Whether people write a member's value in hex. */
export const isAddress = ({ name, size }: Pick<DecodedField, 'name' | 'size'>): boolean =>
  size === 8 && /addr|optval|_ptr/.test(name);

function row(field: DecodedField): string[] {
  const { name, offset, size, value, names, parameters } = field;
  const shown = isAddress(field) && value !== 0n ? `0x${value.toString(16)}` : String(value);
  return [String(offset), String(size), name, shown, names ?? '', parameters.join(', ')];
}

/** The members of an SQE, for people. */
export function describe(bytes: Uint8Array): string {
  const { opcode, name, functions, fields, reserved, command } = decode(bytes);
  const lines = [
    name
      ? `${name}, prepared by ${functions.join(', ') || 'no function of liburing'}`
      : `opcode ${opcode}, which this liburing does not know`,
    table([['byte', 'size', 'member', 'value', 'meaning', 'argument'], ...fields.map(row)]),
  ];
  if (reserved.length > 0) {
    lines.push('not zero, though this operation does not use it:', table(reserved.map(row)));
  }
  if (command) lines.push(`command: ${toHex(command)}`);
  return lines.join('\n');
}

/** The members of an SQE, for programs; values are decimal strings, as JSON's numbers end at 2^53. */
export function toJson(bytes: Uint8Array): Record<string, unknown> {
  const { fields, reserved, command, ...rest } = decode(bytes);
  const exact = (list: readonly DecodedField[]): unknown[] =>
    list.map((field) => ({ ...field, value: String(field.value) }));
  return {
    hex: toHex(bytes),
    ...rest,
    fields: exact(fields),
    reserved: exact(reserved),
    ...(command && { command: toHex(command) }),
  };
}
