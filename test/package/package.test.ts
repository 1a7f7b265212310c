/** The package as npm would ship it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../support/subprocess.js';

const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(directory, { recursive: true }));

function sh(command: string, ...list: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, list, { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} failed:\n${stdout}${stderr}`);
  return stdout;
}

interface Packed {
  filename: string;
  files: { path: string }[];
}
let packed: Packed | undefined;

beforeAll(() => {
  const text = execFileSync('npm', ['pack', '--json', '--pack-destination', directory], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const parsed = JSON.parse(text) as Packed[] | Record<string, Packed>;
  packed = Object.values(parsed)[0];
  writeFileSync(join(directory, 'package.json'), '{ "name": "user", "private": true, "type": "module" }');
  sh('npm', 'install', '--offline', '--no-audit', '--no-fund', '--silent', `./${packed?.filename}`);
});

it('contains what it needs, and nothing that only the build needs', () => {
  const paths = packed?.files.map(({ path }) => path) ?? [];
  for (const path of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/encode.js',
    'dist/liburing.wasm',
    'dist/host.node',
    'dist/cli/main.js',
    'dist/vectors.json',
    'dist/vectors.schema.json',
    'LICENSE',
  ]) {
    expect(paths).toContain(path);
  }
  for (const path of paths) expect(path).not.toMatch(/^(build|test|wasm|host|bench|examples|liburing-patch)\//);
});

const bin = (name: string) => join(root, 'node_modules/.bin', name);
const tarball = () => join(directory, packed?.filename ?? '');

it('has exports that publint finds right', () => {
  sh(bin('publint'), '--strict', tarball());
});

it('has types that attw finds for each entry, as an ES module', () => {
  // liburing.wasm is bytes for a browser to fetch: no types belong to it
  sh(bin('attw'), tarball(), '--profile', 'esm-only', '--exclude-entrypoints', './liburing.wasm');
});

it('reads a file where it is installed', () => {
  writeFileSync(
    join(directory, 'read.js'),
    `import { alloc, allocPointers, io_uring, io_uring_cqe, io_uring_get_sqe, io_uring_prep_read, io_uring_queue_exit, io_uring_queue_init, io_uring_submit, io_uring_wait_cqe } from 'liburing-wasm/c';
     import { O_RDONLY } from 'liburing-wasm/linux';
     import { openSync } from 'node:fs';
     const ring = alloc(io_uring);
     io_uring_queue_init(1, ring, 0);
     const buffer = Buffer.alloc(100);
     io_uring_prep_read(io_uring_get_sqe(ring), openSync('package.json', O_RDONLY), buffer, 100, 0);
     io_uring_submit(ring);
     const cqe = allocPointers(io_uring_cqe);
     io_uring_wait_cqe(ring, cqe);
     console.log(buffer.toString('utf8', 0, cqe.value.res).slice(0, 8));
     io_uring_queue_exit(ring);`,
  );
  expect(sh(execPath, 'read.js')).toBe(`${readFileSync(join(directory, 'package.json'), 'utf8').slice(0, 8)}\n`);
});

it('has few files, and all entries share the classes', () => {
  writeFileSync(
    join(directory, 'classes.js'),
    `import * as liburing from 'liburing-wasm/c';
     import * as encode from 'liburing-wasm/encode';
     const shared = Object.keys(encode).filter((name) => typeof encode[name] === 'function' && name in liburing);
     const different = shared.filter((name) => encode[name] !== liburing[name]);
     console.log(shared.length > 70, different);
     const { memory, functions } = await encode.loadEncoder();
     const sqe = memory.alloc(liburing.io_uring_sqe);
     functions.io_uring_prep_nop(sqe);`,
  );
  expect(sh(execPath, 'classes.js')).toBe('true []\n');
  const modules = packed?.files.filter(({ path }) => /^dist\/[^/]*\.js$/.test(path)) ?? [];
  expect(modules.length).toBeLessThan(10);
});

it('names the sources in stack traces', () => {
  writeFileSync(
    join(directory, 'wrong.js'),
    `import { alloc } from 'liburing-wasm/c'; alloc(class { static size = 1e10; });`,
  );
  const { stderr } = spawnSync(execPath, ['--enable-source-maps', 'wrong.js'], { cwd: directory, encoding: 'utf8' });
  expect(stderr).toMatch(/liburing-wasm\/src\/memory\/memory\.ts:\d+/);
});

it("runs the README's first example", () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(example).toContain('new Ring()');
  writeFileSync(join(directory, 'example.js'), example);
  writeFileSync(join(directory, 'README.md'), readme.slice(0, 1000));
  expect(sh(execPath, 'example.js')).toBe(`${readme.slice(0, 1000)}\n`);
});

it('has its tool and its vectors where it is installed', () => {
  const read = ['io_uring_prep_read', 'fd=3', 'buf=0x1000', 'nbytes=4096', 'offset=0'];
  const hex = sh('node_modules/.bin/liburing-wasm', 'encode', ...read);
  expect(hex).toMatch(/^16000000030{7}/);
  expect(sh('npx', '--offline', 'liburing-wasm', 'decode', hex)).toMatch(/^IORING_OP_READ, /);
  writeFileSync(
    join(directory, 'vectors.js'),
    `import vectors from 'liburing-wasm/vectors.json' with { type: 'json' };
     console.log(vectors.vectors.length > 300);`,
  );
  expect(sh(execPath, '--no-warnings', 'vectors.js')).toBe('true\n');
});

it('has types that a strict user can compile against', () => {
  writeFileSync(
    join(directory, 'user.ts'),
    `import { alloc, io_uring, io_uring_get_sqe, io_uring_prep_read, type io_uring_sqe } from 'liburing-wasm/c';
     import { loadEncoder } from 'liburing-wasm/encode';
     const ring: io_uring = alloc(io_uring);
     const sqe: io_uring_sqe | null = io_uring_get_sqe(ring);
     if (sqe) io_uring_prep_read(sqe, 3, new Uint8Array(8), 8, 0n);
     // @ts-expect-error: an SQE may be null
     io_uring_prep_read(io_uring_get_sqe(ring), 3, null, 0, 0);
     // @ts-expect-error: a ring is no SQE
     io_uring_prep_read(ring, 3, null, 0, 0);
     // @ts-expect-error: an argument is missing
     if (sqe) io_uring_prep_read(sqe, 3, null, 0);
     import { type DirectFile, Ring } from 'liburing-wasm';
     const requests = new Ring({ singleIssuer: true });
     export const bytes: number = await requests.read(3, new Uint8Array(8));
     export const [file, written]: [DirectFile, number] = await requests
       .chain()
       .openat_direct(-100, 'file', 0)
       .write(3, new Uint8Array(8))
       .submit();
     // @ts-expect-error: a direct descriptor is no fd
     requests.close_fd(file);
     // @ts-expect-error: an fd is no direct descriptor
     requests.close_direct(3);
     // @ts-expect-error: there is no such flag
     new Ring({ singelIssuer: true });
     // @ts-expect-error: a timeout ends only what is in a chain
     requests.link_timeout(5);
     export const encoder = await loadEncoder();`,
  );
  const tsc = join(root, 'node_modules/.bin/tsc');
  sh(tsc, '--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom', 'user.ts');
});

it('has a wasm module of at most 24 KB compressed', () => {
  const compressed = gzipSync(readFileSync(join(root, 'dist/liburing.wasm')), { level: 9 }).length;
  expect(compressed).toBeLessThanOrEqual(24 * 1024);
});
