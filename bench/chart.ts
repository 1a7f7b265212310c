/** A chart of results: all speeds, as parts of C's. */
import type { CaseResult, Results, Row, Spread } from './results.js';

/** What is drawn, where it was measured, and its label. */
const panels: readonly (readonly [id: string, title: string])[] = [
  ['nop/default/32', 'NOP, batches of 32'],
  ['read/cached/plain/1', '4 KiB random reads, cached, one at a time'],
  ['read/cached/plain/32', '4 KiB random reads, cached, 32 at a time'],
  ['read/direct/plain/32', '4 KiB random reads, O_DIRECT, 32 at a time'],
  ['copy/128k', 'copy of a cached file, 128 KiB blocks'],
  ['tree/small', 'small files opened, read, closed'],
  ['tree/statx', 'statx of a tree'],
  ['echo/64/64', 'TCP echo, 64 connections, 64 bytes'],
  ['echo/512/16384', 'TCP echo, 512 connections, 16 KiB'],
];

const WIDTH = 760;
const LABELS = 230;
const VALUES = 60;
const BARS = WIDTH - LABELS - VALUES;
const ROW = 20;
const TITLE = 30;
const TOP = 44;
/** Bars of more than this many times C's speed end at the edge. */
const MOST = 1.5;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .value { font-variant-numeric: tabular-nums; }
  .ours { fill: #1f6feb; }
  .other { fill: #8c959f; }
  .spread { stroke: #1f2328; stroke-width: 1.5; }
  .one { stroke: #cf222e; stroke-width: 1; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .ours { fill: #4493f8; }
    .other { fill: #7d8590; }
    .spread { stroke: #e6edf3; }
    .one { stroke: #ff7b72; }
  }`;

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);

const x = (ratio: number): number => Math.round((LABELS + (Math.min(ratio, MOST) / MOST) * BARS) * 10) / 10;

interface Bar extends Row {
  toReference: Spread;
}

/** The sides with bars: those of one runtime, without the C programs. */
const barsOf = ({ rows }: CaseResult, runtime: string): Bar[] =>
  rows.filter((row): row is Bar => row.runtime === runtime && row.toReference !== null);

function drawBar({ side, role, toReference: { median, min, max } }: Bar, y: number): string {
  const middle = y + ROW / 2;
  return [
    `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escaped(side)}</text>`,
    `<rect class="${role}" x="${LABELS}" y="${y + 3}" width="${Math.round((x(median) - LABELS) * 10) / 10}" height="${ROW - 6}"/>`,
    `<line class="spread" x1="${x(min)}" x2="${x(max)}" y1="${middle}" y2="${middle}"/>`,
    `<text class="value" x="${WIDTH - 4}" y="${middle + 4}" text-anchor="end">${median.toFixed(2)}</text>`,
  ].join('\n');
}

function drawPanel(title: string, bars: readonly Bar[], y: number): string {
  const bottom = y + TITLE + bars.length * ROW;
  return [
    `<text class="title" x="4" y="${y + 22}">${escaped(title)}</text>`,
    ...bars.map((bar, index) => drawBar(bar, y + TITLE + index * ROW)),
    `<line class="one" x1="${x(1)}" x2="${x(1)}" y1="${y + TITLE}" y2="${bottom}"/>`,
  ].join('\n');
}

/** Draws the chart of one runtime, which is found by its name in the results. */
export function chart({ cases, rounds, machine }: Results, runtime: string): string {
  const drawn: string[] = [];
  const said: string[] = [];
  let y = TOP;
  for (const [id, title] of panels) {
    const found = cases.find((each) => each.id === id);
    const bars = found === undefined ? [] : barsOf(found, runtime);
    if (bars.length === 0) continue;
    drawn.push(drawPanel(title, bars, y));
    said.push(
      `${title}: ${bars.map(({ side, toReference }) => `${side} ${toReference.median.toFixed(2)}`).join(', ')}.`,
    );
    y += TITLE + bars.length * ROW + 6;
  }
  if (drawn.length === 0) throw new Error(`nothing of the chart was measured in ${runtime}: make bench first`);
  const height = y + 30;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">Speed as a part of C's</title>
<desc id="description">${escaped(said.join(' '))}</desc>
<style>${style}
</style>
<text class="title" x="4" y="18">Speed as a part of C's: the longer, the faster</text>
<text x="${x(1)}" y="${TOP - 6}" text-anchor="middle">C</text>
${drawn.join('\n')}
<text x="4" y="${height - 10}">${escaped(
    `${runtime}, Linux ${machine.linux}, ${machine.cpus} CPUs. Medians of ${rounds} rounds, minimum to maximum across.`,
  )}</text>
</svg>
`;
}
