/** Results as text. */
import type { CaseResult, Row, Sizes, Spread } from './results.js';

const digits = (value: number): string => {
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
};

function cells(values: Spread | null | undefined): [string, string] {
  return values ? [digits(values.median), `${digits(values.min)}..${digits(values.max)}`] : ['', ''];
}

/** The text in the comparison's column. */
function comparisonHeading({ comparison, reference }: CaseResult): string {
  if (comparison === 'speed') return `of ${reference}`;
  return comparison === 'size' ? `/ ${reference}` : `over ${reference}`;
}

const scaled = ({ unit }: CaseResult, values: Spread | null): Spread | null =>
  unit === 'bytes' && values
    ? { median: values.median / 1024, min: values.min / 1024, max: values.max / 1024 }
    : values;

function lineOf(result: CaseResult, row: Row, ours: readonly string[]): string[] {
  const toReference = result.comparison === 'difference' ? scaled(result, row.toReference) : row.toReference;
  return [
    `  ${row.side}`,
    row.runtime,
    ...(row.value === null ? ['failed', ''] : cells(scaled(result, row.value))),
    ...cells(toReference),
    ...ours.flatMap((name) => cells(row.oursTimes[name])),
  ];
}

/** A case: its title, a heading, a line for each side. */
function block(result: CaseResult): string {
  const ours = [...new Set(result.rows.flatMap((row) => Object.keys(row.oursTimes)))];
  const unit = result.unit === 'bytes' ? 'KiB' : result.unit;
  const heading = ['', '', unit, 'spread', comparisonHeading(result), 'spread'];
  for (const name of ours) heading.push(`× by ${name}`, 'spread');
  const lines = [heading, ...result.rows.map((row) => lineOf(result, row, ours))];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return [result.title, ...text].join('\n');
}

export const table = (results: readonly CaseResult[]): string => results.map(block).join('\n\n');

const kibibytes = (bytes: number): string => `${digits(bytes / 1024)} KiB`;

export const sizesLine = ({ wasm, wasmCompressed, packed, unpacked }: Sizes): string =>
  `liburing.wasm ${kibibytes(wasm)} (${kibibytes(wasmCompressed)} compressed), the package ${kibibytes(packed)} packed, ` +
  `${kibibytes(unpacked)} unpacked`;
