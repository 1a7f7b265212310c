/** Pieces of TypeScript that know which names they need, so that a generated file imports just those. */

/** An expression, or a type. */
export interface Expression {
  readonly code: string;
  /** Names from ring/operation-runtime.ts. */
  readonly runtime: readonly string[];
  /** Types from ring/operation-runtime.ts. */
  readonly types: readonly string[];
  /** Struct classes: as values, and as types alone. */
  readonly structs: readonly string[];
  readonly structTypes: readonly string[];
  /** Constants of liburing's headers, and of Linux's. */
  readonly uring: readonly string[];
  readonly linux: readonly string[];
  /** Whether it uses the request's scratch memory. */
  readonly usesScratch: boolean;
  /** Whether it is a constant, which can be the default value of a parameter: it cannot throw. */
  readonly isConstant: boolean;
}

const empty: Expression = {
  code: '',
  runtime: [],
  types: [],
  structs: [],
  structTypes: [],
  uring: [],
  linux: [],
  usesScratch: false,
  isConstant: false,
};

const unique = (lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())].sort();

/** An expression that needs what its parts need. */
export const compose = (code: string, ...parts: readonly Expression[]): Expression => ({
  code,
  runtime: unique(parts.map((part) => part.runtime)),
  types: unique(parts.map((part) => part.types)),
  structs: unique(parts.map((part) => part.structs)),
  structTypes: unique(parts.map((part) => part.structTypes)),
  uring: unique(parts.map((part) => part.uring)),
  linux: unique(parts.map((part) => part.linux)),
  usesScratch: parts.some((part) => part.usesScratch),
  isConstant: false,
});

/** A parameter, or other code that needs nothing. */
export const plain = (code: string): Expression => ({ ...empty, code });
/** A number. */
export const literal = (code: string): Expression => ({ ...empty, code, isConstant: true });
export const uringConstant = (name: string): Expression => ({ ...empty, code: name, uring: [name], isConstant: true });
export const linuxConstant = (name: string): Expression => ({ ...empty, code: name, linux: [name], isConstant: true });
/** A struct's class, as a value. */
export const structClass = (name: string): Expression => ({ ...empty, code: name, structs: [name] });
/** The ring's engine. */
export const engine = plain('to.engine');

/** A call of a function of the runtime module. */
export const call = (name: string, ...list: readonly Expression[]): Expression =>
  compose(`${name}(${list.map(({ code }) => code).join(', ')})`, { ...empty, runtime: [name] }, ...list);

/** A call of a method of the request's scratch memory. */
export const scratch = (method: string, ...list: readonly Expression[]): Expression =>
  compose(`scratch.${method}(${list.map(({ code }) => code).join(', ')})`, { ...empty, usesScratch: true }, ...list);

/** The name of an argument, for error messages. */
export const label = (name: string): Expression => plain(`'${name}'`);

/** A type that TypeScript has. */
export const builtIn = plain;
/** A type of the runtime module. */
export const runtimeType = (name: string): Expression => ({ ...empty, code: name, types: [name] });
/** The type of a struct. */
export const structType = (name: string): Expression => ({ ...empty, code: name, structTypes: [name] });
/** A union of types. */
export const union = (...list: readonly Expression[]): Expression =>
  compose(list.map(({ code }) => code).join(' | '), ...list);
