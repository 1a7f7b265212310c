/** The files that cases use, in a folder that is removed when the program ends. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Places } from './case.js';
import { FILE_BLOCKS, READ_SIZE } from './ts/harness.js';

/** Paths that need not exist, for lists of cases. */
export const placesIn = (folder: string): Places => ({
  file: join(folder, 'file'),
  copy: join(folder, 'copy'),
  tree: join(folder, 'tree'),
});

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'liburing-wasm-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  return folder;
}

/** Each block contains its number, so that programs can check what they read. */
function makeFile({ file }: Places): void {
  const fd = openSync(file, 'w');
  const block = new Uint32Array(READ_SIZE / 4);
  for (let number = 0; number < FILE_BLOCKS; number++) writeSync(fd, block.fill(number));
  fsyncSync(fd); // otherwise, the first rounds would run beside the write-back
  closeSync(fd);
  readFileSync(file); // reads the file into the page cache
}

const twoDigits = (number: number): string => String(number).padStart(2, '0');

/** Files of 1 KiB. */
function makeTree({ tree }: Places): void {
  const contents = new Uint32Array(256);
  for (let folder = 0; folder < 100; folder++) {
    mkdirSync(join(tree, twoDigits(folder)), { recursive: true });
    for (let file = 0; file < 100; file++) {
      writeFileSync(join(tree, twoDigits(folder), twoDigits(file)), contents.fill(folder * 100 + file));
    }
  }
}

const makers = { file: makeFile, tree: makeTree };

/** Makes the files that are needed. */
export function make(needs: ReadonlySet<keyof typeof makers>, places: Places): void {
  for (const need of needs) makers[need](places);
}
