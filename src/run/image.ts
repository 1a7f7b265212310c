/**
 * Takes a program's module apart. Its memory becomes an import, because threads share one. Its data becomes the
 * runner's to write, because each thread instantiates the module and must not write the data again.
 */

/** Bytes at an address. */
export interface Segment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A program, ready to be instantiated with `{ env: { memory } }`. */
export interface Image {
  readonly module: WebAssembly.Module;
  readonly segments: readonly Segment[];
  /** The first address after all data, zeroed data included. */
  readonly end: number;
}

/** The pages of 64 KiB that the memory of a program has: 4 GiB. */
export const MEMORY_PAGES = 65536;

const WASM_PAGE = 65536;
const SECTION = { custom: 0, import: 2, memory: 5, data: 11, dataCount: 12 } as const;
const SHARED_WITH_MAXIMUM = 3;
const OPCODE = { i32Const: 0x41, i64Const: 0x42, end: 0x0b } as const;

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new Error('the module ends within a section');
    return byte;
  }

  /** A LEB128 integer of at most 53 bits. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  /** An address: a constant of 32 bits, which the format stores as signed. */
  address(): number {
    const opcode = this.byte();
    if (opcode !== OPCODE.i32Const && opcode !== OPCODE.i64Const) throw new Error('a data segment has no fixed place');
    const value = this.number() % 2 ** 32;
    if (this.byte() !== OPCODE.end) throw new Error('a data segment has no fixed place');
    return value;
  }

  bytes(length: number): Uint8Array {
    this.at += length;
    if (this.at > this.#bytes.length) throw new Error('the module ends within a section');
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

function encode(value: number): number[] {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) | (rest > 0 ? 128 : 0));
    value = rest;
  } while (value > 0);
  return bytes;
}

const name = (text: string): number[] => [...encode(text.length), ...Buffer.from(text)];

/** `import env.memory`, shared, with all pages. It precedes the other imports, so that it is memory 0. */
const memoryImport = [
  ...name('env'),
  ...name('memory'),
  2,
  SHARED_WITH_MAXIMUM,
  ...encode(MEMORY_PAGES),
  ...encode(MEMORY_PAGES),
];

function readSegments(section: Uint8Array): Segment[] {
  const reader = new Reader(section);
  return Array.from({ length: reader.number() }, () => {
    if (reader.number() !== 0) throw new Error('the module was not linked by uring-cc: it has passive data');
    const address = reader.address();
    return { address, bytes: reader.bytes(reader.number()) };
  });
}

/** Takes `file` apart. Throws an `Error` for a file that is no program of uring-cc. */
export function readImage(file: Uint8Array): Image {
  const parts: Uint8Array[] = [file.subarray(0, 8)];
  const add = (id: number, ...content: (Uint8Array | number[])[]): void => {
    const length = content.reduce((sum, part) => sum + part.length, 0);
    parts.push(Uint8Array.from([id, ...encode(length)]), ...content.map((part) => Uint8Array.from(part)));
  };
  const reader = new Reader(file);
  reader.at = 8;
  let segments: Segment[] = [];
  let end = 0;
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.bytes(reader.number());
    const content = new Reader(section);
    if (id === SECTION.import) {
      const count = content.number();
      add(id, encode(count + 1), memoryImport, section.subarray(content.at));
    } else if (id === SECTION.memory) {
      content.number();
      content.number();
      end = content.number() * WASM_PAGE;
    } else if (id === SECTION.data) {
      segments = readSegments(section);
    } else if (id !== SECTION.dataCount) {
      add(id, section);
    }
  }
  if (end === 0) throw new Error('the module was not linked by uring-cc: it has no memory of its own');
  return { module: new WebAssembly.Module(Buffer.concat(parts)), segments, end };
}
