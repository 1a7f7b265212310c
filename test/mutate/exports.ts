/** The exports of wasm, in a test's process, with the mutant of the run. */
import { inject } from 'vitest';
import { change, type Mutant } from './mutant.js';

type Exported = (...values: (number | bigint | undefined)[]) => unknown;

/** Both exports of the function: the one that takes numbers, and the exact one. */
export function mutated(exported: Record<string, unknown>): Record<string, unknown> {
  const mutant = inject('mutant' as never) as Mutant | null;
  if (!mutant) return exported;
  const out = { ...exported };
  for (const name of [mutant.name, `${mutant.name}.number`]) {
    const real = exported[name] as Exported | undefined;
    if (real) out[name] = (...values: Parameters<Exported>) => real(...change(mutant, values));
  }
  return out;
}
