/** The golden vectors are well-formed, wasm writes the same, and others can use them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { decode, diff, encoders, loadEncoder } from '../../src/encode.js';
import { cli } from '../support/cli.js';
import { root } from '../support/subprocess.js';

interface Vector {
  name: string;
  function: string;
  arguments: Record<string, string>;
  base?: string;
  hex: string;
  fields: Record<string, string>;
  names: Record<string, string>;
  reserved?: Record<string, string>;
}
interface Vectors {
  liburing: string;
  vectors: Vector[];
}

const text = readFileSync(join(root, 'dist/vectors.json'), 'utf8');
const golden = JSON.parse(text) as Vectors;
const schema = JSON.parse(readFileSync(join(root, 'dist/vectors.schema.json'), 'utf8')) as object;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const { encode } = await loadEncoder();

const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe('the file', () => {
  const validate = new Ajv2020({ allErrors: true }).compile(schema);

  it('fits its schema', () => {
    expect(validate(golden), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true);
  });

  it.each<[string, (vector: Record<string, unknown>) => unknown]>([
    ['numbers that are no strings', (vector) => Object.assign(vector, { arguments: { fd: 3 } })],
    ['odd hex', (vector) => Object.assign(vector, { hex: '0'.repeat(127) })],
    ['a missing name', (vector) => delete vector.name],
    ['a member that nobody knows', (vector) => Object.assign(vector, { extra: 1 })],
  ])('has a schema that refuses %s', (_, damage) => {
    const copy = structuredClone({ ...golden, vectors: golden.vectors.slice(0, 1) });
    expect(validate(copy)).toBe(true);
    damage(copy.vectors[0] as unknown as Record<string, unknown>);
    expect(validate(copy)).toBe(false);
  });

  it('has at least three cases of each function, with different names', () => {
    const counts = new Map<string, number>();
    for (const vector of golden.vectors) counts.set(vector.function, (counts.get(vector.function) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual([...encoders.keys()].sort());
    for (const [name, count] of counts) expect(count, name).toBeGreaterThanOrEqual(3);
    expect(new Set(golden.vectors.map(({ name }) => name)).size).toBe(golden.vectors.length);
  });

  it('is the same every time it is made', () => {
    const again = join(directory, 'again.json');
    const list = ['build/model.json', 'build/reference', 'dist/encode.js', again];
    const { status, stderr } = spawnSync(process.execPath, ['build/generate/vectors.js', ...list], {
      cwd: root,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(again, 'utf8')).toBe(text);
  });
});

it('equals what wasm writes', () => {
  const wrong = golden.vectors.flatMap(({ name, function: fn, arguments: args, base, hex }) => {
    const values = Object.fromEntries(Object.entries(args).map(([key, value]) => [key, BigInt(value)]));
    const bytes = encode(fn, values, base === undefined ? new Uint8Array(hex.length / 2) : bytesOf(base));
    return hexOf(bytes) === hex ? [] : [{ name, differences: diff(bytesOf(hex), bytes) }];
  });
  expect(wrong).toEqual([]);
});

it('has the members that decode finds', () => {
  for (const { name, hex, fields, names, reserved = {} } of golden.vectors) {
    const decoded = decode(bytesOf(hex));
    const values = (list: typeof decoded.fields): Record<string, string> =>
      Object.fromEntries(list.map((field) => [field.name, String(field.value)]));
    expect(values(decoded.fields), name).toEqual(fields);
    expect(values(decoded.reserved), name).toEqual(reserved);
    for (const field of decoded.fields) expect(names[field.name], name).toBe(field.names);
  }
});

describe('liburing-wasm vectors', () => {
  it('prints them, or copies them to a file', () => {
    expect(cli(['vectors'])).toMatchObject({ status: 0, stdout: text, stderr: '' });
    const copy = join(directory, 'copy.json');
    expect(cli(['vectors', copy])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(copy, 'utf8')).toBe(text);
    expect(JSON.parse(cli(['vectors', '--schema']).stdout)).toEqual(schema);
  });

  it('names the file that it cannot write', () => {
    const { status, stderr } = cli(['vectors', join(directory, 'no/such/folder.json')]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^liburing-wasm: ENOENT: [^\n]+\n$/);
  });
});

describe('liburing-wasm vectors --check', () => {
  const total = golden.vectors.length;

  it('finds its own vectors right', () => {
    expect(cli(['vectors', '--check', '-'], { input: text })).toMatchObject({
      status: 0,
      stdout: '',
      stderr: `vectors: ${total} compared, 0 mismatches, 0 of ours not covered\n`,
    });
  });

  it('takes some of them, as hex by name', () => {
    const some = Object.fromEntries(golden.vectors.slice(0, 5).map(({ name, hex }) => [name, hex.toUpperCase()]));
    expect(cli(['vectors', '--check', file('some.json', JSON.stringify(some))])).toMatchObject({
      status: 0,
      stdout: '',
      stderr: `vectors: 5 compared, 0 mismatches, ${total - 5} of ours not covered\n`,
    });
  });

  it('names the members that are wrong', () => {
    const damaged = structuredClone(golden);
    const vector = damaged.vectors.find(({ name }) => name === 'io_uring_prep_read/typical') as Vector;
    const bytes = bytesOf(vector.hex);
    bytes[24] = 0xff; // len
    vector.hex = hexOf(bytes);
    const { status, stdout, stderr } = cli(['vectors', '--check', file('damaged.json', JSON.stringify(damaged))]);
    expect(status).toBe(1);
    expect(stdout).toBe('io_uring_prep_read/typical:\n  len  C: 4096 (0x1000)  here: 4351 (0x10ff)\n');
    expect(stderr).toMatch(/ 1 mismatches, /);
  });

  it('detects a wrong length and an unknown name', () => {
    const list = { 'io_uring_prep_read/typical': '00'.repeat(128), 'io_uring_prep_read/typicel': '00'.repeat(64) };
    const { status, stdout } = cli(['vectors', '--check', '-'], { input: JSON.stringify(list) });
    expect(status).toBe(1);
    expect(stdout).toBe(
      'io_uring_prep_read/typical: 128 bytes, where C writes 64\n' +
        'io_uring_prep_read/typicel: there is no vector of this name; do you mean io_uring_prep_read/typical?\n',
    );
  });

  it.each([
    ['{', /is no JSON: /],
    ['[]', /has no "vectors", nor is it an object of hex by name/],
    ['{}', /has no vectors in it/],
    ['{"vectors":[{"name":"x"}]}', /vector 0 lacks hex, a string/],
    ['{"vectors":[null]}', /vector 0 lacks a name, a string/],
    ['{"io_uring_prep_read/typical":"1"}', /^liburing-wasm: io_uring_prep_read\/typical has 1 digits, an odd number/],
  ])('refuses %j in one sentence', (input, sentence) => {
    const { status, stdout, stderr } = cli(['vectors', '--check', '-'], { input });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/^[^\n]+\n$/);
  });
});

describe('docs/vectors.md', () => {
  const page = readFileSync(join(root, 'docs/vectors.md'), 'utf8');
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));

  it('has each language', () => {
    expect(blocks.map(({ language }) => language)).toEqual(expect.arrayContaining(['rust', 'go', 'zig', 'python']));
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  it.skipIf(!python)(`runs its Python${python ? '' : ', but there is no python3 here'}`, () => {
    const snippet = blocks.find(({ language }) => language === 'python')?.code ?? '';
    file('vectors.json', text);
    const run = (code: string): { status: number | null; stdout: string; stderr: string } => {
      const { status, stdout, stderr } = spawnSync('python3', ['-'], { cwd: directory, input: code, encoding: 'utf8' });
      return { status, stdout, stderr };
    };
    const count = golden.vectors.filter((vector) => vector.function === 'io_uring_prep_read' && !vector.base).length;
    expect(run(snippet)).toEqual({ status: 0, stdout: `${count} vectors agree\n`, stderr: '' });
    const wrong = snippet.replace('offset, buf, nbytes', 'buf, offset, nbytes');
    expect(wrong).not.toBe(snippet);
    expect(run(wrong).status).toBe(1);
  });
});
