/**
 * `make mutate`: changes the arguments of liburing's functions in the bindings, one at a time, and runs the tests in
 * test/liburing that call the function until one fails.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Outcome } from './job.js';
import { type Job, startJob } from './jobs.js';
import { describeMutant, type Mutant, mutantsOf, type Parameter } from './mutant.js';
import { survivors as expected } from './survivors.js';

const { values: options } = parseArgs({
  options: {
    functions: { type: 'string', default: '^io_uring_prep_' },
    mutants: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log('main.js [--functions PATTERN] [--mutants PATTERN] [--jobs N]: what the tests notice of broken bindings');
  process.exit();
}

/** The percentage of mutants that the tests must kill. */
const ENOUGH = 95;
const REPORT = 'build/mutate.txt';

const { functions } = JSON.parse(readFileSync('build/model.json', 'utf8')) as {
  functions: { name: string; parameters: Parameter[] }[];
};
const parametersOf = new Map(functions.map(({ name, parameters }) => [name, parameters]));

const tests = ['test/liburing', 'test/liburing/functions'].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => ({ file: `${folder}/${name}`, text: readFileSync(`${folder}/${name}`, 'utf8') })),
);
const keyOf = ({ name, index, change }: Mutant): string => `${name}:${index}:${change}`;

const [wanted, only] = [new RegExp(options.functions), new RegExp(options.mutants)];
const work = functions
  .filter(({ name }) => wanted.test(name))
  .flatMap(({ name, parameters }) => mutantsOf(name, parameters))
  .filter((mutant) => only.test(keyOf(mutant)))
  .map((mutant) => {
    const word = new RegExp(`\\b${mutant.name}\\b`);
    return { mutant, files: tests.filter(({ text }) => word.test(text)).map(({ file }) => file) };
  });
const files = [...new Set(work.flatMap((item) => item.files))];

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

const temporary = mkdtempSync(join(tmpdir(), 'liburing-wasm-mutate-'));
const jobs: Job[] = [];

/** Runs a task for each item, on all processes. */
async function inAll<T>(items: readonly T[], what: (job: Job, item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    jobs.map(async (job) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await what(job, item);
    }),
  );
}

/** How long each test file takes with unchanged bindings. */
async function measure(): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  await inAll(files, async (job, file) => {
    const task = { file, mutant: null, limit: 300_000 };
    let outcome = await job.run(task);
    // the first run of a process compiles, and a busy machine may need a second try
    if (outcome.end !== 'passed' || times.size < jobs.length) outcome = await job.run(task);
    if (outcome.end !== 'passed') throw new Error(`${file} fails before anything is broken: ${outcome.reason}`);
    times.set(file, outcome.ms);
    progress(`mutate: ${times.size} of ${files.length} test files measured`);
  });
  return times;
}

/** A mutant, and its result. */
interface Tried {
  mutant: Mutant;
  last: Outcome | undefined;
  by: string;
}
const died = ({ last }: Tried): boolean => last !== undefined && last.end !== 'passed';

/** Prints a line for each: the result, and the test that noticed. */
function writeReport(tried: readonly Tried[]): void {
  const lines = tried.map((item) => {
    const { last, by, mutant } = item;
    return [keyOf(mutant), last?.end ?? 'no test', died(item) ? by : '', last?.reason ?? ''].join('\t');
  });
  writeFileSync(REPORT, `${lines.sort().join('\n')}\n`);
}

/** Changes the bindings, and runs the tests until one fails, the quickest first. */
async function tryAll(times: Map<string, number>): Promise<Tried[]> {
  const tried: Tried[] = [];
  const timeOf = (file: string): number => times.get(file) ?? 0;
  await inAll(work, async (job, { mutant, files }) => {
    let result: Tried = { mutant, last: undefined, by: '' };
    for (const file of files.toSorted((a, b) => timeOf(a) - timeOf(b))) {
      result = { mutant, last: await job.run({ file, mutant, limit: 5_000 + 5 * timeOf(file) }), by: file };
      if (died(result)) break;
    }
    tried.push(result);
    writeReport(tried);
    const killed = tried.filter(died).length;
    progress(`mutate: ${tried.length} of ${work.length} mutants tried, ${tried.length - killed} survive`);
    if (!died(result) && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${keyOf(mutant)} survives\n`);
  });
  progress('');
  return tried;
}

const nameOf = (mutant: Mutant): string => describeMutant(mutant, parametersOf.get(mutant.name) ?? []);

function report(tried: readonly Tried[]): boolean {
  const killed = tried.filter(died);
  const alive = tried.filter((item) => !died(item)).map(({ mutant }) => mutant);
  const resurrected = killed.filter(({ mutant }) => keyOf(mutant) in expected);
  const unknown = Object.keys(expected).filter(
    (key) => !functions.some(({ name, parameters }) => mutantsOf(name, parameters).some((m) => keyOf(m) === key)),
  );
  const hung = killed.filter(({ last }) => last?.end === 'hung').length;
  const share = tried.length === 0 ? 0 : (100 * killed.length) / tried.length;
  if (alive.length > 0) console.log('survivors:');
  for (const mutant of alive)
    console.log(`  ${keyOf(mutant)}  ${nameOf(mutant)}: ${expected[keyOf(mutant)] ?? 'NO REASON'}`);
  for (const { mutant, by } of resurrected) console.log(`${keyOf(mutant)} is listed as a survivor, but ${by} kills it`);
  for (const key of unknown) console.log(`${key} is listed as a survivor, but there is no such mutant`);
  console.log(
    `mutate: ${killed.length} of ${tried.length} mutants killed (${share.toFixed(1)} %), ${hung} of them as the test hung; all in ${REPORT}`,
  );
  const explained = alive.every((mutant) => keyOf(mutant) in expected);
  return share >= ENOUGH && explained && resurrected.length === 0 && unknown.length === 0;
}

try {
  for (let i = 0; i < Number(options.jobs); i++) jobs.push(await startJob(temporary));
  process.exitCode = report(await tryAll(await measure())) ? 0 : 1;
} finally {
  for (const job of jobs) job.stop();
  rmSync(temporary, { recursive: true, force: true });
}
