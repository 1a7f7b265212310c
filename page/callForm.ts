/** The inputs for a function's arguments, and for the setters that may follow. */

import { type Encode, encoders } from '../dist/encode.js';
import { argumentsOf, membersOf, setters } from './call.js';
import { make, showError } from './dom.js';
import { example } from './examples.js';
import { parseInteger } from './integer.js';
import { sqeFlags } from './sqeFlags.js';
import type { CallState } from './state.js';

interface Input {
  readonly input: HTMLInputElement;
  readonly error: HTMLElement;
}

function labelled(
  key: string,
  name: string,
  c: string,
  fields: string,
  placeholder = '',
): Input & { block: HTMLElement } {
  const id = `input-${key}`;
  const error = make('p', { id: `error-${key}`, className: 'error' });
  const input = make('input', {
    id,
    type: 'text',
    spellcheck: false,
    autocapitalize: 'off',
    placeholder,
    data: { key },
  });
  input.setAttribute('aria-describedby', error.id);
  const label = make('label', { htmlFor: id }, name, ' ', make('code', {}, c));
  return { input, error, block: make('div', { className: 'input', data: { field: fields } }, label, input, error) };
}

export class CallForm {
  readonly #encode: Encode;
  readonly #arguments: HTMLElement;
  readonly #inputs = new Map<string, Input>();
  readonly #settings = new Map<string, Input>();
  readonly #flags = new Map<string, HTMLInputElement>();
  readonly #onEdit: (state: CallState, edited: string) => void;
  #name = '';

  constructor(
    encode: Encode,
    places: { arguments: HTMLElement; setters: HTMLElement },
    onEdit: (state: CallState, edited: string) => void,
  ) {
    this.#encode = encode;
    this.#arguments = places.arguments;
    this.#onEdit = onEdit;
    places.setters.append(make('legend', {}, 'Then, if you like'), ...this.#makeSettings());
    for (const place of [places.arguments, places.setters]) {
      place.addEventListener('input', ({ target }) => {
        const edited = target instanceof HTMLInputElement ? (target.dataset.key ?? '') : '';
        if (target instanceof HTMLInputElement && target.type === 'checkbox') this.#spellFlags();
        this.#onEdit(this.#state(), edited);
      });
    }
  }

  /** Shows a function with example arguments; inputs of equal names keep what was typed. */
  stateFor(name: string): CallState {
    const texts = new Map(
      argumentsOf(name).map((parameter, i) => {
        const before = argumentsOf(this.#name).find((old) => old.name === parameter.name && old.c === parameter.c);
        const kept = before && this.#inputs.get(parameter.name)?.input.value;
        return [parameter.name, kept || example(name, parameter, i)];
      }),
    );
    for (const [key, { input }] of this.#settings) if (input.value) texts.set(key, input.value);
    return { mode: 'encode', name, texts };
  }

  /** Fills in what the address of the page leaves out. */
  complete({ name, texts }: CallState): CallState {
    const defaults = argumentsOf(name).map((parameter, i): [string, string] => [
      parameter.name,
      example(name, parameter, i),
    ]);
    return { mode: 'encode', name, texts: new Map([...defaults, ...texts]) };
  }

  show({ name, texts }: CallState, errors: ReadonlyMap<string, string>): void {
    if (name !== this.#name) this.#build(name);
    for (const [key, { input, error }] of [...this.#inputs, ...this.#settings]) {
      const text = texts.get(key) ?? '';
      if (input.value !== text) input.value = text;
      showError(input, error, errors.get(key));
    }
    this.#checkFlags();
  }

  #state(): CallState {
    const texts = new Map([...this.#inputs].map(([key, { input }]) => [key, input.value]));
    for (const [key, { input }] of this.#settings) if (input.value) texts.set(key, input.value);
    return { mode: 'encode', name: this.#name, texts };
  }

  #build(name: string): void {
    this.#name = name;
    this.#inputs.clear();
    const members = encoders.has(name) ? membersOf(this.#encode, name) : new Map<string, string[]>();
    const blocks = argumentsOf(name).map(({ name: parameter, c }) => {
      const { block, ...input } = labelled(parameter, parameter, c, members.get(parameter)?.join(' ') ?? '');
      this.#inputs.set(parameter, input);
      return block;
    });
    const none = encoders.has(name) ? 'It has no arguments.' : '';
    const hint = make(
      'p',
      { className: 'hint' },
      'Decimal, 0x hex, 0 octal, or names: O_RDWR|O_CREAT. Pointers are addresses.',
    );
    this.#arguments.replaceChildren(
      make('legend', {}, 'Arguments'),
      ...(blocks.length > 0 ? [...blocks, hint] : [none]),
    );
  }

  #makeSettings(): HTMLElement[] {
    return setters.map(({ key, name, member }) => {
      const parameter = argumentsOf(name)[0];
      const { block, ...input } = labelled(key, member, parameter?.c ?? '', member, 'left alone');
      block.querySelector('label')?.setAttribute('title', name);
      this.#settings.set(key, input);
      if (key === 'sqe.flags') block.append(this.#makeFlags());
      return block;
    });
  }

  #makeFlags(): HTMLElement {
    const boxes = sqeFlags.map(([name]) => {
      const box = make('input', { type: 'checkbox', id: `flag-${name}`, data: { key: 'sqe.flags' } });
      this.#flags.set(name, box);
      return make('label', { className: 'flag' }, box, name);
    });
    const hint = make('p', { className: 'hint' }, 'io_uring_sqe_set_flags replaces flags that the function has set.');
    return make('div', { role: 'group', ariaLabel: 'SQE flags' }, ...boxes, hint);
  }

  /** Writes the boxes into the text. Numbers without a name stay in it. */
  #spellFlags(): void {
    const setting = this.#settings.get('sqe.flags');
    if (!setting) return;
    const boxed = new Set(sqeFlags.map(([name]) => name));
    const others = setting.input.value
      .split('|')
      .map((text) => text.trim())
      .filter((text) => text && !boxed.has(text));
    // a number may hold a bit whose box was just cleared
    const numbers = others.filter((text) => !/^[0-9]/.test(text));
    const checked = [...this.#flags].filter(([, box]) => box.checked).map(([name]) => name);
    setting.input.value = [...checked, ...numbers].join('|');
  }

  #checkFlags(): void {
    let value = 0n;
    try {
      value = parseInteger(this.#settings.get('sqe.flags')?.input.value || '0').value;
    } catch {
      // an invalid text has its message already, and checks no box
    }
    for (const [name, bit] of sqeFlags) {
      const box = this.#flags.get(name);
      if (box) box.checked = (value & BigInt(bit)) !== 0n;
    }
  }
}
