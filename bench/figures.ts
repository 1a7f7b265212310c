/** A table of results in Markdown: ratios only. */
import { kinds } from './cases.js';
import type { CaseResult, Results, Row, Spread } from './results.js';

const digits = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);

const spreadOf = ({ median, min, max }: Spread): string => `**${digits(median)}** (${digits(min)} to ${digits(max)})`;

const scaled = ({ median, min, max }: Spread, by: number): Spread => ({
  median: median * by,
  min: min * by,
  max: max * by,
});

/** A side's ratio to the reference. */
function toReference({ comparison, unit, reference }: CaseResult, { side, toReference: to }: Row): string {
  if (to === null) return '';
  if (comparison !== 'difference') return `${side}: ${spreadOf(to)}`;
  const [values, name] = unit === 'bytes' ? [scaled(to, 1 / 1024), 'KiB'] : [to, unit];
  return `${side}: ${spreadOf(values)} ${name} over ${reference}`;
}

const times = (row: Row): string[] =>
  Object.entries(row.oursTimes).map(([name, spread]) => `${name}, ${row.side}: ${spreadOf(spread)}`);

/** A line of the table, of one runtime. */
function line(result: CaseResult, runtime: string): string[] {
  const rows = result.rows.filter((row) => row.runtime === runtime);
  const ours = rows.filter(({ role }) => role === 'ours').map((row) => toReference(result, row));
  if (ours.length === 0) return [];
  // sides that are not compared by speed have no times
  const others = rows.filter(({ role }) => role === 'other');
  const beside = others.flatMap(result.comparison === 'speed' ? times : (row) => toReference(result, row));
  const cell = (texts: readonly string[]): string => texts.filter(Boolean).join('<br>');
  return [`| ${result.title} | ${cell(ours)} | ${cell(beside)} |`];
}

function tableOf(results: readonly CaseResult[], isSpeed: boolean, runtime: string): string {
  const lines = results.flatMap((result) => line(result, runtime));
  if (lines.length === 0) return '';
  const heading = isSpeed ? '| | speed, of C | how many times as fast as |' : '| | beside C | |';
  return [heading, '| --- | --- | --- |', ...lines].join('\n');
}

/** The results of one runtime: a table for each kind. */
export function figures({ cases, machine, rounds, ms, date }: Results, runtime: string): string {
  const parts = kinds.flatMap(({ name, summary }) => {
    const ofKind = cases.filter(({ id }) => id.startsWith(`${name}/`));
    const isSpeed = ofKind.every(({ comparison }) => comparison === 'speed');
    const table = tableOf(ofKind, isSpeed, runtime);
    return table === '' ? [] : [`### ${summary[0]?.toUpperCase()}${summary.slice(1)}\n\n${table}`];
  });
  const where = `${runtime}, Linux ${machine.linux}, ${machine.cpu}, ${machine.cpus} CPUs, ${date.slice(0, 10)}`;
  const image = "![Speed as a part of C's](bench.svg)";
  return [image, `${where}: medians of ${rounds} rounds of ${ms} ms, with their minimum and maximum.`, ...parts].join(
    '\n\n',
  );
}
