/** `make conformance`: liburing's own tests, natively and in wasm, on the same kernel. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeCounts, difference, type Run } from './compare.js';
import { knownDifferences, racing } from './differences.js';
import { endJobs, runJob } from './job.js';
import { Trace } from './trace.js';

const build = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '2' },
    test: { type: 'string', multiple: true },
    limit: { type: 'string', default: '400' },
    repeats: { type: 'string', default: '5' },
    dist: { type: 'string', default: join(build, '../dist') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`main.js [OPTIONS]: runs liburing's tests natively and in wasm, and compares
  --jobs N      pairs at a time (2)
  --test NAME   this one alone, with its output; may be given again, for more
  --limit N     seconds that one may take in wasm, at most (400)
  --repeats N   how often one that differs is run again (5)
  --dist DIR    the package's dist folder, with the runner`);
  process.exit();
}

const { nodeFlags } = (await import(join(values.dist, 'run/runner.js'))) as { nodeFlags: readonly string[] };

/** Seconds. The tests' own runner allows 60. */
const nativeLimit = 120;
/** Most take a second more than natively. waitid, which forks 10,000 times, and futex take ten times as long. */
const wasmLimit = (native: Run): number => Math.min(Number(values.limit), 60 + Math.ceil(10 * native.seconds));

const commands = {
  native: [],
  wasm: ['setarch', '-R', process.execPath, ...nodeFlags, join(values.dist, 'run/main.js')],
};
type Kind = keyof typeof commands;

/** A row of the table. */
interface Result {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly native: Run;
  readonly wasm: Run;
  /** All native runs. Where they differ among themselves, the run in wasm may differ, too. */
  readonly natives: Run[];
  readonly reason: string;
}

const trace = Trace.open();
if (typeof trace === 'string') console.log(`conformance: operations are not counted: ${trace}`);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endJobs();
    if (typeof trace !== 'string') trace.close();
    process.exit(128 + constants.signals[signal]);
  });
}

async function runOne(kind: Kind, name: string, limit: number): Promise<Run> {
  const outcome = await runJob({
    programs: join(build, 'conformance', kind, 'test'),
    name,
    command: commands[kind],
    folder: join(build, 'conformance/run', `${name}.${kind}`),
    limit,
    started: (pid) => typeof trace !== 'string' && trace.follow(pid),
  });
  return { ...outcome, counts: typeof trace === 'string' ? undefined : await trace.take(outcome.pid) };
}

/** A pair that differs is run again, alone: the difference may be an accident of timing. */
const repeats = Number(values.repeats);

const differing = (result: Result): boolean => result.status === 'failed';
/** A difference that comes and goes may be absent the next time. */
const worthRepeating = (result: Result): boolean =>
  result.name in knownDifferences
    ? result.status === 'skipped' && !!knownDifferences[result.name]?.sometimes
    : differing(result);

/** A test that sometimes never ends natively is run again, as there is nothing to compare with. */
async function runNatively(name: string): Promise<Run> {
  let run = await runOne('native', name, nativeLimit);
  for (let i = 0; i < 2 && run.late; i++) run = await runOne('native', name, nativeLimit);
  return run;
}

async function compare(name: string, natives: Run[] = []): Promise<Result> {
  const latest = await runNatively(name);
  natives.push(latest);
  const wasm = await runOne('wasm', name, wasmLimit(latest));
  const reason = difference(natives, wasm, name in racing);
  const [native] = natives as [Run];
  const known = knownDifferences[name];
  if (!known)
    return { name, status: reason === undefined ? 'passed' : 'failed', native, wasm, natives, reason: reason ?? '' };
  if (reason !== undefined)
    return { name, status: 'skipped', native, wasm, natives, reason: `${known.cause} (${reason})` };
  if (known.sometimes) return { name, status: 'passed', native, wasm, natives, reason: '' };
  return {
    name,
    status: 'failed',
    native,
    wasm,
    natives,
    reason: 'agrees, and has to leave the list of known differences',
  };
}

const inOneLine = (text: string): string => text.replace(/\s+/g, ' ');

function write(results: readonly Result[]): void {
  const rows = [...results].sort((a, b) => a.name.localeCompare(b.name));
  const cells = rows.map(({ name, status, native, wasm, reason }) => [
    name,
    status,
    native.verdict,
    wasm.verdict,
    native.seconds.toFixed(2),
    wasm.seconds.toFixed(2),
    describeCounts(wasm.counts),
    inOneLine(reason),
  ]);
  const head = ['name', 'status', 'native', 'wasm', 'native s', 'wasm s', 'operations in wasm', 'reason'];
  writeFileSync(join(build, 'conformance.tsv'), [head, ...cells].map((row) => `${row.join('\t')}\n`).join(''));
}

const all = readdirSync(join(build, 'conformance/native/test'))
  .filter((file) => file.endsWith('.t'))
  .map((file) => file.slice(0, -2));
const names = values.test ?? all;
const unknown = names.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`conformance: liburing has no test ${unknown}`);
  process.exit(2);
}
mkdirSync(join(build, 'conformance/run'), { recursive: true });

function describe({ name, status, native, wasm, reason }: Result): string {
  const times = `${native.seconds.toFixed(1)} s, in wasm ${wasm.seconds.toFixed(1)} s`;
  return `${name}: ${status}, ${wasm.verdict}, ${times}${reason && `\n    ${reason}`}`;
}

const results: Result[] = [];
const queue = [...names];
async function work(): Promise<void> {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const result = await compare(name);
    results.push(result);
    console.log(`[${results.length}/${names.length}] ${describe(result)}`);
  }
}
await Promise.all(Array.from({ length: Number(values.jobs) || 1 }, work));

for (const [index, first] of results.entries()) {
  let result = first;
  for (let repeat = 1; repeat <= repeats && worthRepeating(result); repeat++) {
    result = await compare(first.name, first.natives);
    console.log(`[again, alone: ${repeat} of ${repeats}] ${describe(result)}`);
  }
  results[index] = result;
}
if (typeof trace !== 'string') trace.close();

if (values.test === undefined) {
  for (const name of Object.keys({ ...knownDifferences, ...racing })) {
    if (all.includes(name)) continue;
    console.error(`conformance: ${name} is listed in differences.ts, and no test`);
    process.exitCode = 1;
  }
  write(results);
} else {
  for (const { native, wasm } of results) {
    for (const [title, run] of Object.entries({ natively: native, 'in wasm': wasm })) {
      console.log(`--- ${title}: ${run.verdict}; ${describeCounts(run.counts)}\n${run.stdout}${run.stderr}`);
    }
  }
}
const count = (status: Result['status']): number => results.filter((result) => result.status === status).length;
const counts = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
const failed = results.filter(differing);
if (values.test === undefined) {
  const failures = failed.map(({ name, reason }) => `FAILED conformance > ${name}: ${inOneLine(reason)}`);
  writeFileSync(join(build, 'conformance.json'), JSON.stringify({ ...counts, failures }));
}
for (const result of failed) console.log(describe(result));
console.log(`conformance: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.failed > 0) process.exitCode = 1;
