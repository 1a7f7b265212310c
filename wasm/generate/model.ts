/** What the C headers say, as the emitters and the tests read it. */

export interface Integer {
  kind: 'integer';
  bits: 8 | 16 | 32 | 64;
  signed: boolean;
  /** The type as the header spells it: `__u64`, `size_t`, `bool`. */
  c: string;
  /** `size` is a number in JavaScript; other 64-bit types are bigints where a number is not exact. */
  role: 'number' | 'boolean' | 'size';
}

export interface Pointer {
  kind: 'pointer';
  c: string;
  to: 'void' | 'string' | 'integer' | 'struct' | 'pointer';
  /** Name of the struct pointed to, for `struct` and `pointer` (to a pointer to it). */
  struct?: string;
  /** Bytes of one element; 1 for void. */
  elementSize: number;
}

export interface StructValue {
  kind: 'struct';
  c: string;
  struct: string;
}

export interface Void {
  kind: 'void';
  c: 'void';
}

export type CType = Integer | Pointer | StructValue | Void;

export interface Parameter {
  name: string;
  type: Exclude<CType, Void>;
  /** Of a pointer: whether the library or only the kernel follows it. See semantics.ts. */
  access?: 'strict' | 'window' | 'any';
  nullable?: boolean;
  /** Of a pointer: how many bytes are used behind it, in terms of the other parameters. */
  bytes?: string;
}

export interface CFunction {
  name: string;
  result: CType;
  parameters: Parameter[];
  /** Members of an SQE that its body assigns: first its own, then those of functions that it calls. */
  writes?: string[];
}

export interface Field {
  name: string;
  type: Exclude<CType, Void>;
  offset: number;
  /** Bytes of the whole member. */
  size: number;
  /** Elements of an array; 0 for a flexible one; absent otherwise. */
  length?: number;
  /** Of a bit-field: first bit within the integer at `offset`, and number of bits. */
  bitOffset?: number;
  bitWidth?: number;
}

export interface Struct {
  name: string;
  /** The type as C writes it: `struct io_uring_sqe`, `siginfo_t`. */
  c: string;
  union: boolean;
  size: number;
  align: number;
  fields: Field[];
}

export interface Constant {
  name: string;
  value: bigint;
  /** The enum it belongs to, or undefined for a macro. */
  enum?: string;
}

export interface Model {
  version: string;
  functions: CFunction[];
  structs: Struct[];
  /** Constants of liburing's own headers. */
  constants: Constant[];
  /** Constants of the Linux and C library headers that its arguments take. */
  linux: Constant[];
  errno: { name: string; value: number; text: string }[];
}
