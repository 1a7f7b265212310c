/** JavaScript runtimes to measure in: the one that runs this, and others from npm. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Runtime {
  /** Name and version. */
  name: string;
  /** Program and the arguments before the script's. */
  command: [string, ...string[]];
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Fetches a runtime, unless it is there, and gives its program. */
function install(wanted: string, name: string): string {
  const { status } = spawnSync('scripts/install-runtimes', [wanted], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`${wanted} cannot be installed`);
  return `${root}build/runtimes/${wanted}/node_modules/.bin/${name}`;
}

/** The runtime of a name: `node`, which is the one that runs this, `node24`, `bun`, `deno` and so on. */
export function runtime(wanted: string): Runtime {
  const [, name] = /^(node(?=\d*$)|bun$|deno$)/.exec(wanted) ?? [];
  if (name === undefined) throw new Error(`RUNTIMES are node, node22 and so on, bun or deno, not ${wanted}`);
  const program = wanted === 'node' ? process.execPath : install(wanted, name);
  const output = execFileSync(program, ['--version'], { encoding: 'utf8' });
  const exact = /\d+\.\d+\.\d+/.exec(output)?.[0] ?? '';
  return {
    name: `${name} ${exact}`,
    command: name === 'deno' ? [program, 'run', '--allow-all'] : [program],
  };
}
