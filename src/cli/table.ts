/** Columns for a terminal. */

/** Joins rows, all of the same number of cells, with their columns aligned. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => width(column));
  return rows
    .map((row) => `${indent}${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
