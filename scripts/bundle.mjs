#!/usr/bin/env node
/**
 * Joins the compiled modules to the few files that are shipped: most of the time that an import takes goes
 * into finding, reading and linking files, by the dozen.
 * Usage: bundle.mjs FROM TO
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { argv } from 'node:process';
import { rolldown } from 'rolldown';

const [from = '', to = ''] = argv.slice(2).map((path) => resolve(path));

/**
 * What several files need is a file of its own, so that a struct is the same class to all of them. With
 * `export *`, as naming each of a thousand constants takes as long as reading them.
 */
const shared = {
  constants: ['generated/constants'],
  memory: ['errors', 'arguments', 'heap', 'memory', 'struct', 'finder', 'generated/errno'],
  structs: ['generated/structs'],
  library: ['library', 'macros', 'rings', 'sqe-size', 'generated/functions'],
  encoding: ['decode', 'encoder', 'flags', 'generated/opcodes', 'generated/signatures'],
};
/** What people import or run, each with all else that it needs. */
const entries = ['index', 'encode', 'linux', 'cli/main', 'run/main', 'run/runner', 'run/thread', 'run/spawner'];

const fileOf = new Map(Object.entries(shared).flatMap(([file, modules]) => modules.map((module) => [module, file])));
for (const entry of entries) fileOf.set(entry, entry);

/** Leaves the modules of other files to them. */
const divide = (/** @type {string} */ file) => ({
  name: 'divide',
  resolveId(/** @type {string} */ source, /** @type {string | undefined} */ importer) {
    if (importer === undefined || !source.startsWith('.')) return null;
    const module = relative(from, resolve(dirname(importer), source)).replace(/\.js$/, '');
    const other = fileOf.get(module);
    if (other === undefined || other === file) return null;
    const path = relative(dirname(file), `${other}.js`);
    return { id: path.startsWith('.') ? path : `./${path}`, external: true };
  },
});

/** The way back to the sources goes through the compiler's maps. */
const maps = {
  name: 'maps',
  load(/** @type {string} */ id) {
    if (!id.startsWith(from)) return null;
    const code = readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
    return { code, map: JSON.parse(readFileSync(`${id}.map`, 'utf8')) };
  },
};

/** A module that is all of a file's. */
const list = (/** @type {string} */ file, /** @type {readonly string[]} */ modules) => ({
  name: 'list',
  resolveId: (/** @type {string} */ source) => (source === `list:${file}` ? join(from, `list-${file}.js`) : null),
  load: (/** @type {string} */ id) =>
    id === join(from, `list-${file}.js`) ? modules.map((module) => `export * from './${module}.js';`).join('\n') : null,
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
    // they are shipped themselves
    sourcemapExcludeSources: true,
    comments: false,
  });
  await bundle.close();
}

for (const [file, modules] of Object.entries(shared)) await write(file, `list:${file}`, [list(file, modules)]);
for (const entry of entries) await write(entry, join(from, `${entry}.js`));
