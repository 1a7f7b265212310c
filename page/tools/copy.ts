/** Copies a module of the package and all that it imports to where the page loads them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';

const [from = '', to = '', ...entries] = argv.slice(2);
const seen = new Set<string>();

function copy(file: string): void {
  if (seen.has(file)) return;
  seen.add(file);
  const source = readFileSync(join(from, file), 'utf8');
  mkdirSync(dirname(join(to, file)), { recursive: true });
  writeFileSync(join(to, file), source.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  for (const [, specifier = ''] of source.matchAll(/^(?:import|export) [^;]*?from '(\.[^']+)'/gm)) {
    copy(join(dirname(file), specifier));
  }
}

for (const entry of entries) copy(entry);
