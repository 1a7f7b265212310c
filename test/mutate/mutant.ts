/** A mutant: one argument of one function, changed on its way from the bindings into wasm. */

export interface Mutant {
  name: string;
  /** Which argument, from 0. */
  index: number;
  /** What is done to it: 0 goes in its place, or it and the next one change places. */
  change: 'drop' | 'swap';
}

/** A parameter of a function, as the model of the headers has it. */
export interface Parameter {
  name: string;
  type: { kind: string; to?: string };
}

/** All mutants of a function. Its SQE, or its ring, is left alone: without it nothing works. */
export function mutantsOf(name: string, parameters: readonly Parameter[]): Mutant[] {
  const subject = parameters.findIndex(({ type }) => type.kind === 'pointer' && type.to === 'struct');
  const indices = parameters.map((_, index) => index).filter((index) => index !== subject);
  return [
    ...indices.map((index) => ({ name, index, change: 'drop' as const })),
    ...indices
      .filter((index) => indices.includes(index + 1))
      .map((index) => ({ name, index, change: 'swap' as const })),
  ];
}

/** How the list of survivors calls it. */
export function describeMutant({ name, index, change }: Mutant, parameters: readonly Parameter[]): string {
  const [mine, next] = [parameters[index]?.name, parameters[index + 1]?.name];
  return change === 'drop' ? `${name}: ${mine} dropped` : `${name}: ${mine} and ${next} swapped`;
}

type Value = number | bigint | undefined;

/** A value as the type that another one has at the boundary. */
function like(other: Value, value: Value): Value {
  if (typeof other === typeof value) return value;
  return typeof other === 'bigint' ? BigInt(value ?? 0) : Number(value);
}

/** The arguments of a call, changed. */
export function change({ index, change }: Mutant, values: readonly Value[]): Value[] {
  const changed = [...values];
  const [mine, next] = [values[index], values[index + 1]];
  if (change === 'drop') changed[index] = like(mine, 0);
  else [changed[index], changed[index + 1]] = [like(mine, next), like(next, mine)];
  return changed;
}
