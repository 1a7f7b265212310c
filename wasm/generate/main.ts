/**
 * Generates C and TypeScript from liburing's headers:
 * `node main.js SOURCE CONFIGURED OUT_C OUT_TS OUT_MODEL`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Compiler } from './clang.js';
import { emitConstants, emitErrno, emitSetupFlags } from './emit-constants.js';
import { emitDefault, emitFunctions } from './emit-functions.js';
import { emitOperations } from './emit-operations.js';
import { emitSignatures } from './emit-signatures.js';
import { emitStructs } from './emit-structs.js';
import { readManPages } from './man.js';
import type { Model } from './model.js';
import { readModel } from './read-headers.js';
import { emitReference } from './reference.js';
import { emitThunks } from './thunks.js';

const [source = '', configured = '', outC = '', outTs = '', outModel = ''] = process.argv.slice(2);
if (!outModel) throw new Error('usage: main.js SOURCE CONFIGURED OUT_C OUT_TS OUT_MODEL');

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const compiler = new Compiler(join(root, 'wasm/cc'), [join(configured, 'src/include'), join(source, 'src/include')]);
const model = readModel(compiler, source);
const pages = readManPages(join(source, 'man'));
const banner = `Generated from the headers of liburing ${model.version} by wasm/generate. Do not edit.`;

/** A generated file of a layer of src/. */
const generated = (layer: string, name: string): string => join(outTs, layer, 'generated', `${name}.ts`);

/** Names of raw exports, as a linker response file. */
const exportList = (of: Model): string => of.functions.map(({ name }) => `-Wl,--export=${name}\n`).join('');

const outputs: Record<string, string> = {
  [join(outC, 'thunks.c')]: emitThunks(model, banner),
  [join(outC, 'reference.c')]: emitReference(model, banner),
  [join(outC, 'exports.rsp')]: exportList(model),
  [generated('constants', 'uring')]: emitConstants(model.constants, banner),
  [generated('constants', 'linux')]: emitConstants(model.linux, banner),
  [generated('constants', 'errno')]: emitErrno(model, banner),
  [generated('ring', 'setup-flags')]: emitSetupFlags(model.constants, banner),
  [generated('structs', 'structs')]: emitStructs(model, banner),
  [generated('liburing', 'functions')]: emitFunctions(model, pages, banner),
  [generated('host', 'exports')]: emitDefault(model, pages, banner),
  [generated('ring', 'operations')]: emitOperations(model, pages, banner),
  [generated('encoding', 'signatures')]: emitSignatures(model, banner),
  [outModel]: JSON.stringify(model, (_, value) => (typeof value === 'bigint' ? `${value}` : value), 1),
};
for (const [file, text] of Object.entries(outputs)) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
console.log(
  `liburing ${model.version}: ${model.functions.length} functions, ${model.structs.length} structs, ` +
    `${model.constants.length + model.linux.length} constants`,
);
