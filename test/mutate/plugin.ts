/** Breaks one argument of one function in the generated bindings, while they are loaded for a test. */
import type { Plugin } from 'vite';

/** What is done to an argument: 0 is passed instead of it, or its neighbour. */
export type Change = 'drop' | 'swap';

export interface Mutant {
  name: string;
  /** Which argument, from 0. */
  index: number;
  change: Change;
}

export const describeMutant = ({ name, index, change }: Mutant): string => `${name}:${index}:${change}`;

export function parseMutant(text: string): Mutant {
  const [name = '', index = '', change = ''] = text.split(':');
  if (change !== 'drop' && change !== 'swap') throw new Error(`no mutant: ${text}`);
  return { name, index: Number(index), change };
}

/** The arguments of the call that starts behind an opening parenthesis, and where it ends. */
function argumentsAt(source: string, start: number): { list: string[]; end: number } {
  const list: string[] = [];
  let depth = 0;
  let from = start;
  for (let at = start; ; at++) {
    const c = source[at];
    if (c === undefined) throw new Error('the call does not end');
    if (c === '(' || c === '[') depth++;
    const closes = c === ')' || c === ']';
    if ((c === ',' && depth === 0) || (closes && depth === 0)) {
      list.push(source.slice(from, at).trim());
      from = at + 1;
      if (closes) return { list, end: at };
    }
    if (closes) depth--;
  }
}

/** The bindings with the mutant in them, in both of the function's calls into wasm. */
export function mutate(source: string, { name, index, change }: Mutant): string {
  let out = source;
  for (const kind of ['number', 'exact']) {
    const call = `${kind}_${name}(`;
    const at = out.indexOf(call);
    if (at < 0) continue;
    const start = at + call.length;
    const { list, end } = argumentsAt(out, start);
    const changed = [...list];
    const [mine = '', other = ''] = [list[index], list[index + 1]];
    if (change === 'drop') changed[index] = /BigInt\(|exact64\(/.test(mine) ? '0n' : '0';
    else [changed[index], changed[index + 1]] = [other, mine];
    out = out.slice(0, start) + changed.join(', ') + out.slice(end);
  }
  return out;
}

/** How many arguments the function's call has. */
export function countArguments(source: string, name: string): number {
  const call = `number_${name}(`;
  const at = source.indexOf(call);
  return at < 0 ? 0 : argumentsAt(source, at + call.length).list.filter((text) => text !== '').length;
}

export const mutantPlugin = (mutant: Mutant): Plugin => ({
  name: 'mutant',
  enforce: 'pre',
  transform(code, id) {
    return id.endsWith('/src/generated/functions.ts') ? mutate(code, mutant) : undefined;
  },
});
