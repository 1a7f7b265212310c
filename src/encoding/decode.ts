/** SQEs from bytes to members. */
import { outOfRange } from '../checks/errors.js';
import { IOSQE_BUFFER_SELECT } from '../constants/generated/uring.js';
import type { Field } from '../memory/struct.js';
import { io_uring_sqe } from '../structs/generated/structs.js';
import { flagNames } from './flag-names.js';
import { opcodes, type SqeUse } from './generated/opcodes.js';

/** A member of an SQE, and its value. */
export interface DecodedField {
  /** Its name in C. Of members that overlap, the one that the operation uses. */
  readonly name: string;
  /** Its type in C. */
  readonly c: string;
  readonly offset: number;
  readonly size: number;
  readonly value: number | bigint;
  /** The arguments of prep functions that are stored here, such as `buf`. */
  readonly parameters: readonly string[];
  /** The value in the names of C's constants, such as `IOSQE_IO_LINK|IOSQE_ASYNC`, if it has any. */
  readonly names?: string;
}

/** A decoded SQE. */
export interface DecodedSqe {
  readonly opcode: number;
  /** The operation, such as `IORING_OP_READ`; undefined for a number that the headers do not know. */
  readonly name: string | undefined;
  /** The functions that prepare this operation, or its command if it is one. */
  readonly functions: readonly string[];
  /** The members that the operation uses, in the order of their offsets. */
  readonly fields: readonly DecodedField[];
  /** Members that are not zero although none of these functions writes them: reserved, or set by hand. */
  readonly reserved: readonly DecodedField[];
  /** The second half of an SQE of 128 bytes: the command of IORING_OP_URING_CMD128. */
  readonly command?: Uint8Array;
}

/** Members that every operation can have. */
const common = ['opcode', 'flags', 'ioprio', 'fd', 'user_data', 'personality'];

const all = io_uring_sqe.fields.filter(({ size }) => size > 0);
const fieldNamed = (name: string): Field[] => all.filter((field) => field.name === name);
const CMD_OP = fieldNamed('cmd_op')[0]?.offset ?? 0;
type Place = Pick<Field, 'offset' | 'size'>;
const overlap = (a: Place, b: Place): boolean => a.offset < b.offset + b.size && b.offset < a.offset + a.size;

/**
 * Members of the header that cover the bytes which the given ones leave out; of overlapping ones, the first that fits.
 */
function remaining(used: readonly Place[]): Field[] {
  const taken: Place[] = [...used];
  return all.filter((field) => {
    const fits = !taken.some((other) => overlap(other, field));
    if (fits) taken.push(field);
    return fits;
  });
}

interface Layout {
  /** The functions that may have written it. */
  functions: readonly string[];
  fields: readonly Field[];
  /** Members for the other bytes, which should be zero. */
  reserved: readonly Field[];
  /** Names of arguments by member. */
  parameters: ReadonlyMap<string, readonly string[]>;
}

/** The functions that may have written an SQE. Where some belong to its command, only those. */
function usesOf(opcode: number, command: number): readonly SqeUse[] {
  const functions = opcodes.get(opcode)?.functions ?? [];
  const exact = functions.filter((use) => use.command === command);
  return exact.length > 0 ? exact : functions.filter((use) => use.command === undefined);
}

function layoutOf(opcode: number, command: number, selectsBuffer: boolean): Layout {
  const parameters = new Map<string, string[]>();
  const uses = usesOf(opcode, command);
  const functions = uses.map(({ name }) => name);
  for (const use of uses) {
    for (const [parameter, member] of use.parameters) {
      const known = parameters.get(member) ?? [];
      parameters.set(member, known.includes(parameter) ? known : [...known, parameter]);
    }
    for (const member of use.constants) parameters.set(member, parameters.get(member) ?? []);
  }
  // an operation that the headers do not name may use any member
  if (!opcodes.has(opcode)) return { functions, fields: remaining([]), reserved: [], parameters };
  const fields: Field[] = [];
  const group = selectsBuffer ? ['buf_group'] : [];
  for (const field of [...common, ...parameters.keys(), ...group].flatMap(fieldNamed)) {
    if (!fields.some((taken) => overlap(taken, field))) fields.push(field);
  }
  return { functions, fields: fields.sort((a, b) => a.offset - b.offset), reserved: remaining(fields), parameters };
}

const commands = new Set([...opcodes.values()].flatMap(({ functions }) => functions.map(({ command }) => command)));
const layouts = new Map<string, Layout>();

function layout(opcode: number, flags: number, command: number): Layout {
  const selection = flags & IOSQE_BUFFER_SELECT;
  const key = `${opcode} ${selection} ${commands.has(command) ? command : ''}`;
  let known = layouts.get(key);
  if (!known) {
    known = layoutOf(opcode, command, selection !== 0);
    layouts.set(key, known);
  }
  return known;
}

function read(view: DataView, { offset, size, signed }: Field): number | bigint {
  switch (size) {
    case 1:
      return signed ? view.getInt8(offset) : view.getUint8(offset);
    case 2:
      return signed ? view.getInt16(offset, true) : view.getUint16(offset, true);
    case 4:
      return signed ? view.getInt32(offset, true) : view.getUint32(offset, true);
    default:
      return signed ? view.getBigInt64(offset, true) : view.getBigUint64(offset, true);
  }
}

/**
 * Takes an SQE apart: the members that its operation uses, under the names that fit it, with flags spelled out, and
 * members that should be zero and are not. An operation uses the members that liburing's prep functions write for it.
 *
 * @param bytes - 64 bytes, or 128 of a ring with `IORING_SETUP_SQE128`.
 * @throws a RangeError with `code` `ERR_OUT_OF_RANGE` for another number of bytes, and nothing else.
 */
export function decode(bytes: Uint8Array): DecodedSqe {
  if (bytes.length !== 64 && bytes.length !== 128) {
    throw outOfRange(`an SQE has 64 or 128 bytes, not ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opcode = view.getUint8(0);
  const operation = opcodes.get(opcode);
  const command = view.getUint32(CMD_OP, true);
  const { functions, fields, reserved, parameters } = layout(opcode, view.getUint8(1), command);
  const decoded = (field: Field): DecodedField => {
    const value = read(view, field);
    const names =
      field.name === 'opcode'
        ? operation?.name
        : typeof value === 'number'
          ? flagNames(field.name, value, operation?.name ?? '')
          : undefined;
    const { name, c, offset, size } = field;
    return { name, c, offset, size, value, parameters: parameters.get(name) ?? [], ...(names && { names }) };
  };
  return {
    opcode,
    name: operation?.name,
    functions,
    fields: fields.map(decoded),
    reserved: reserved.map(decoded).filter(({ value }) => Number(value) !== 0),
    ...(bytes.length === 128 && { command: bytes.slice(64) }),
  };
}

/** A member that differs between two SQEs. */
export interface Difference {
  readonly name: string;
  readonly offset: number;
  readonly a: number | bigint | Uint8Array;
  readonly b: number | bigint | Uint8Array;
}

/**
 * The members in which two SQEs differ, by the names that the first one's operation has for them.
 *
 * @throws a RangeError for SQEs of different or wrong lengths.
 */
export function diff(a: Uint8Array, b: Uint8Array): Difference[] {
  if (a.length !== b.length) throw outOfRange(`SQEs of ${a.length} and ${b.length} bytes cannot be compared`);
  const { fields, command } = decode(a);
  const second = decode(b);
  const places = [...fields.map(({ name }) => fieldNamed(name)[0] as Field), ...remaining(fields)].sort(
    (x, y) => x.offset - y.offset,
  );
  const [viewA, viewB] = [a, b].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const differences: Difference[] = [];
  for (const field of places) {
    const [valueA, valueB] = [read(viewA as DataView, field), read(viewB as DataView, field)];
    if (valueA !== valueB) differences.push({ name: field.name, offset: field.offset, a: valueA, b: valueB });
  }
  // bytes of a member that is narrower than another which overlaps it
  for (let at = 0; at < 64; at++) {
    const covered = places.some(({ offset, size }) => at >= offset && at < offset + size);
    if (!covered && a[at] !== b[at]) {
      differences.push({ name: `byte ${at}`, offset: at, a: a[at] ?? 0, b: b[at] ?? 0 });
    }
  }
  if (command && second.command && command.some((byte, i) => byte !== second.command?.[i])) {
    differences.push({ name: 'cmd', offset: 64, a: command, b: second.command });
  }
  return differences;
}
