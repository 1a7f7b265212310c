/** The text of README.md: what is ported of liburing's tests, and which test calls which function. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { knownDifferences } from '../conformance/differences.js';
import { model } from '../support/model.js';
import { inRoot } from '../support/paths.js';

const here = 'test/liburing';
const read = (path: string): string => readFileSync(inRoot(path), 'utf8');

/** liburing's tests, as its makefile lists them. */
export function upstreamTests(): string[] {
  const makefile = read('build/liburing/test/Makefile');
  const names = [...makefile.matchAll(/^\t(\w[\w-]*\.cc?) \\$|^\s*test_srcs \+= (\S+)$/gm)];
  return [...new Set(names.map(([, listed, added]) => listed ?? added ?? ''))].sort();
}

/** What a C test needs that makes it hard to port, by patterns in its source. */
const needs: readonly (readonly [RegExp, string])[] = [
  [/\bv?fork\(|\bexecv|\bsystem\(/, 'processes of its own'],
  [/\bsigaction\(|\bsignal\(|\balarm\(|\bsignalfd\(/, 'signals'],
  [/\bpthread_create\(/, 'threads'],
  [/"\/dev\/(nvme|ng|ublk)|T_EXIT_SKIP[^;]*;\s*\}?\s*fname = argv\[1\]/, 'a device'],
  [/\bif_nametoindex\(|\bzcrx_ifq/, 'a network card'],
  [/\/proc\/(self|thread-self)\/(fdinfo|task)|"\/proc\/kallsyms/, 'files of /proc'],
  [/MAP_HUGETLB/, 'huge pages'],
  [/MAP_FIXED/, 'fixed addresses'],
  [/\bunshare\(/, 'namespaces'],
  [/bpf_object|skel\.h/, 'BPF programs'],
];

/** Why a test is not ported. It runs unmodified nevertheless. */
function whyNot(name: string): string {
  const stem = name.replace(/\.cc?$/, '');
  if (name.startsWith('xfail')) return "it is about a wrong use of C's stack";
  const difference = knownDifferences[stem];
  if (difference) return difference.cause;
  const source = read(`build/liburing/test/${name}`);
  const what = needs.flatMap(([pattern, need]) => (pattern.test(source) ? [need] : []));
  if (what.length > 0) return `needs ${what.join(', ')}`;
  const called = new Set(source.match(/\w+/g));
  const functions = model.functions.filter((fn) => called.has(fn.name)).length;
  if (functions === 0) return 'makes system calls itself, and calls none of the functions';
  return `adds no function: its ${functions} are called by tests here`;
}

const portOf = (name: string): string => `${name.replace(/\.cc?$/, '')}.test.ts`;

/** The sentences of a port's header that tell where it differs. */
function differences(port: string): string {
  const header = /^\/\*\*([\s\S]*?)\*\//.exec(read(`${here}/${port}`))?.[1] ?? '';
  const text = header
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
  const sentences = text.split(/(?<=\.) (?=[A-Z0-9])/);
  return sentences
    .filter((sentence) => /\b[Ww]ithout\b|instead of C|\bC('s)? .*; (here|the port)|C compares/.test(sentence))
    .join(' ');
}

function portsTable(): string[] {
  return upstreamTests().map((name) => {
    const port = portOf(name);
    if (existsSync(inRoot(`${here}/${port}`))) return `| ${name} | [${port}](${port}) | ${differences(port)} |`;
    return `| ${name} | run unmodified only | ${whyNot(name)} |`;
  });
}

/** Names in a test's code, without what it imports and says. */
function namesIn(path: string): Set<string> {
  const code = read(path)
    .replace(/^import [\s\S]*?;$/gm, '')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'(?:\\.|[^'\\\n])*'/gm, '');
  return new Set(code.match(/\w+/g));
}

/** The test files, and the functions that each names. */
function testFiles(): Map<string, Set<string>> {
  const files = [here, `${here}/functions`].flatMap((folder) =>
    readdirSync(inRoot(folder))
      .filter((name) => name.endsWith('.test.ts') && name !== 'readme.test.ts')
      .map((name) => `${folder}/${name}`),
  );
  return new Map(files.sort().map((path) => [path.slice(here.length + 1).replace('.test.ts', ''), namesIn(path)]));
}

/** For each public function the tests that call it. */
export function callers(): Map<string, string[]> {
  const files = [...testFiles()];
  return new Map(
    model.functions.map(({ name }) => [name, files.flatMap(([file, names]) => (names.has(name) ? [file] : []))]),
  );
}

const MANY = 6;

function functionsTable(): string[] {
  return [...callers()].map(([name, tests]) => {
    const shown = tests.slice(0, MANY).join(', ');
    const more = tests.length > MANY ? ` and ${tests.length - MANY} more` : '';
    return `| ${name} | ${shown}${more} |`;
  });
}

export function readme(): string {
  const upstream = upstreamTests();
  const ported = upstream.filter((name) => existsSync(inRoot(`${here}/${portOf(name)}`)));
  return `<!-- made by readme.ts: make liburing-readme -->
# liburing's tests in TypeScript

\`NAME.test.ts\` is the port of liburing's \`test/NAME.c\`: the same functions, the same order, the same
assertions, on the C interface, so that both can be read side by side. A case of C is an \`it\` with its
name; what C checks and prints is an \`expect\`. Where C accepts more than it should, the port is stricter
and says so.

- \`support/\` has what C takes from \`test/helpers.c\` and from the C library. Node lacks most of the latter:
  \`syscall.c\` makes the system calls, so that io_uring is not tested with io_uring.
- A port skips only where the C test, built and run on the same kernel, skips: \`support/skip.ts\` checks that.
- After each test \`support/clean.ts\` looks for descriptors, processes and files that it left.
- \`functions/\` has tests of functions that no C test calls, or none that is ported.
- A test that has no port is compiled to wasm and run as it is, beside its native build: \`make conformance\`.
- \`make mutate\` breaks the bindings, one argument of a prep function at a time: 0 takes its place, or it
  changes places with the next one. It reports the mutants that no test notices. \`test/mutate/survivors.ts\`
  lists those that no test can notice, with the reason.

## The ports: ${ported.length} of ${upstream.length}

| liburing's test | port | what differs, or stands in the way |
| --- | --- | --- |
${portsTable().join('\n')}

## Functions, and the tests that call them

| function | tests |
| --- | --- |
${functionsTable().join('\n')}
`;
}
