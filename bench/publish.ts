/** Puts the results in build/bench.json into the documentation: a chart, and tables of ratios. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chart } from './chart.js';
import { figures } from './figures.js';
import type { Results } from './results.js';

const help = `Draws docs/bench.svg from build/bench.json, and writes the tables of docs/performance.md.

  make bench-chart [RUNTIME=node]
  node build/bench/publish.js [--runtime ...] [--in ...] [--chart ...] [--page ...]

RUNTIME  the beginning of the name of one that was measured, such as "node 24".
         Default: the first`;

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function read(file: string): Results {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as Error).message}): make bench first`);
  }
}

/** The marks around the tables in the page. */
const BEGIN = '<!-- make bench-chart writes from here -->';
const END = '<!-- to here -->';

function replaceTables(page: string, tables: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${page.slice(end)}`;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      runtime: { type: 'string', default: '' },
      in: { type: 'string', default: fromHere('../bench.json') },
      chart: { type: 'string', default: fromHere('../../docs/bench.svg') },
      page: { type: 'string', default: fromHere('../../docs/performance.md') },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const results = read(values.in);
  const names = [...new Set(results.cases.flatMap(({ rows }) => rows.map(({ runtime }) => runtime)))].filter(Boolean);
  const runtime = names.find((name) => name.startsWith(values.runtime));
  if (runtime === undefined) throw new Error(`nothing was measured in ${values.runtime}, but in ${names.join(', ')}`);
  const drawn = chart(results, runtime);
  const page = replaceTables(readFileSync(values.page, 'utf8'), figures(results, runtime));
  writeFileSync(values.chart, drawn);
  writeFileSync(values.page, page);
}

try {
  main();
} catch (error) {
  console.error(`bench-chart: ${(error as Error).message}`);
  process.exit(2);
}
