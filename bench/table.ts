/** Medians and spreads, and a table of them. */

export interface Spread {
  median: number;
  min: number;
  max: number;
}

export interface Row {
  title: string;
  side: string;
  /** Empty for C. */
  runtime: string;
  /** Nanoseconds for an operation; null if the program failed. */
  ns: Spread | null;
  /** Multiple of the C program of the same round. */
  toC: Spread | null;
  /** Multiple of the TypeScript side of the same round and runtime. */
  toTypeScript: Spread | null;
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}

const digits = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

function cells(values: Spread | null): [string, string] {
  return values === null ? ['', ''] : [digits(values.median), `${digits(values.min)}..${digits(values.max)}`];
}

/** The rows as lines, with a heading where the title changes. */
export function table(rows: Row[]): string {
  const lines: string[][] = [['', '', 'ns/op', 'spread', '/ C', 'spread', '/ TypeScript', 'spread']];
  const headings = new Map<number, string>();
  let title = '';
  for (const row of rows) {
    if (row.title !== title) headings.set(lines.length, row.title);
    title = row.title;
    const ns = row.ns === null ? ['failed', ''] : cells(row.ns);
    lines.push([`  ${row.side}`, row.runtime, ...ns, ...cells(row.toC), ...cells(row.toTypeScript)]);
  }
  const widths = lines.reduce<number[]>((all, line) => line.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), []);
  return lines
    .map((line, index) => {
      const padded = line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)));
      const heading = headings.get(index);
      return `${heading === undefined ? '' : `\n${heading}\n`}${padded.join('  ').trimEnd()}`;
    })
    .join('\n');
}
