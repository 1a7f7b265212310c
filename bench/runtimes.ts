/** JavaScript runtimes to measure in: the one that runs this, and others from npm. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Runtime {
  readonly kind: 'node' | 'bun' | 'deno';
  /** Name and version. */
  readonly name: string;
  /** Program and the arguments before the script's. */
  readonly command: readonly [string, ...string[]];
  /** More of them, so that a script can collect garbage. */
  readonly collects: readonly string[];
}

/** The runtimes that `all` stands for. */
const all = ['node', 'node24', 'node26', 'bun', 'deno'];

const root = fileURLToPath(new URL('../..', import.meta.url));

const flags = {
  node: { command: [], collects: ['--expose-gc'] },
  bun: { command: [], collects: [] },
  deno: { command: ['run', '--allow-all'], collects: ['--v8-flags=--expose-gc'] },
};

/** Installs a runtime unless it is there, and returns its program. */
function install(wanted: string, kind: string): string {
  const { status, stderr } = spawnSync('scripts/install-runtimes', [wanted], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${wanted} is not installed, and cannot be from npm: ${stderr.trim()}`);
  return `${root}build/runtimes/${wanted}/node_modules/.bin/${kind}`;
}

function runtime(wanted: string): Runtime {
  const [, name] = /^(node(?=\d*$)|bun$|deno$)/.exec(wanted) ?? [];
  if (name === undefined) throw new Error(`RUNTIMES are node, node22 and so on, bun, deno or all, not ${wanted}`);
  const kind = name as Runtime['kind'];
  const program = wanted === 'node' ? process.execPath : install(wanted, kind);
  const exact = /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? '';
  const { command, collects } = flags[kind];
  return { kind, name: `${kind} ${exact}`, command: [program, ...command], collects };
}

/** The runtimes of a list of names: `node` (the one that runs this), `node24`, `bun`, `deno`, `all`. */
export function runtimes(names: readonly string[]): Runtime[] {
  return names.flatMap((name) => (name === 'all' ? all : [name])).map(runtime);
}
