/** A mutant: one argument of one function, changed between the bindings and wasm. */

export interface Mutant {
  name: string;
  /** The argument's index, from 0. */
  index: number;
  /** The change: 0 takes its place, or it and the next one are swapped. */
  change: 'drop' | 'swap';
}

/** A parameter of a function in the model of the headers. */
export interface Parameter {
  name: string;
  type: { kind: string; to?: string };
}

/** All mutants of a function. Its SQE or ring is not changed, as nothing works without it. */
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

/** Its name in the list of survivors. */
export function describeMutant({ name, index, change }: Mutant, parameters: readonly Parameter[]): string {
  const [mine, next] = [parameters[index]?.name, parameters[index + 1]?.name];
  return change === 'drop' ? `${name}: ${mine} dropped` : `${name}: ${mine} and ${next} swapped`;
}

type Value = number | bigint | undefined;

/** Converts a value to the type that another one has at the boundary. */
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
