/** An SQE as C's designated initializer. */
import { type DecodedField, decode } from '../encoding/decode.js';
import type { Field } from '../memory/struct.js';
import { io_uring_sqe } from '../structs/generated/structs.js';
import { isAddress } from './describe.js';

const SIZE = io_uring_sqe.size;

/** Members of one anonymous struct, which C allows to be set together. */
const together = [
  ['cmd_op', '__pad1'],
  ['level', 'optname'],
  ['addr_len', '__pad3'],
  ['addr3', '__pad2'],
];

const all = io_uring_sqe.fields.filter(({ size }) => size > 0);
const covers = ({ offset, size }: Pick<Field, 'offset' | 'size'>, byte: number): boolean =>
  byte >= offset && byte < offset + size;
const overlap = (a: Field, b: Field): boolean => covers(a, b.offset) || covers(b, a.offset);
const named = (name: string): Field | undefined => all.find((field) => field.name === name);

/** Members whose bits liburing's own headers name. */
const spellable = /^(IOSQE_|IORING_|0x)\w+(\|(IOSQE_|IORING_|0x)\w+)*$/;

/** The first member of each group of overlapping ones. Together they cover all of an SQE. */
const covering = all.filter(
  (field, i) =>
    !all
      .slice(0, i)
      .some((before) => before.offset < field.offset + field.size && field.offset < before.offset + before.size),
);

/** The members to set, so that they cover every byte that is not zero. */
function members(bytes: Uint8Array): Field[] {
  const { name, fields } = decode(bytes);
  const chosen = name ? fields.flatMap((field) => named(field.name) ?? []) : [];
  for (const pair of together) {
    if (chosen.some((field) => pair.includes(field.name))) {
      for (const other of pair.map(named)) if (other && !chosen.includes(other)) chosen.push(other);
    }
  }
  const missed = [...bytes].flatMap((byte, at) =>
    byte !== 0 && !chosen.some((field) => covers(field, at)) ? [at] : [],
  );
  // the operation's members leave bytes out: a wider member, or another of the same union
  for (const at of missed) {
    if (chosen.some((field) => covers(field, at))) continue;
    const wide = covering.filter((field) => covers(field, at));
    const companions = wide.flatMap(({ name: each }) => together.find((pair) => pair.includes(each))?.map(named) ?? []);
    const added = [...wide, ...companions.filter((field) => field !== undefined)];
    const kept = chosen.filter((field) => !added.some((other) => overlap(field, other)));
    chosen.splice(0, chosen.length, ...kept, ...new Set(added));
  }
  return chosen.sort((a, b) => a.offset - b.offset);
}

function literal(field: Field, value: bigint): string {
  if (field.size === 8) return value > 0xffffn || isAddress(field) ? `0x${value.toString(16)}ULL` : String(value);
  if (field.signed) return String(BigInt.asIntN(field.size * 8, value));
  return value > 0xffffn ? `0x${value.toString(16)}U` : String(value);
}

function value(bytes: Uint8Array, { offset, size }: Field): bigint {
  let sum = 0n;
  for (let i = size - 1; i >= 0; i--) sum = (sum << 8n) | BigInt(bytes[offset + i] ?? 0);
  return sum;
}

function initializer(bytes: Uint8Array, indent: string): string {
  if (bytes.every((byte) => byte === 0)) return '{ 0 }';
  const decoded = new Map<string, DecodedField>(decode(bytes).fields.map((field) => [field.name, field]));
  const lines = members(bytes).flatMap((field) => {
    const number = value(bytes, field);
    if (number === 0n && field.name !== 'opcode') return [];
    const names = decoded.get(field.name)?.names;
    const text = names && spellable.test(names) ? names.replaceAll('|', ' | ') : literal(field, number);
    const comment = names && !spellable.test(names) ? ` /* ${names} */` : '';
    return [`${indent}\t.${field.name} = ${field.length === undefined ? text : `{ ${text} }`},${comment}`];
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

/**
 * A declaration in C that has the same bytes: `struct io_uring_sqe sqe`, or `sqe[2]` for the 128 bytes of a big one. It
 * needs only `liburing.h`.
 */
export function toC(bytes: Uint8Array): string {
  if (bytes.length === SIZE) return `struct io_uring_sqe sqe = ${initializer(bytes, '')};`;
  const halves = [bytes.subarray(0, SIZE), bytes.subarray(SIZE)];
  return `struct io_uring_sqe sqe[2] = {\n${halves.map((half) => `\t${initializer(half, '\t')},`).join('\n')}\n};`;
}
