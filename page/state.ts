/** The state of the page, kept in its address after the #. */

/** A call: the typed text of each argument, and of each setter as `sqe.flags`. */
export interface CallState {
  readonly mode: 'encode';
  readonly name: string;
  readonly texts: ReadonlyMap<string, string>;
}

export interface BytesState {
  readonly mode: 'decode';
  readonly hex: string;
}

export type State = CallState | BytesState;

/** `#call=io_uring_prep_read&fd=3&sqe.flags=IOSQE_ASYNC` or `#hex=16…` */
export function toHash(state: State): string {
  const pairs: [string, string][] =
    state.mode === 'decode' ? [['hex', state.hex]] : [['call', state.name], ...state.texts];
  return `#${new URLSearchParams(pairs).toString().replaceAll('%7C', '|')}`;
}

/** The state of an address, or undefined where it has none. */
export function fromHash(hash: string): State | undefined {
  const pairs = new URLSearchParams(hash.replace(/^#/, ''));
  const hex = pairs.get('hex');
  if (hex !== null) return { mode: 'decode', hex };
  const name = pairs.get('call');
  if (name === null) return undefined;
  pairs.delete('call');
  return { mode: 'encode', name, texts: new Map(pairs) };
}

/** Writes states into the address. The history gets one step for each edited input, not for each key. */
export class Address {
  #edited: string | undefined;

  constructor(onNavigation: () => void) {
    addEventListener('popstate', () => {
      this.#edited = undefined;
      onNavigation();
    });
  }

  /** @param edited - The input that changed. */
  write(state: State, edited: string): void {
    const hash = toHash(state);
    if (hash === location.hash) return;
    if (edited === this.#edited) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
    this.#edited = edited;
  }

  /** Completes the address without a step in the history. */
  complete(state: State): void {
    history.replaceState(null, '', toHash(state));
  }
}
