/** The built package with a shim that is compiled another way. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Run, type RunOptions, root, runScript } from './subprocess.js';

/** What the build itself compiles the shim with; paths in it begin at the root. */
export const hostFlags: readonly string[] = execFileSync('make', ['host-flags'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split(' ');

export interface PackageCopy {
  /** The shim of the copy. */
  readonly file: string;
  /** Compiles it with further flags, and further C if there is any. */
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
