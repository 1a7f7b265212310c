/**
 * The bytes, eight in a row. Each member is a button; the grid is one stop of the Tab key, and the arrow keys move in
 * it.
 */
import { make } from './dom.js';
import { toHex } from './hex.js';
import type { Piece } from './pieces.js';

/** A colour for an offset, so that a member keeps its colour from one operation to the next. */
export const colourOf = ({ kind, offset }: Pick<Piece, 'kind' | 'offset'>): string =>
  kind === 'field' || kind === 'reserved' ? `${offset}` : kind;

function describe({ name, kind, offset, bytes, field }: Piece): string {
  const place = bytes.length === 1 ? `byte ${offset}` : `bytes ${offset} to ${offset + bytes.length - 1}`;
  const value = field ? `, value ${field.value}` : '';
  const names = field?.names ? `, ${field.names}` : '';
  return `${name}${kind === 'reserved' ? ', not zero though unused' : ''}, ${place}: ${toHex(bytes, ' ')}${value}${names}`;
}

function pieceButton(piece: Piece): HTMLButtonElement {
  const { key, name, kind, bytes } = piece;
  const data = { field: key, kind, colour: colourOf(piece), size: `${bytes.length}` };
  const cells = Array.from(bytes, (byte) =>
    make('span', { className: byte === 0 ? 'zero' : '' }, byte.toString(16).padStart(2, '0')),
  );
  const button = make(
    'button',
    { type: 'button', tabIndex: -1, data },
    make('span', { className: 'name' }, kind === 'unused' ? '' : name),
    make('span', { className: 'cells' }, ...cells),
  );
  button.setAttribute('aria-label', describe(piece));
  return button;
}

const moves: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowRight: (at) => at + 1,
  ArrowDown: (at) => at + 1,
  ArrowLeft: (at) => at - 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
};

function roving(grid: HTMLElement): void {
  const buttons = [...grid.querySelectorAll('button')];
  const [first] = buttons;
  if (first) first.tabIndex = 0;
  grid.addEventListener('focusin', ({ target }) => {
    for (const button of buttons) button.tabIndex = button === target ? 0 : -1;
  });
  grid.addEventListener('keydown', (event) => {
    const move = moves[event.key];
    const { target } = event;
    if (!move || !(target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    buttons[move(buttons.indexOf(target), buttons.length)]?.focus();
  });
}

export function byteGrid(pieces: readonly Piece[]): HTMLElement {
  const grid = make('div', { className: 'grid', role: 'group' });
  grid.setAttribute('aria-label', 'Bytes by field; the arrow keys move');
  let row: HTMLElement | undefined;
  for (const piece of pieces) {
    if (piece.offset % 8 === 0 || !row) {
      row = make('div', { className: 'pieces' });
      const label = make('span', { className: 'offset' }, `${piece.offset}`);
      label.setAttribute('aria-hidden', 'true');
      grid.append(make('div', { className: 'row' }, label, row));
    }
    row.append(pieceButton(piece));
  }
  roving(grid);
  return grid;
}
