/** A copy of the built package, with a shim that is compiled with other flags. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Run, type RunOptions, root, runScript } from './subprocess.js';

/** The build's own flags for the shim; their paths start at the root. */
export const hostFlags: readonly string[] = execFileSync('make', ['host-flags'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split(' ');

export interface PackageCopy {
  /** The path of the copy's shim. */
  readonly file: string;
  /** Compiles the shim with extra flags, and with extra C. */
  build(extra: readonly string[], source?: string): void;
  /** Runs a script against the copy. */
  run(source: string, options?: RunOptions): Run;
  clean(): void;
}

export function copyPackage(): PackageCopy {
  const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  const file = join(directory, 'dist/host.node');
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'));
  return {
    file,
    build(extra, source) {
      const sources = readdirSync(join(root, 'host'))
        .filter((name) => name.endsWith('.c'))
        .map((name) => join(root, 'host', name));
      if (source !== undefined) {
        sources.push(join(directory, 'extra.c'));
        writeFileSync(join(directory, 'extra.c'), source);
      }
      execFileSync('gcc', [...hostFlags, '-O1', '-shared', ...extra, ...sources, '-o', file], {
        cwd: root,
        stdio: 'pipe',
      });
    },
    run(source, options) {
      const built = source.replaceAll(/'liburing-wasm(?:\/(\w+))?'/g, (_, entry = 'index') =>
        JSON.stringify(join(directory, `dist/${entry}.js`)),
      );
      return runScript(built, options);
    },
    clean: () => rmSync(directory, { recursive: true }),
  };
}
