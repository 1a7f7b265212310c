/** Asks the C compiler what is declared, what is defined, and which values constants have. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A node of clang's `-ast-dump=json`: the members that the generator reads. */
export interface AstNode {
  id: string;
  kind: string;
  name?: string;
  /** The file it is in. clang names each file once; `readAst` fills it in everywhere. */
  file?: string;
  tagUsed?: 'struct' | 'union' | 'enum';
  completeDefinition?: boolean;
  isBitfield?: boolean;
  isImplicit?: boolean;
  type?: { qualType: string; desugaredQualType?: string };
  /** The operator's name: `=`, `|=`. */
  opcode?: string;
  referencedDecl?: { kind: string; name?: string };
  decl?: { kind: string };
  ownedTagDecl?: { kind: string };
  inner?: AstNode[];
}

export class Compiler {
  readonly #command: string;
  readonly #flags: readonly string[];

  constructor(command: string, includes: readonly string[]) {
    this.#command = command;
    this.#flags = includes.map((directory) => `-I${directory}`);
  }

  #run(flags: readonly string[], source: string): { ok: boolean; stdout: string; stderr: string } {
    const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
    try {
      const file = join(directory, 'probe.c');
      writeFileSync(file, source);
      const result = spawnSync(this.#command, [...this.#flags, ...flags, file], {
        encoding: 'utf8',
        maxBuffer: 1 << 30,
      });
      if (result.error) throw result.error;
      return { ok: result.status === 0, stdout: result.stdout, stderr: result.stderr };
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  #mustRun(flags: readonly string[], source: string): string {
    const { ok, stdout, stderr } = this.#run(flags, source);
    if (!ok) throw new Error(`${this.#command} ${flags.join(' ')} failed:\n${stderr}`);
    return stdout;
  }

  /** The top-level declarations of a source text, each with the file it comes from. */
  ast(source: string): AstNode[] {
    const text = this.#mustRun(['-fsyntax-only', '-Xclang', '-ast-dump=json'], source);
    const unit = JSON.parse(text) as { inner: AstNode[] };
    let file = '';
    const follow = (value: object): void => {
      if ('file' in value && 'offset' in value && typeof value.file === 'string') file = value.file;
      for (const [key, member] of Object.entries(value)) {
        if (key !== 'includedFrom' && typeof member === 'object' && member !== null) follow(member);
      }
    };
    for (const node of unit.inner) {
      const { inner = [], ...self } = node;
      follow(self);
      node.file = file;
      follow(inner);
    }
    return unit.inner;
  }

  /** Object-like macros with a body, in order, each with the file that defines it. */
  macros(source: string): { name: string; file: string }[] {
    const found = new Map<string, string>();
    let file = '';
    for (const line of this.#mustRun(['-E', '-dD'], source).split('\n')) {
      const marker = /^# \d+ "([^"]*)"/.exec(line);
      const define = /^#define (\w+) \S/.exec(line);
      if (marker) file = marker[1] ?? '';
      else if (define?.[1]) found.set(define[1], file);
    }
    return [...found].map(([name, from]) => ({ name, file: from }));
  }

  /**
   * Values of C constant expressions. An expression that is none (a macro that is a type, or a string) gives undefined.
   */
  values(prologue: string, expressions: readonly string[]): (bigint | undefined)[] {
    const wanted = new Map(expressions.map((expression, index) => [index, expression]));
    for (;;) {
      const lines = [...wanted].flatMap(([index, expression]) => [
        `const unsigned long long value_${index} = (unsigned long long) (${expression});`,
        `const int negative_${index} = (${expression}) < 0;`,
      ]);
      const header = prologue.split('\n').length;
      const { ok, stdout, stderr } = this.#run(
        ['-S', '-emit-llvm', '-o', '-', '-w', '-ferror-limit=0'],
        `${prologue}\n${lines.join('\n')}\n`,
      );
      if (ok) return expressions.map((_, index) => readConstant(stdout, index));
      const before = wanted.size;
      const keys = [...wanted.keys()];
      for (const error of stderr.matchAll(/probe\.c:(\d+):\d+: error:/g)) {
        const key = keys[Math.floor((Number(error[1]) - header - 1) / 2)];
        if (key !== undefined) wanted.delete(key);
      }
      if (wanted.size === before) throw new Error(`constants cannot be evaluated:\n${stderr}`);
    }
  }
}

function readConstant(ir: string, index: number): bigint | undefined {
  const bits = new RegExp(`^@value_${index} = .*constant i64 (-?\\d+)`, 'm').exec(ir)?.[1];
  const negative = new RegExp(`^@negative_${index} = .*constant i32 (\\d)`, 'm').exec(ir)?.[1];
  if (bits === undefined || negative === undefined) return undefined;
  return negative === '1' ? BigInt.asIntN(64, BigInt(bits)) : BigInt.asUintN(64, BigInt(bits));
}

/** Names of the symbols that a linker version script exports. */
export function exportedSymbols(mapFile: string): string[] {
  return [...readFileSync(mapFile, 'utf8').matchAll(/^\s+(\w+);/gm)].map((match) => match[1] ?? '');
}
