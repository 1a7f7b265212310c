import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { exit, print, printJson, UsageError } from './command.js';
import type { Probe } from './probe-kernel.js';
import { table } from './table.js';

export const summary = 'what the kernel and this process can do';

export const help = `usage: liburing-wasm probe [--json]

Tries io_uring out: setup flags, each with a small ring; features and operations, as the kernel
lists them; the addresses of the window; how large a ring can be.

  --json   as JSON

Exit code: 0 if io_uring works, 1 if not, with the reason.`;

const yes = (value: boolean): string => (value ? 'yes' : 'no');

function show({ kernel, works, reason, setupFlags, features, opcodes, window, limits }: Probe): string {
  const rows = [
    ['kernel', kernel],
    ['io_uring', works ? 'works' : `does not work: ${reason}`],
  ];
  if (window) {
    rows.push(['window', `0x${window.start.toString(16)} to 0x${window.end.toString(16)}, ${window.size >> 20} MiB`]);
  }
  if (limits.maxEntries !== undefined) rows.push(['largest ring', `${limits.maxEntries} entries`]);
  if (limits.memlock) rows.push(['locked memory', `${limits.memlock.soft}, at most ${limits.memlock.hard} (bytes)`]);
  const sections = [table(rows)];
  const section = (title: string, list: string[][]): void => {
    if (list.length > 0) sections.push(`${title}\n${table(list, '  ')}`);
  };
  section(
    'setup flags',
    setupFlags.map(({ name, supported, error, tried }) => [
      name,
      yes(supported),
      [error, tried && `tried with ${tried.join(', ')}`].filter(Boolean).join('; '),
    ]),
  );
  section(
    'features',
    features.map(({ name, supported }) => [name, yes(supported)]),
  );
  section(
    'operations',
    opcodes.map(({ opcode, name, supported }) => [name, yes(supported), String(opcode)]),
  );
  return sections.join('\n\n');
}

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { json: { type: 'boolean' } } });
  if (positionals.length > 0) throw new UsageError(`probe takes no arguments, and ${positionals[0]} is one`);
  // imported here, as it opens a window
  const { probeKernel } = await import('./probe-kernel.js');
  const result = probeKernel(release());
  if (values.json) printJson(result);
  else print(show(result));
  return result.works ? exit.ok : exit.differs;
}
