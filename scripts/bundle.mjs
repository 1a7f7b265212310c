#!/usr/bin/env node
/**
 * Joins the compiled modules to the few files that are shipped: most of the time that an import takes goes into
 * finding, reading and linking files, by the dozen. What becomes a file follows from the folders:
 *
 * - a module at the top is an entry: people import it;
 * - a folder with a main.js is a program: those of its modules that no other imports are started by themselves, and
 *   those that another folder imports are files, too;
 * - any other folder is a layer: dist/LAYER/bundle.js has all of its modules, so that a struct is the same class to
 *   everybody;
 * - constants are numbers: each file has a copy of those that it needs.
 *
 * Usage: bundle.mjs FROM TO
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { argv } from 'node:process';
import { rolldown } from 'rolldown';

const [from = '', to = ''] = argv.slice(2).map((path) => resolve(path));

/** All modules, as paths without `.js`. */
const modules = readdirSync(from, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.js'))
  .map((path) => path.replace(/\.js$/, ''));
const folderOf = (/** @type {string} */ module) => (module.includes('/') ? module.slice(0, module.indexOf('/')) : '');

/** The modules that a module imports, at its top or later. */
function importsOf(/** @type {string} */ module) {
  const code = readFileSync(join(from, `${module}.js`), 'utf8');
  const sources = [...code.matchAll(/(?:\bfrom |\bimport\(|^import )'(\.[^']+)\.js'/gm)].map(
    ([, source]) => source ?? '',
  );
  return sources.map((source) => join(dirname(module), source));
}
const imported = new Set(modules.flatMap(importsOf));
const importedFromElsewhere = new Set(
  modules.flatMap((module) => importsOf(module).filter((target) => folderOf(target) !== folderOf(module))),
);

const programs = new Set(modules.filter((module) => module.endsWith('/main')).map(folderOf));
const entries = modules.filter(
  (module) =>
    folderOf(module) === '' ||
    (programs.has(folderOf(module)) && (!imported.has(module) || importedFromElsewhere.has(module))),
);
const layers = [...new Set(modules.map(folderOf))].filter(
  (folder) => folder !== '' && folder !== 'constants' && !programs.has(folder),
);

/** The file that has a module for others; undefined for one that each file has a copy of. */
function fileOf(/** @type {string} */ module) {
  if (entries.includes(module)) return module;
  return layers.includes(folderOf(module)) ? `${folderOf(module)}/bundle` : undefined;
}

/** Leaves the modules of other files to them. */
const divide = (/** @type {string} */ file) => ({
  name: 'divide',
  resolveId(/** @type {string} */ source, /** @type {string | undefined} */ importer) {
    if (importer === undefined || !source.startsWith('.')) return null;
    const other = fileOf(relative(from, resolve(dirname(importer), source)).replace(/\.js$/, ''));
    if (other === undefined || other === file) return null;
    const path = relative(dirname(file), `${other}.js`);
    return { id: path.startsWith('.') ? path : `./${path}`, external: true };
  },
});

/** Source maps lead through the compiler's maps to the sources. */
const maps = {
  name: 'maps',
  load(/** @type {string} */ id) {
    if (!id.startsWith(from)) return null;
    const code = readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
    return { code, map: JSON.parse(readFileSync(`${id}.map`, 'utf8')) };
  },
};

/** A module that exports all of a layer. */
const whole = (/** @type {string} */ layer) => ({
  name: 'whole',
  resolveId: (/** @type {string} */ source) => (source === `whole:${layer}` ? join(from, `whole-${layer}.js`) : null),
  load(/** @type {string} */ id) {
    if (id !== join(from, `whole-${layer}.js`)) return null;
    const own = modules.filter((module) => folderOf(module) === layer);
    return own.map((module) => `export * from './${module}.js';`).join('\n');
  },
});

async function write(/** @type {string} */ file, /** @type {string} */ input, /** @type {object[]} */ plugins = []) {
  const bundle = await rolldown({
    input: { [file]: input },
    platform: 'node',
    plugins: [...plugins, divide(file), maps],
    treeshake: { moduleSideEffects: (id) => entries.some((entry) => id === join(from, `${entry}.js`)) },
    onLog(_level, { message }) {
      throw new Error(message);
    },
  });
  await bundle.write({
    dir: to,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${join(dirname(file), '[name].js')}`,
    sourcemap: true,
    // the sources are shipped themselves
    sourcemapExcludeSources: true,
    comments: false,
  });
  await bundle.close();
}

for (const layer of layers) await write(`${layer}/bundle`, `whole:${layer}`, [whole(layer)]);
for (const entry of entries) await write(entry, join(from, `${entry}.js`));
