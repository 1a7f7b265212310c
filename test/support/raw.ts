/** Calls the module's own exports, in a small memory, with a ring of made-up bytes and a kernel of made-up numbers. */
import { readFileSync } from 'node:fs';
import { type CFunction, model, type Parameter } from './model.js';
import { inRoot } from './paths.js';

const module = new WebAssembly.Module(readFileSync(inRoot('dist/liburing.wasm')));

const PAGES = 4;
const STACK = 0x10000;
const RING = 0x20000;
const WORDS = 0x20800;
const SQES = 0x21000;
const CQES = 0x22000;
const ARRAY = 0x23000;
const SCRATCH = 0x24000;
const SCRATCH_SIZE = 0x1000;
const MAPPED = 0x30000;
const ENTRIES = 8;

/** Addresses beyond the memory. The module uses their lower 32 bits. The second is one of a Linux process. */
export const outside = [0xfff00000n, 0x7ffdf0000000n];

/** The state that a call finds. */
export interface Situation {
  /** A 32-bit word that fills all memory which arguments point to. */
  word: number;
  /** The value of all integers and sizes. */
  integer: number;
  size: number;
  /** The state of the ring. */
  flags: number;
  features: number;
  completions: number;
  kernelFlags: number;
  /** What each system call but mmap returns. */
  result: number;
}

const offsetOf = (struct: string, field: string): number => {
  const found = model.structs.find(({ name }) => name === struct)?.fields.find(({ name }) => name === field);
  if (!found) throw new Error(`no ${struct}.${field}`);
  return found.offset;
};

function makeRing(view: DataView, { flags, features, completions, kernelFlags }: Situation): void {
  const set = (part: 'sq' | 'cq', field: string, value: number): void =>
    view.setUint32(RING + offsetOf('io_uring', part) + offsetOf(`io_uring_${part}`, field), value, true);
  const words = ['khead', 'ktail', 'kring_mask', 'kring_entries', 'kflags'];
  for (const part of ['sq', 'cq'] as const) {
    const base = WORDS + (part === 'sq' ? 0 : 256);
    for (const [index, word] of words.entries()) set(part, word, base + 4 * index);
    for (const [index, value] of [0, 0, ENTRIES - 1, ENTRIES].entries()) view.setUint32(base + 4 * index, value, true);
    set(part, 'ring_mask', ENTRIES - 1);
    set(part, 'ring_entries', ENTRIES);
    set(part, 'ring_ptr', WORDS);
    set(part, 'ring_sz', 4096);
  }
  set('sq', 'sqes', SQES);
  set('sq', 'array', ARRAY);
  set('cq', 'cqes', CQES);
  view.setUint32(WORDS + 16, kernelFlags, true);
  view.setUint32(WORDS + 256 + 4, completions, true);
  view.setUint32(RING + offsetOf('io_uring', 'flags'), flags, true);
  view.setUint32(RING + offsetOf('io_uring', 'features'), features, true);
  view.setUint32(RING + offsetOf('io_uring', 'ring_fd'), 3, true);
  view.setUint32(RING + offsetOf('io_uring', 'enter_ring_fd'), 3, true);
}

const MMAP = 9;
const INTERRUPTED = -4;

/** A value for a parameter, of the type that the export takes. */
function valueFor({ type }: Parameter, index: number, { integer, size }: Situation): number | bigint {
  if (type.kind === 'pointer') {
    return BigInt(type.struct === 'io_uring' && type.to === 'struct' ? RING : SCRATCH + index * SCRATCH_SIZE);
  }
  if (type.kind === 'struct') throw new Error('structs by value are not passed');
  if (type.bits === 64) return BigInt(type.role === 'size' ? size : integer);
  return type.role === 'boolean' ? integer & 1 : integer;
}

let situation: Situation;
let calls = 0;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const view = new DataView(memory.buffer);
const { exports } = new WebAssembly.Instance(module, {
  env: { memory },
  host: {
    syscall(block: number): void {
      const nr = view.getUint32(block, true);
      // liburing repeats some calls that do nothing; it must not do so for ever
      const result = nr === MMAP ? MAPPED : ++calls > 10 ? INTERRUPTED : situation.result;
      view.setBigInt64(block, BigInt(result), true);
    },
  },
});
const initial = new Uint8Array(memory.buffer.slice(0));

function prepare(next: Situation): void {
  situation = next;
  calls = 0;
  new Uint8Array(memory.buffer).set(initial);
  new Uint32Array(memory.buffer).fill(next.word, SCRATCH / 4, MAPPED / 4);
  makeRing(view, next);
  const stack = exports.__stack_pointer as WebAssembly.Global;
  stack.value = typeof stack.value === 'bigint' ? BigInt(STACK) : STACK;
}

/** An iterator with as many CQEs left as the ring has. */
function makeIterator(at: number, { completions }: Situation): void {
  view.setBigUint64(at + offsetOf('io_uring_cqe_iter', 'cqes'), BigInt(CQES), true);
  for (const [field, value] of Object.entries({ mask: ENTRIES - 1, shift: 0, head: 0, tail: completions })) {
    view.setUint32(at + offsetOf('io_uring_cqe_iter', field), value, true);
  }
}

/** Calls an export, with `replaced` for the pointer at `index`. Returns whether it trapped on a wild address. */
export function traps(fn: CFunction, given: Situation, index = -1, replaced = 0n): boolean {
  prepare(given);
  const values = fn.parameters.map((parameter, at) => {
    const value = at === index ? replaced : valueFor(parameter, at, given);
    const { type } = parameter;
    if (type.kind === 'pointer' && type.struct === 'io_uring_cqe_iter' && at !== index)
      makeIterator(Number(value), given);
    return value;
  });
  // a struct is returned through a pointer, which comes first
  if (fn.result.kind === 'struct') values.unshift(BigInt(MAPPED));
  try {
    (exports[fn.name] as (...values: (number | bigint)[]) => unknown)(...values);
    return false;
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError && /out of bounds/.test(error.message)) return true;
    throw error;
  }
}
