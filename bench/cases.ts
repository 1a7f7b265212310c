/** All kinds of cases, in the order in which they are run. */
import type { Case, Kind, Places } from './case.js';
import { calls } from './cases/calls.js';
import { copies } from './cases/copy.js';
import { echoes } from './cases/echo.js';
import { growth } from './cases/growth.js';
import { memory } from './cases/memory.js';
import { nops } from './cases/nop.js';
import { reads } from './cases/read.js';
import { start } from './cases/start.js';
import { trees } from './cases/tree.js';

export const kinds: readonly Kind[] = [calls, nops, reads, copies, trees, echoes, memory, start, growth];

/** The cases whose id is one of these, or starts with one of these and a slash. */
export function select(what: readonly string[], places: Places): Case[] {
  const all = kinds.flatMap((kind) => kind.cases(places));
  const matches = ({ id }: Case, name: string): boolean => id === name || id.startsWith(`${name}/`);
  const unknown = what.find((name) => !all.some((each) => matches(each, name)));
  if (unknown !== undefined) {
    throw new Error(
      `there is no ${unknown}; it can be ${kinds.map(({ name }) => name).join(', ')}, or what --list shows`,
    );
  }
  return what.length === 0 ? all : all.filter((each) => what.some((name) => matches(each, name)));
}
