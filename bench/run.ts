/** Runs the programs in turn, and reports the cost of TypeScript beside C. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Case } from './case.js';
import { kinds, select } from './cases.js';
import { type Entrant, measure } from './measure.js';
import { make, makeFolder, placesIn } from './places.js';
import { type Results, resultOf, type Sizes } from './results.js';
import { type Runtime, runtimes } from './runtimes.js';
import { sizesLine, table } from './table.js';

const help = `Compares liburing-wasm with C and with what the runtimes have themselves.

  make bench [WHAT=nop,read/cached] [RUNTIMES=node,node24,bun] [ROUNDS=5] [MS=300]
  node build/bench/run.js [--list] [--what ...] [--runtimes ...] [--rounds ...] [--ms ...] [--out ...]

WHAT      which cases, by the beginnings of their names up to a slash; all, if
          not given. --list shows them. The kinds:
${kinds.map(({ name, summary }) => `            ${name.padEnd(8)} ${summary}`).join('\n')}
RUNTIMES  where TypeScript runs. node is the one that runs this; node22 and so
          on, bun and deno come from npm; all: node,node24,node26,bun,deno.
          Default: node
ROUNDS    in each, every program runs once. At least 5, the default
MS        milliseconds for which a program is measured in a round. Default: 300
TMPDIR    where the files to read are made, some 100 MiB

Figures are medians over the rounds, spreads their minimum and maximum. "of C" is
the speed as a part of C's in the same round; "× by await" how many times as fast
await is, in the same round and runtime. The table goes to stdout and, with all
samples, to build/bench.json (--out); bench/results.ts says what is in there.`;

function parse() {
  return parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      list: { type: 'boolean', short: 'l', default: false },
      what: { type: 'string', default: '' },
      runtimes: { type: 'string', default: 'node' },
      rounds: { type: 'string', default: '5' },
      ms: { type: 'string', default: '300' },
      out: { type: 'string' },
    },
  }).values;
}

function atLeast(least: number, value: string, name: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least) throw new Error(`${name} has to be ${least} or more`);
  return number;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

function entrants({ sides }: Case, all: readonly Runtime[]): Entrant[] {
  return sides.flatMap((side): Entrant[] => {
    if (side.language === 'c') return [{ side, runtime: null, samples: [] }];
    const fitting = all.filter(({ kind }) => side.only === undefined || side.only === kind);
    return fitting.map((runtime) => ({ side, runtime, samples: [] }));
  });
}

/** Prints a line on stderr, which the next one replaces on a terminal. */
function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : text && `${text}\n`);
}

function sizes(): Sizes {
  const wasm = readFileSync(join(root, 'dist/liburing.wasm'));
  const packing = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ size, unpackedSize }] = JSON.parse(packing) as [{ size: number; unpackedSize: number }];
  return {
    wasm: wasm.length,
    wasmCompressed: gzipSync(wasm, { level: 9 }).length,
    packed: size,
    unpacked: unpackedSize,
  };
}

const broken = new Set<Entrant>();

/** Runs a side, unless it failed before. */
async function sample(entrant: Entrant, { title }: Case, ms: number): Promise<number> {
  if (broken.has(entrant)) return Number.NaN;
  try {
    return await measure(entrant, ms);
  } catch (error) {
    broken.add(entrant);
    const { stderr, message } = error as Error & { stderr?: string };
    progress('');
    console.error(`bench: ${title}: ${entrant.side.label} ${entrant.runtime?.name ?? ''} failed`);
    console.error(stderr || message);
    return Number.NaN;
  }
}

async function main(): Promise<void> {
  const options = parse();
  if (options.help) return console.log(help);
  const what = options.what.split(',').filter((name) => name !== '');
  if (options.list) {
    for (const { id, title } of select(what, placesIn(''))) console.log(`${id.padEnd(30)} ${title}`);
    return;
  }
  const rounds = atLeast(5, options.rounds, 'ROUNDS');
  const ms = atLeast(1, options.ms, 'MS');
  const places = placesIn(makeFolder());
  const cases = select(what, places);
  const inWhich = runtimes(options.runtimes.split(','));
  const [load = 0] = loadavg();
  if (load > cpus().length / 4) {
    console.error(`bench: the load average is ${load.toFixed(2)}: what else is running widens the spreads`);
  }

  make(new Set(cases.flatMap(({ needs }) => needs ?? [])), places);
  const chosen = cases.map((one) => ({ one, all: entrants(one, inWhich) }));
  for (let round = 1; round <= rounds; round++) {
    for (const { one, all } of chosen) {
      progress(`round ${round} of ${rounds}: ${one.title}`);
      // every second round in reverse order, so that a slow drift favours nobody
      for (const entrant of round % 2 === 1 ? all : all.toReversed()) {
        entrant.samples.push(await sample(entrant, one, ms));
      }
    }
  }
  progress('');

  const results: Results = {
    version: 2,
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? '',
      cpus: cpus().length,
      linux: release().replace(/-.*/, ''),
      loadBefore: load,
    },
    rounds,
    ms,
    ...(cases.some(({ id }) => id.startsWith('start/')) ? { sizes: sizes() } : {}),
    cases: chosen.map(({ one, all }) => resultOf(one, all)),
  };
  const { cpu, cpus: count, linux } = results.machine;
  console.log(`${cpu}, ${count} CPUs, Linux ${linux}; ${rounds} rounds of ${ms} ms\n`);
  console.log(table(results.cases));
  if (results.sizes) console.log(`\n${sizesLine(results.sizes)}`);
  writeFileSync(options.out ?? join(here, '../bench.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (broken.size > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exit(2);
}
