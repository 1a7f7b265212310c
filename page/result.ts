/** Shows an SQE: its operation, its bytes, its fields. */
import { type DecodedSqe, decode } from '../dist/encode.js';
import { byteGrid } from './byteGrid.js';
import { type Copy, copies } from './copies.js';
import { byId, make } from './dom.js';
import { fieldTable, type Origin } from './fieldTable.js';
import { toHex } from './hex.js';
import { cut, type Piece } from './pieces.js';

function warningOf({ name, offset, bytes, field }: Piece, operation: string): string {
  const what = field
    ? `${name} at byte ${offset} is ${field.value}`
    : `Bytes from ${offset} on are ${toHex(bytes, ' ')}`;
  return `${what}, which no prep function of ${operation} sets: it is reserved, unless set on purpose.`;
}

const heading = ({ opcode, name }: DecodedSqe): string => (name ? `${name} (${opcode})` : `Unknown opcode ${opcode}`);

/** Shows valid bytes. */
export function showResult(bytes: Uint8Array, origin: Origin, sources: readonly Copy[]): void {
  const sqe = decode(bytes);
  const pieces = cut(bytes, sqe);
  byId('operation').textContent = heading(sqe);
  byId('prepared-by').textContent = sqe.name
    ? `Prepared by ${sqe.functions.join(', ')}.`
    : `liburing's headers have no operation ${sqe.opcode}; its fields are shown under their first names.`;
  const warnings = pieces
    .filter(({ kind }) => kind === 'reserved')
    .map((piece) => make('li', {}, warningOf(piece, sqe.name ?? 'this operation')));
  byId('warnings').replaceChildren(...warnings);
  byId('bytes').replaceChildren(byteGrid(pieces));
  byId('fields').replaceChildren(fieldTable(pieces, origin));
  const hex = toHex(bytes).replace(/(.{32})(?=.)/g, '$1\n');
  byId('copies').replaceChildren(copies([{ id: 'hex', title: `${bytes.length} bytes in hex`, text: hex }, ...sources]));
  byId('result').hidden = false;
  setStale(false);
}

/** Dims the result while the input is invalid. */
export function setStale(stale: boolean): void {
  byId('result').classList.toggle('stale', stale);
  byId('stale').textContent = stale ? 'The input is not right; below is what it was before.' : '';
  for (const button of byId('copies').querySelectorAll('button')) button.disabled = stale;
}
