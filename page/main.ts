/** The page: its address is the state, a state is shown, an edit changes the address. */
import { decode, loadEncoder } from '../dist/encode.js';
import { argumentsOf, membersOf, run, type Step, setters } from './call.js';
import { CallForm } from './callForm.js';
import { byId, showError } from './dom.js';
import type { Origin } from './fieldTable.js';
import { FunctionPicker } from './functionPicker.js';
import { fromHex, HexError, toHex } from './hex.js';
import { highlight } from './highlight.js';
import { setStale, showResult } from './result.js';
import { cCall, typeScriptCall } from './source.js';
import { Address, type BytesState, type CallState, fromHash, type State, toHash } from './state.js';

const { encode } = await loadEncoder().catch((error: unknown) => {
  byId('failure').textContent = `liburing.wasm could not be started: ${error}`;
  throw error;
});

const hexInput = byId<HTMLTextAreaElement>('input-hex');
const relight = highlight(document.body);
const address = new Address(() => show(current()));
const picker = new FunctionPicker(encode, (name) => edit(form.stateFor(name), 'call'));
byId('picker').append(picker.element);
const form = new CallForm(encode, { arguments: byId('arguments'), setters: byId('setters') }, edit);

/** The last state of each direction, for the links from one to the other. */
let lastCall: CallState = form.stateFor('io_uring_prep_read');
let lastBytes: BytesState | undefined;

function current(): State {
  const state = fromHash(location.hash) ?? lastCall;
  return state.mode === 'encode' ? form.complete(state) : state;
}

function edit(state: State, edited: string): void {
  address.write(state, edited);
  show(state);
}

function originIn(steps: readonly Step[]): Origin {
  const name = steps[0]?.signature.name ?? '';
  const members = membersOf(encode, name);
  const called = new Set(steps.map(({ signature }) => signature.name));
  return ({ name: member, value }) => {
    const setter = setters.find((each) => each.member === member && called.has(each.name) && each.name !== name);
    if (setter) return setter.name;
    const from = argumentsOf(name).filter((parameter) => members.get(parameter.name)?.includes(member));
    if (from.length > 0) return from.map((parameter) => parameter.name).join(', ');
    return Number(value) === 0 ? '' : 'set by the function';
  };
}

function showCall(state: CallState): void {
  lastCall = state;
  const { bytes, steps, errors } = run(encode, state);
  picker.show(state.name, errors.get('call'));
  form.show(state, errors);
  if (!bytes) {
    setStale(true);
    return;
  }
  lastBytes = { mode: 'decode', hex: toHex(bytes) };
  showResult(bytes, originIn(steps), [
    { id: 'typescript', title: 'TypeScript', text: typeScriptCall(steps) },
    { id: 'c', title: 'C', text: cCall(steps) },
  ]);
}

function showBytes(state: BytesState): void {
  lastBytes = state;
  if (hexInput.value !== state.hex) hexInput.value = state.hex;
  let message = '';
  try {
    const bytes = fromHex(state.hex);
    decode(bytes);
    showResult(bytes, ({ parameters }) => parameters.join(', '), []);
  } catch (error) {
    if (!(error instanceof HexError || error instanceof RangeError)) throw error;
    message = error.message.replace(/^an/, 'An').replace(/[^.]$/, '$&.');
    setStale(true);
  }
  showError(hexInput, byId('error-hex'), message);
}

function show(state: State): void {
  for (const mode of ['encode', 'decode'] as const) {
    byId(mode).hidden = mode !== state.mode;
    if (mode === state.mode) byId(`to-${mode}`).setAttribute('aria-current', 'page');
    else byId(`to-${mode}`).removeAttribute('aria-current');
  }
  if (state.mode === 'encode') showCall(state);
  else showBytes(state);
  relight();
  byId<HTMLAnchorElement>('to-encode').href = toHash(lastCall);
  byId<HTMLAnchorElement>('to-decode').href = toHash(lastBytes ?? { mode: 'decode', hex: '' });
}

for (const id of ['encode', 'decode']) byId(id).addEventListener('submit', (event) => event.preventDefault());
hexInput.addEventListener('input', () => edit({ mode: 'decode', hex: hexInput.value }, 'hex'));

const first = current();
address.complete(first);
show(first);
document.body.dataset.ready = 'true';
