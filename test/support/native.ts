/** Asks the native C compiler, with glibc's headers and those of the native build. This is the reference for wasm. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { headers } from '../../wasm/generate/semantics.js';
import { inRoot } from './paths.js';

/** The generator's headers, and others in which glibc declares the same things. */
export const prologue: string = [...headers, 'linux/filter.h', 'signal.h', 'stdio.h', 'string.h']
  .map((header) => `#include <${header}>`)
  .join('\n');

const flags = ['-D_GNU_SOURCE', `-I${inRoot('build/native/src/include')}`, `-I${inRoot('build/liburing/src/include')}`];

interface Compilation {
  ok: boolean;
  stdout: string;
  /** The compiler's messages of level `error`. */
  errors: string[];
}

function compile(directory: string, source: string, more: readonly string[]): Compilation {
  const file = join(directory, 'test.c');
  writeFileSync(file, source);
  const { error, status, stdout, stderr } = spawnSync(process.env.CC ?? 'gcc', [...flags, ...more, file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error) throw error;
  return { ok: status === 0, stdout, errors: stderr.split('\n').filter((line) => line.includes(' error: ')) };
}

function inTemporaryDirectory<T>(work: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Whether a source compiles, and the compiler's messages. */
export function check(source: string, ...more: string[]): Compilation {
  return inTemporaryDirectory((directory) => compile(directory, source, ['-fsyntax-only', ...more]));
}

/** Preprocesses a source, and keeps macro definitions. */
export function preprocess(source: string): string {
  return inTemporaryDirectory((directory) => compile(directory, source, ['-w', '-E', '-dD']).stdout);
}

/** Runs a program, and returns its output in lines of words. */
export function run(source: string, ...more: string[]): string[][] {
  return inTemporaryDirectory((directory) => {
    const program = join(directory, 'test');
    const { ok, errors } = compile(directory, source, ['-w', '-o', program, ...more]);
    if (!ok) throw new Error(`a C program of the test does not compile:\n${errors.slice(0, 20).join('\n')}`);
    const { error, status, signal, stdout } = spawnSync(program, { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (error) throw error;
    if (status !== 0) throw new Error(`a C program of the test ended with ${signal ?? status}`);
    const lines = stdout.split('\n').slice(0, -1);
    return lines.map((line) => line.split(' '));
  });
}
