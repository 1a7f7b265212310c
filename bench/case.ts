/** A case of the bench: a reference, usually in C, and programs that do the same work in another way. */

/**
 * `C` is the C program. `ours` uses liburing-wasm. `other` uses node:fs, node:net and so on; the table says how many
 * times as fast ours are.
 */
export type Role = 'C' | 'ours' | 'other';

/** A program in a language: `build/bench/c/NAME`, or `build/bench/ts/NAME.js` in a runtime. */
export interface Program {
  readonly language: 'c' | 'js';
  readonly name: string;
  readonly args: readonly string[];
}

/** A program that a case compares. */
export interface Side extends Program {
  readonly label: string;
  readonly role: Role;
  /**
   * How it is measured. `prints`: it measures for the milliseconds of its first argument, and prints the value.
   * `started`: it is started repeatedly, and timed from outside. `serves`: it serves on the port of its first
   * argument, and {@link client} prints the value.
   */
  readonly measured: 'prints' | 'started' | 'serves';
  /** Its first arguments are the milliseconds, the port and the server's process id. */
  readonly client?: Program;
  readonly env?: Readonly<Record<string, string>>;
  /** The only runtime that can run it: bun or deno. */
  readonly only?: string;
  /** Whether it starts with the flags that a garbage collection on demand needs. */
  readonly collects?: true;
}

/** The unit of a case's values, and how they compare with the reference's: how fast, how large, or how much more. */
export type Unit = 'ns/op' | 'ms' | 'bytes';
export type Comparison = 'speed' | 'size' | 'difference';

export interface Case {
  /** Begins with its kind and a slash. `--what` selects by it. It is stable across versions. */
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly comparison: Comparison;
  /** The first is the reference. */
  readonly sides: readonly [Side, ...Side[]];
  /** The files that it needs. */
  readonly needs?: 'file' | 'tree';
}

/** Where the files are. */
export interface Places {
  /** 64 MiB, of blocks of 4 KiB that begin with their number as 32 bits. */
  readonly file: string;
  /** For copies. */
  readonly copy: string;
  /** A hundred folders, `00` to `99`, of a hundred files, of which each begins with its number as 32 bits. */
  readonly tree: string;
}

/** A kind of cases, one a file in cases/. */
export interface Kind {
  readonly name: string;
  /** One line, for the list. */
  readonly summary: string;
  cases(places: Places): Case[];
}

const side = (label: string, role: Role, language: 'c' | 'js', name: string, args: readonly string[]): Side => ({
  label,
  role,
  language,
  name,
  args,
  measured: 'prints',
});

export const inC = (label: string, name: string, ...args: string[]): Side => side(label, 'C', 'c', name, args);
export const ours = (label: string, name: string, ...args: string[]): Side => side(label, 'ours', 'js', name, args);
export const other = (label: string, name: string, ...args: string[]): Side => side(label, 'other', 'js', name, args);

const THREADS = 'UV_THREADPOOL_SIZE';

/** node:fs in its three ways; the program takes `sync`, `callback` or `promise` as an argument. */
export function nodeFs(what: string, method: string, name: string, ...args: string[]): Side[] {
  return [
    other(`fs.${what}Sync`, name, 'sync', ...args),
    ...['4', '16'].map((threads) => ({
      ...other(`fs.${what}, ${threads} threads`, name, 'callback', ...args),
      env: { [THREADS]: threads },
    })),
    other(method, name, 'promise', ...args),
  ];
}
