/** The structure of src/, computed from what the compiler made of it: no circles, layers, small files. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cycles } from '../support/graph.js';
import { inRoot } from '../support/paths.js';

/** All modules of a folder, as paths without their extension. */
function modules(folder: string, extension: string): string[] {
  return readdirSync(inRoot(folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(extension))
    .map((path) => path.slice(0, -extension.length));
}

/** The modules that a module's text names: in imports, exports, and types such as `import('./x.js').X`. */
const named = (module: string, text: string): string[] =>
  [...text.matchAll(/(?:\bfrom |\bimport\(|^import )['"](\.[^'"]+)\.js['"]/gm)].map(([, path]) =>
    join(dirname(module), path ?? ''),
  );

function imports(folder: string, extension: string): Map<string, string[]> {
  const list = modules(folder, extension);
  return new Map(
    list.map((module) => {
      const text = readFileSync(inRoot(join(folder, module + extension)), 'utf8');
      return [module, named(module, text).filter((each) => list.includes(each))];
    }),
  );
}

const sources = imports('src', '.ts');
const layerOf = (module: string): string => (module.includes('/') ? module.slice(0, module.indexOf('/')) : module);
const isGenerated = (module: string): boolean => module.includes('/generated/');

describe('no two files need each other', () => {
  it.each([
    ['at run time', imports('build/js', '.js')],
    ['by the types that are declared', imports('dist', '.d.ts')],
    ['by any type', sources],
  ])('%s', (_, edges) => {
    expect(edges.size).toBeGreaterThan(80);
    expect([...edges.values()].flat().length).toBeGreaterThan(200);
    expect([...edges.keys()].filter(isGenerated).length).toBeGreaterThanOrEqual(8);
    expect(cycles(edges)).toEqual([]);
  });

  it('and no two layers do', () => {
    const layers = new Map<string, string[]>();
    for (const [module, targets] of sources) {
      const own = layerOf(module);
      const others = targets.map(layerOf).filter((layer) => layer !== own);
      layers.set(own, [...(layers.get(own) ?? []), ...others]);
    }
    expect(layers.get('ring')).toContain('liburing');
    expect(cycles(layers)).toEqual([]);
  });

  it('as a circle would be found', () => {
    const edges = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', ['a']],
      ['d', ['d']],
      ['e', ['a']],
    ]);
    expect(cycles(edges)).toEqual([['d'], ['a', 'b', 'c']]);
    expect(cycles(new Map([...sources, ['checks/errors', ['ring/ring']]])).flat()).toContain('checks/errors');
  });
});

it('a generated file uses at most one module that is written by hand', () => {
  for (const module of [...sources.keys()].filter(isGenerated)) {
    const byHand = (sources.get(module) ?? []).filter((target) => !isGenerated(target));
    expect(byHand.length, `${module}: ${byHand.join(', ')}`).toBeLessThanOrEqual(1);
  }
});

it('the engine of a ring knows nothing of its face', () => {
  const engine = [...sources.keys()].filter((module) => module.startsWith('ring/engine/'));
  expect(engine.length).toBeGreaterThan(5);
  const outside = engine.flatMap((module) => sources.get(module) ?? []).filter((target) => target.startsWith('ring/'));
  expect(new Set(outside.filter((target) => !target.startsWith('ring/engine/')))).toEqual(new Set(['ring/outcome']));
});

it('no file that is written by hand has more than 300 lines', () => {
  for (const module of [...sources.keys()].filter((each) => !isGenerated(each))) {
    const lines = readFileSync(inRoot(`src/${module}.ts`), 'utf8').split('\n').length - 1;
    expect(lines, module).toBeLessThanOrEqual(300);
  }
});

it('the six files of a request are those that docs/architecture.md names, each after the one before', () => {
  const text = readFileSync(inRoot('docs/architecture.md'), 'utf8');
  const path = text.slice(0, text.indexOf('These six files'));
  const files = [...path.matchAll(/^ src\/(\S+)\.ts/gm)].map(([, module]) => module ?? '');
  expect(files).toHaveLength(6);
  for (const file of files) expect([...sources.keys()]).toContain(file);
});
