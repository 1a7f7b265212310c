/** Results: medians, spreads and ratios. This is the shape of build/bench.json. */
import type { Case, Comparison, Role, Unit } from './case.js';
import type { Entrant } from './measure.js';

/** Of all rounds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** A side of a case in a runtime. */
export interface Row {
  side: string;
  role: Role;
  /** Name and version; empty for C. */
  runtime: string;
  /** The value of each round, in the case's unit; null where the program failed. */
  samples: (number | null)[];
  /** Null if the program failed. */
  value: Spread | null;
  /**
   * The ratio to the reference's value of the same round, by the case's comparison. `speed` is the reference's value
   * divided by this one: greater than 1 where this is faster. `size` is the inverse. `difference` is this value minus
   * the reference's. Null for the reference.
   */
  toReference: Spread | null;
  /** For sides of others: how many times as fast ours are, by their name, in the same runtime and round. */
  oursTimes: Record<string, Spread>;
}

export interface CaseResult {
  id: string;
  title: string;
  unit: Unit;
  comparison: Comparison;
  /** The side that the others are compared with. If it is not C's, each runtime has its own. */
  reference: string;
  rows: Row[];
}

/** Bytes. */
export interface Sizes {
  /** dist/liburing.wasm, and the same compressed with gzip -9. */
  wasm: number;
  wasmCompressed: number;
  /** The size of what npm pack makes, and of what it unpacks to. */
  packed: number;
  unpacked: number;
}

export interface Results {
  /** Of this shape. */
  version: 2;
  date: string;
  machine: { cpu: string; cpus: number; linux: string; loadBefore: number };
  rounds: number;
  /** Milliseconds for which each program is measured in a round. */
  ms: number;
  sizes?: Sizes;
  cases: CaseResult[];
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

const compare: Record<Comparison, (value: number, reference: number) => number> = {
  speed: (value, reference) => reference / value,
  size: (value, reference) => value / reference,
  difference: (value, reference) => value - reference,
};

/** Computed round by round; null if there is nothing to compare with. */
function compared(of: Entrant, to: Entrant | undefined, comparison: Comparison): Spread | null {
  if (to === undefined || to === of) return null;
  const values = of.samples.map((value, round) => compare[comparison](value, to.samples[round] ?? Number.NaN));
  return values.some(Number.isNaN) ? null : spread(values);
}

function times(of: Entrant, all: readonly Entrant[]): Record<string, Spread> {
  if (of.side.role !== 'other') return {};
  const ours = all.filter(({ side, runtime }) => side.role === 'ours' && runtime === of.runtime);
  return Object.fromEntries(
    ours.flatMap((entrant) => {
      const quotients = compared(entrant, of, 'speed');
      return quotients === null ? [] : [[entrant.side.label, quotients]];
    }),
  );
}

export function resultOf({ id, title, unit, comparison, sides }: Case, all: readonly Entrant[]): CaseResult {
  const [reference] = sides;
  const rows = all.map((entrant): Row => {
    const { side, runtime, samples } = entrant;
    const to = all.find((each) => each.side === reference && (each.runtime === null || each.runtime === runtime));
    return {
      side: side.label,
      role: side.role,
      runtime: runtime?.name ?? '',
      samples: samples.map((value) => (Number.isNaN(value) ? null : value)),
      value: samples.some(Number.isNaN) ? null : spread(samples),
      toReference: compared(entrant, to, comparison),
      oursTimes: comparison === 'speed' ? times(entrant, all) : {},
    };
  });
  return { id, title, unit, comparison, reference: reference.label, rows };
}
