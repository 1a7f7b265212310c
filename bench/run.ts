/** Runs the programs in turn, and says what TypeScript costs beside C. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type Case, cases, type Side } from './cases.js';
import { type Runtime, runtime } from './runtimes.js';
import { type Row, spread, table } from './table.js';
import { FILE_BLOCKS, READ_SIZE } from './ts/harness.js';

const help = `Compares liburing-wasm with C and with node:fs.

  make bench [WHAT=nop,read,prep,copy,echo] [RUNTIMES=node,node24,bun,deno] [ROUNDS=5] [MS=300]
  node build/bench/run.js [--what ...] [--runtimes ...] [--rounds ...] [--ms ...]

WHAT      which cases; all, if not given
RUNTIMES  where TypeScript runs. node is the one that runs this; node22 and so
          on, bun and deno come from npm. Default: node
ROUNDS    in each, every program runs once. At least 5, the default
MS        milliseconds for which a program is measured in a round
TMPDIR    where the 64 MiB file to read is made

Figures are medians over the rounds, spreads their minimum and maximum. "/ C" is
the multiple of the C program's time in the same round, "/ TypeScript" that of
the time through liburing-wasm in the same round and runtime. The table goes to
stdout and, with all samples, to build/bench.json.`;

function fail(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

function parse() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        what: { type: 'string', default: 'nop,read,prep,copy,echo' },
        runtimes: { type: 'string', default: 'node' },
        rounds: { type: 'string', default: '5' },
        ms: { type: 'string', default: '300' },
      },
    }).values;
  } catch (error) {
    return fail((error as Error).message);
  }
}

function resolve(names: string[]): Runtime[] {
  try {
    return names.map(runtime);
  } catch (error) {
    return fail((error as Error).message);
  }
}

function atLeast(least: number, value: string, name: string): number {
  const number = Number(value);
  return Number.isInteger(number) && number >= least ? number : fail(`${name} has to be ${least} or more`);
}

/** One side in one runtime, and its time in each round; NaN where it failed. */
interface Entrant {
  side: Side;
  runtime: Runtime | null;
  samples: number[];
}

const here = fileURLToPath(new URL('.', import.meta.url));
const run = promisify(execFile);

const cProgram = (name: string): string => join(here, 'c', name);

async function nsOf(program: string, args: string[]): Promise<number> {
  const { stdout } = await run(program, args, { timeout: 60_000 });
  return (JSON.parse(stdout) as { ns: number }).ns;
}

/** A port that nobody has at the moment. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return String(typeof address === 'object' ? address?.port : '');
}

async function measure({ side, runtime }: Entrant, ms: number): Promise<number> {
  const [program, ...before] = runtime?.command ?? [cProgram(side.program)];
  const script = runtime === null ? [] : [join(here, 'ts', `${side.program}.js`)];
  if (side.client === undefined) return nsOf(program, [...before, ...script, String(ms), ...side.args]);
  const port = await freePort();
  const server = spawn(program, [...before, ...script, port, ...side.args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(server, 'exit');
  try {
    return await nsOf(cProgram(side.client.program), [String(ms), port, ...side.client.args]);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}

function entrants({ reference, others }: Case, runtimes: Runtime[]): Entrant[] {
  return [reference, ...others].flatMap((side) =>
    (side.language === 'c' ? [null] : runtimes).map((runtime) => ({ side, runtime, samples: [] })),
  );
}

/** A line on stderr, which the next one replaces on a terminal. */
function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : text && `${text}\n`);
}

/** Each block has its number in it, so that the programs can tell what they read. */
function makeFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  const file = join(folder, 'file');
  const fd = openSync(file, 'w');
  const block = new Uint32Array(READ_SIZE / 4);
  for (let number = 0; number < FILE_BLOCKS; number++) writeSync(fd, block.fill(number));
  fsyncSync(fd); // or the first rounds would share the machine with the write-back
  closeSync(fd);
  readFileSync(file); // into the page cache, if it is not there
  return file;
}

/** The quotients of two sides' times in the same rounds. */
function ratio(of: Entrant, to: Entrant | undefined): Row['toC'] {
  if (to === undefined || to === of) return null;
  const ratios = of.samples.map((ns, round) => ns / (to.samples[round] ?? Number.NaN));
  return ratios.some(Number.isNaN) ? null : spread(ratios);
}

function rowsOf({ title, others }: Case, all: Entrant[]): Row[] {
  return all.map((entrant) => {
    const { side, runtime, samples } = entrant;
    const typeScript = all.find((other) => other.side === others[0] && other.runtime === runtime);
    return {
      title,
      side: side.name,
      runtime: runtime?.name ?? '',
      ns: samples.some(Number.isNaN) ? null : spread(samples),
      toC: ratio(entrant, all[0]),
      toTypeScript: side.toTypeScript ? ratio(entrant, typeScript) : null,
    };
  });
}

const options = parse();
if (options.help) {
  console.log(help);
  process.exit();
}
const rounds = atLeast(5, options.rounds, 'ROUNDS');
const ms = atLeast(1, options.ms, 'MS');
const what = options.what.split(',');
const [load = 0] = loadavg();
if (load > cpus().length / 4) {
  console.error(`bench: the load average is ${load.toFixed(2)}: what else is running widens the spreads`);
}

const everything = cases(makeFile());
const unknown = what.find((name) => !everything.some((one) => one.what === name));
if (unknown !== undefined) fail(`WHAT is nop, read, prep, copy or echo, not ${unknown}`);
const runtimes = resolve(options.runtimes.split(','));
const chosen = everything
  .filter((one) => what.includes(one.what))
  .map((one) => ({ one, all: entrants(one, runtimes) }));

const broken = new Set<Entrant>();
for (let round = 1; round <= rounds; round++) {
  for (const { one, all } of chosen) {
    progress(`round ${round} of ${rounds}: ${one.title}`);
    // the other way round every second time, so that a slow drift favours nobody
    for (const entrant of round % 2 === 1 ? all : all.toReversed()) {
      let ns = Number.NaN;
      try {
        if (!broken.has(entrant)) ns = await measure(entrant, ms);
      } catch (error) {
        broken.add(entrant);
        const { stderr, message } = error as Error & { stderr?: string };
        console.error(`bench: ${one.title}: ${entrant.side.name} ${entrant.runtime?.name ?? ''} failed`);
        console.error(stderr || message);
      }
      entrant.samples.push(ns);
    }
  }
}
progress('');

const rows = chosen.flatMap(({ one, all }) => rowsOf(one, all).map((row, i) => ({ ...row, samples: all[i]?.samples })));
const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, linux: release().replace(/-.*/, ''), loadBefore: load };
console.log(`${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.linux}; ${rounds} rounds of ${ms} ms\n`);
console.log(table(rows));
writeFileSync(
  join(here, '..', 'bench.json'),
  `${JSON.stringify({ date: new Date(), machine, rounds, ms, rows }, null, 2)}\n`,
);
if (broken.size > 0) process.exitCode = 1;
