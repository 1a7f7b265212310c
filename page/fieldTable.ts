/** The members as a table. */
import type { DecodedField } from '../dist/encode.js';
import { colourOf } from './byteGrid.js';
import { make } from './dom.js';
import { toHex } from './hex.js';
import type { Piece } from './pieces.js';

/** Says where a member's value comes from. */
export type Origin = (field: DecodedField) => string;

const columns = ['Field', 'Offset', 'C type', 'Decimal', 'Hex', 'Names', 'Argument'];

/** The number that the bytes are, the lowest last. */
const hexOf = (bytes: Uint8Array): string => `0x${toHex(bytes.toReversed()).replace(/^0+(?=.)/, '')}`;

function row(piece: Piece, origin: Origin): HTMLTableRowElement {
  const { key, name, kind, offset, bytes, field } = piece;
  const texts = [
    `${offset}`,
    field?.c ?? `${bytes.length} bytes`,
    field ? `${field.value}` : '',
    hexOf(bytes),
    field?.names?.replaceAll('|', ' | ') ?? (kind === 'reserved' ? 'not zero though unused' : ''),
    field ? origin(field) : '',
  ];
  const cells = texts.map((text, i) => make('td', { className: i === 2 || i === 3 ? 'number' : '' }, text));
  const head = make('th', { scope: 'row' }, make('span', { data: { colour: colourOf(piece) } }, name));
  return make('tr', { data: { field: key, kind } }, head, ...cells);
}

export function fieldTable(pieces: readonly Piece[], origin: Origin): HTMLTableElement {
  const shown = pieces.filter(({ kind }) => kind === 'field' || kind === 'reserved');
  return make(
    'table',
    {},
    make('caption', {}, 'Fields of this operation'),
    make('thead', {}, make('tr', {}, ...columns.map((name) => make('th', { scope: 'col' }, name)))),
    make('tbody', {}, ...shown.map((piece) => row(piece, origin))),
  );
}
