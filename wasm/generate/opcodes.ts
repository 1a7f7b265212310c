/**
 * Finds out which members of an SQE each operation uses: runs the prep functions of the finished module with distinct
 * arguments, and looks for the values in the SQE.
 * `node opcodes.js MODEL WASM OUT`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { CFunction, Field, Model, Parameter, Struct } from './model.js';

const [modelFile = '', wasmFile = '', out = ''] = process.argv.slice(2);
if (!out) throw new Error('usage: opcodes.js MODEL WASM OUT');

const model = JSON.parse(readFileSync(modelFile, 'utf8')) as Model;
const found = model.structs.find(({ name }) => name === 'io_uring_sqe');
if (!found) throw new Error('there is no struct io_uring_sqe');
const struct: Struct = found;

const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasmFile)), {
  env: { memory },
  host: { syscall: () => undefined },
});

const SQE = 0x20000;
const SIZE = struct.size;

/** Values whose bytes all differ from those of constants. */
const probes = [1n, 0x0102030405060708n, 0x5a5a5a5a5a5a5a5an, -1n];

/** C's conversion to a parameter's type, in the form that its wasm function takes. */
function convert(value: bigint, { type }: Parameter): number | bigint {
  if (type.kind !== 'integer' || type.bits === 64) return BigInt.asUintN(64, value);
  if (type.role === 'boolean') return Number(value & 1n);
  return Number(type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value));
}

/** The SQE that a prep function writes onto zeroes. */
function prepare(fn: CFunction, values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(memory.buffer, SQE, SIZE);
  bytes.fill(0);
  const list = fn.parameters.map((parameter, i) =>
    parameter.name === 'sqe' ? BigInt(SQE) : convert(values[i] ?? 0n, parameter),
  );
  (exports[fn.name] as (...list: (number | bigint)[]) => void)(...list);
  return bytes.slice();
}

/** Members that the function itself names come before those of functions that it calls. */
const writtenMembers = (fn: CFunction): Field[] =>
  (fn.writes ?? []).flatMap((name) => struct.fields.find((field) => field.name === name) ?? []);

const covers = (field: Field, byte: number): boolean => byte >= field.offset && byte < field.offset + field.size;

/** The member that has the given bytes. */
function memberOf(fn: CFunction, changed: readonly number[]): string | undefined {
  return writtenMembers(fn).find((field) => changed.every((byte) => covers(field, byte)))?.name;
}

interface Use {
  name: string;
  opcode: number;
  /** The member that each argument goes to. */
  parameters: [parameter: string, member: string][];
  /** Members whose value is no argument, such as the 1 in a recvmsg's len. */
  constants: string[];
  /** The command of a function that prepares one command only. */
  command?: number;
}

function use(fn: CFunction): Use {
  const zero = fn.parameters.map(() => 0n);
  const base = prepare(fn, zero);
  const parameters: Use['parameters'] = [];
  fn.parameters.forEach((parameter, i) => {
    if (parameter.name === 'sqe') return;
    const changed = new Set<number>();
    for (const probe of probes) {
      const bytes = prepare(fn, zero.with(i, probe));
      bytes.forEach((byte, at) => {
        if (byte !== base[at]) changed.add(at);
      });
    }
    if (changed.size === 0) return; // some versions drop an argument, such as accept's file_index
    const member = memberOf(fn, [...changed]);
    if (!member) throw new Error(`${fn.name}: where ${parameter.name} goes is no member that the function writes`);
    parameters.push([parameter.name, member]);
  });
  const taken = new Set(parameters.map(([, member]) => member));
  const constants = new Set<string>();
  base.forEach((byte, at) => {
    if (byte === 0) return;
    const member = memberOf(fn, [at]);
    if (member && member !== 'opcode' && !taken.has(member)) constants.add(member);
  });
  const known = { name: fn.name, opcode: base[0] ?? 0, parameters, constants: [...constants] };
  const cmd = struct.fields.find(({ name }) => name === 'cmd_op');
  if (!cmd || !constants.has('cmd_op')) return known;
  return { ...known, command: new DataView(base.buffer).getUint32(cmd.offset, true) };
}

const names = new Map(
  model.constants
    .filter((constant) => constant.enum === 'io_uring_op')
    .map((constant) => [Number(constant.value), constant.name]),
);

const uses = model.functions
  // io_uring_prep_rw takes the opcode as an argument, so it prepares no particular operation
  .filter((fn) => fn.writes?.includes('opcode') && fn.result.kind === 'void' && fn.name !== 'io_uring_prep_rw')
  .map(use);
const byOpcode = [...names].map(([opcode, name]) => ({
  opcode,
  name,
  functions: uses.filter((each) => each.opcode === opcode),
}));

const rows = byOpcode
  .filter(({ name }) => name !== 'IORING_OP_LAST')
  .map(({ opcode, name, functions }) => {
    const list = functions.map(
      (each) =>
        `      { name: '${each.name}', parameters: ${JSON.stringify(each.parameters)}, constants: ${JSON.stringify(each.constants)}${each.command === undefined ? '' : `, command: ${each.command}`} },`,
    );
    return `  [${opcode}, { name: '${name}', functions: [\n${list.join('\n')}\n    ] }],`;
  });

writeFileSync(
  out,
  `// Generated from the module of liburing ${model.version} by wasm/generate. Do not edit.
/** What a prep function writes into an SQE beside its opcode. */
export interface SqeUse {
  /** The function. */
  readonly name: string;
  /** Each argument and the member it goes to. */
  readonly parameters: readonly (readonly [parameter: string, member: string])[];
  /** Members with a value that is no argument. */
  readonly constants: readonly string[];
  /** The \`cmd_op\` that it writes, if that is always the same: other members depend on it. */
  readonly command?: number;
}

/** An operation and the functions that prepare it. */
export interface OpcodeUse {
  /** Its name in \`enum io_uring_op\`. */
  readonly name: string;
  readonly functions: readonly SqeUse[];
}

/** Every operation of liburing's headers, by its opcode. */
export const opcodes: ReadonlyMap<number, OpcodeUse> = new Map<number, OpcodeUse>([
${rows.join('\n')}
]);
`,
);
