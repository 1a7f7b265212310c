/** The bytes of an SQE, cut where its members are. */
import type { DecodedField, DecodedSqe } from '../dist/encode.js';

export interface Piece {
  /** The same for a member's bytes and its row in the table. */
  readonly key: string;
  readonly name: string;
  readonly kind: 'field' | 'reserved' | 'unused' | 'command';
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly field?: DecodedField;
}

const ROW = 8;

/** Bytes that belong to no member of this operation, ending with the row. */
function gap(bytes: Uint8Array, offset: number, end: number): Piece {
  const inside = bytes.subarray(offset, Math.min(end, offset - (offset % ROW) + ROW));
  const key = `byte-${offset}`;
  return inside.some((byte) => byte !== 0)
    ? { key, name: 'reserved', kind: 'reserved', offset, bytes: inside }
    : { key, name: 'unused', kind: 'unused', offset, bytes: inside };
}

export function cut(bytes: Uint8Array, { fields, reserved }: DecodedSqe): Piece[] {
  const members: Piece[] = [
    ...fields.map((field) => ({ field, kind: 'field' as const })),
    ...reserved.map((field) => ({ field, kind: 'reserved' as const })),
  ]
    .map(({ field, kind }) => {
      const { name, offset, size } = field;
      return { key: name, name, kind, offset, field, bytes: bytes.subarray(offset, offset + size) };
    })
    .sort((a, b) => a.offset - b.offset);
  const pieces: Piece[] = [];
  let at = 0;
  const fill = (end: number): void => {
    while (at < end) {
      const piece = gap(bytes, at, end);
      pieces.push(piece);
      at += piece.bytes.length;
    }
  };
  for (const member of members) {
    fill(member.offset);
    pieces.push(member);
    at = member.offset + member.bytes.length;
  }
  fill(64);
  for (; at < bytes.length; at += ROW) {
    pieces.push({ key: 'cmd', name: 'cmd', kind: 'command', offset: at, bytes: bytes.subarray(at, at + ROW) });
  }
  return pieces;
}
