/** The list of functions, grouped by operation, with a filter. */
import { decode, type Encode, encoders } from '../dist/encode.js';
import { argumentsOf } from './call.js';
import { make, showError } from './dom.js';

interface Group {
  readonly label: string;
  readonly names: readonly string[];
}

function groupsOf(encode: Encode): Group[] {
  const byOpcode = new Map<number, string[]>();
  const others: string[] = [];
  for (const name of encoders.keys()) {
    const args = Object.fromEntries(argumentsOf(name).map((parameter) => [parameter.name, 0]));
    const bytes = encode(name, args);
    const sqe = decode(bytes);
    if (sqe.functions.includes(name)) byOpcode.set(sqe.opcode, [...(byOpcode.get(sqe.opcode) ?? []), name]);
    else others.push(name);
  }
  const groups = [...byOpcode]
    .sort(([a], [b]) => a - b)
    .map(([opcode, names]) => ({
      label: `${opcode}  ${decode(Uint8Array.of(opcode, ...new Array(63).fill(0))).name}`,
      names,
    }));
  return [...groups, { label: 'on any SQE', names: others }];
}

export class FunctionPicker {
  readonly element: HTMLElement;
  readonly #groups: readonly Group[];
  readonly #filter = make('input', {
    id: 'filter',
    type: 'search',
    spellcheck: false,
    placeholder: 'read, accept, 22 …',
  });
  readonly #select = make('select', { id: 'input-call', size: 8 });
  readonly #count = make('p', { id: 'note-call', className: 'hint', role: 'status' });
  readonly #error = make('p', { id: 'error-call', className: 'error' });
  #name = '';

  constructor(encode: Encode, onChoice: (name: string) => void) {
    this.#groups = groupsOf(encode);
    this.#select.setAttribute('aria-describedby', 'note-call error-call');
    this.#filter.setAttribute('aria-controls', 'input-call');
    this.element = make(
      'div',
      {},
      make('label', { htmlFor: 'filter' }, 'Find a function'),
      this.#filter,
      make('label', { htmlFor: 'input-call' }, 'Function'),
      this.#select,
      this.#count,
      this.#error,
    );
    this.#filter.addEventListener('input', () => this.#list());
    this.#filter.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') {
        event.preventDefault();
        this.#select.focus();
      }
      if (event.key !== 'Enter') return;
      event.preventDefault();
      const first = this.#select.options[0];
      if (first) onChoice(first.value);
    });
    this.#select.addEventListener('change', () => onChoice(this.#select.value));
    this.#list();
  }

  /** Shows which function is chosen. */
  show(name: string, error?: string): void {
    if (name !== this.#name) {
      this.#name = name;
      // the filter hides the chosen function: clear it
      if (![...this.#select.options].some(({ value }) => value === name)) this.#filter.value = '';
      this.#list();
    }
    showError(this.#select, this.#error, error);
  }

  #list(): void {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = ({ label }: Group, name: string): boolean =>
      words.every((word) => `${label} ${name}`.toLowerCase().includes(word));
    let count = 0;
    const groups = this.#groups.flatMap((group) => {
      const names = group.names.filter((name) => matches(group, name));
      count += names.length;
      const options = names.map((name) => make('option', { value: name, selected: name === this.#name }, name));
      return options.length > 0 ? [make('optgroup', { label: group.label }, ...options)] : [];
    });
    this.#select.replaceChildren(...groups);
    if (![...this.#select.options].some(({ value }) => value === this.#name)) this.#select.selectedIndex = -1;
    this.#count.textContent = `${count} of ${encoders.size} functions`;
  }
}
