/** The structure of the host shim, computed from its objects: who calls whom, and who includes what. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cycles } from '../support/graph.js';
import { inRoot } from '../support/paths.js';

/** Files of one extension in a folder, without it. */
const files = (folder: string, extension: string): string[] =>
  readdirSync(inRoot(folder))
    .filter((name) => name.endsWith(extension))
    .map((name) => join(folder, name.slice(0, -extension.length)));

const units = [...files('host', '.c'), ...files('host/run', '.c')];

/** The symbols that an object defines for others, and those that it needs of them. */
function symbols(unit: string): { defined: string[]; needed: string[] } {
  const lines = execFileSync('nm', [inRoot(`build/${unit}.o`)], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const ofKind = (kinds: RegExp): string[] =>
    lines
      .map((line) => line.trim().split(/\s+/).slice(-2))
      .flatMap(([kind = '', name = '']) => (kinds.test(kind) ? [name] : []));
  return { defined: ofKind(/^[TDBRCVW]$/), needed: ofKind(/^U$/) };
}

const table = new Map(units.map((unit) => [unit, symbols(unit)]));

/** The units that define what each unit needs. */
const calls = new Map(
  units.map((unit) => {
    const needed: readonly string[] = table.get(unit)?.needed ?? [];
    return [
      unit,
      units.filter(
        (other) => other !== unit && table.get(other)?.defined.some((name) => needed.includes(name)) === true,
      ),
    ];
  }),
);

/** The units whose headers each unit includes. */
const includes = new Map(
  [...new Set([...units, ...files('host', '.h'), ...files('host/run', '.h')])].map((unit) => {
    const texts = ['.c', '.h'].flatMap((extension) => {
      try {
        return [readFileSync(inRoot(unit + extension), 'utf8')];
      } catch {
        return [];
      }
    });
    const named = texts.flatMap((text) => [...text.matchAll(/^#include "(.*)\.h"/gm)].map(([, path]) => path ?? ''));
    const targets = named.map((path) => normalize(join(dirname(unit), path))).filter((path) => path.startsWith('host'));
    return [unit, targets.filter((target) => target !== unit)];
  }),
);

describe('no two files of the shim need each other', () => {
  it('in what they call', () => {
    expect(units.length).toBeGreaterThan(12);
    expect(calls.get('host/host')).toContain('host/window');
    expect(calls.get('host/run/syscall')).toContain('host/run/thread');
    expect(cycles(calls)).toEqual([]);
  });

  it('in what they include', () => {
    expect(includes.get('host/ring')).toContain('host/pages');
    expect(cycles(includes)).toEqual([]);
  });

  it('as a circle would be found', () => {
    expect(cycles(new Map([...calls, ['host/window', ['host/host']]]))).toEqual([
      expect.arrayContaining(['host/host']),
    ]);
  });
});

it('a name is defined once in what is linked together', () => {
  for (const linked of [units, files('host', '.c')]) {
    const names = linked.flatMap((unit) => table.get(unit)?.defined ?? []);
    // both addons have Node-API's entry points
    const twice = names.filter((name, index) => names.indexOf(name) !== index && !name.startsWith('napi_'));
    expect(twice.map((name) => basename(name)).filter((name) => !/^node_api_module/.test(name))).toEqual([]);
  }
});

it('the window knows nothing of rings', () => {
  expect(calls.get('host/window')).toEqual([]);
  expect(calls.get('host/ring')).toEqual(['host/mirror']);
});
