/** The examples that copy files: the same bytes and the same words as the C programs. */
import { randomBytes } from 'node:crypto';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';
import { all, both, compile, native, port, run, start, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();
const inFolder = (name: string): string => join(folder, name);

function randomFile(size: number): string {
  const file = inFolder(`in-${size}`);
  writeFileSync(file, randomBytes(size));
  return file;
}

/**
 * Drops a file from the page cache. Its reads are not complete at once then, and a write that is not linked to its read
 * comes first.
 */
function forget(file: string): void {
  const dd = run(['dd', `of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
  expect(dd).toEqual({ status: 0, stdout: '', stderr: '' });
}

/** The usage has the program's own name. */
const nameless = (text: string): string => text.replace(/^.*: (in)?file/, 'PROGRAM: $1file');

describe.each([
  { name: 'io_uring-cp', programs: all('io_uring-cp') },
  { name: 'link-cp', programs: both('link-cp') },
])('$name', ({ name, programs }) => {
  // sizes around a block of 32 KiB, and around 64 blocks
  it.each([0, 1, 32_767, 32_768, 32_769, 2_097_152, 2_097_153, 20_000_001])('copies %i bytes like C', (size) => {
    const infile = randomFile(size);
    for (const { language, program } of programs) {
      const outfile = inFolder(`${name}-${language}-${size}`);
      writeFileSync(outfile, 'old content, which has to be gone');
      forget(infile);
      expect(run(program, [infile, outfile]), language).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(readFileSync(outfile).equals(readFileSync(infile)), language).toBe(true);
    }
  });

  it.each([[[]], [['one']], [['/nowhere/in', 'out']], [['/etc/passwd', '/nowhere/out']]])(
    'reports like C for the arguments %j',
    (list) => {
      const theirs = run(native(name), list, { cwd: folder });
      expect(theirs.status).toBe(1);
      for (const { program } of programs) {
        const ours = run(program, list, { cwd: folder });
        expect(ours).toMatchObject({ status: theirs.status, stderr: theirs.stderr });
        expect(nameless(ours.stdout)).toBe(nameless(theirs.stdout));
      }
    },
  );
});

describe('ucontext-cp', () => {
  it('copies two files at once, in the steps of the C program', async () => {
    // three reads and two waits of a second; and one read, which ends long before
    const [long, short] = [randomFile(2500), randomFile(100)];
    const outputs = await Promise.all(
      both('ucontext-cp').map(async ({ language, program }) => {
        const [first, second] = [inFolder(`uc-${language}-1`), inFolder(`uc-${language}-2`)];
        const { status, stdout, stderr } = await start(program, [long, first, short, second]).result();
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(readFileSync(first).equals(readFileSync(long))).toBe(true);
        expect(readFileSync(second).equals(readFileSync(short))).toBe(true);
        return stdout;
      }),
    );
    // each program's descriptors are numbered in the order of their appearance
    const [ours = '', theirs = ''] = outputs.map((text) => {
      const seen = [...new Set(text.match(/^\d+->\d+/gm))];
      return text.replace(/^\d+->\d+/gm, (pair) => `copy ${seen.indexOf(pair)}`);
    });
    expect(ours.split('\n').filter((line) => line.startsWith('copy 0'))).toHaveLength(9);
    expect(ours).toBe(theirs);
  });

  it.each([[[]], [['/etc/passwd']], [['/nowhere', 'x']]])('reports like C for the arguments %j', (list) => {
    const [ours, theirs] = both('ucontext-cp').map(({ program }) => run(program, list, { cwd: folder }));
    expect(theirs?.status).toBe(1);
    expect(ours?.status).toBe(1);
    expect(nameless(ours?.stderr ?? '').replace(/^.*: infile1/, '')).toBe(
      nameless(theirs?.stderr ?? '').replace(/^.*: infile1/, ''),
    );
  });
});

describe('raw', () => {
  const page = readFileSync(inRoot('build/liburing/man/io_uring.7'), 'utf8');
  const source = /^\.SH EXAMPLES$.*?^\.EX$(.*?)^\.EE$/ms.exec(page)?.[1] ?? '';
  const inC = compile(folder, 'man-page', source.replaceAll('\\\\', '\\'));

  it("copies stdin to stdout like the man page's program", () => {
    // C's strlen ends at a NUL behind the text: one block, and not all of it
    const file = inFolder('text');
    writeFileSync(file, 'Lorem ipsum dolor sit amet\n'.repeat(30));
    const [ours, theirs] = [port('raw'), inC].map((program) =>
      run(program, [], { stdio: [openSync(file, 'r'), 'pipe', 'pipe'] }),
    );
    expect(theirs).toEqual({ status: 0, stdout: readFileSync(file, 'utf8'), stderr: '' });
    expect(ours).toEqual(theirs);
  });

  it('copies a file of many blocks and bytes of all values', () => {
    const file = randomFile(100_000);
    const copy = inFolder('raw-copy');
    const stdio = [openSync(file, 'r'), openSync(copy, 'w'), 'pipe'];
    expect(run(port('raw'), [], { stdio })).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
  });

  it('uses none of the functions that set up rings and requests in liburing', () => {
    const text = readFileSync(inRoot('examples/raw.ts'), 'utf8');
    const imported = /import \{([^}]*)\} from 'liburing-wasm\/c';/.exec(text)?.[1] ?? '';
    expect(imported).toContain('io_uring_setup');
    expect(imported).not.toMatch(/queue_init|queue_mmap|get_sqe|prep_|submit|wait_cqe|cqe_seen/);
  });
});

it('the native programs exist', () => {
  expect(existsSync(native('io_uring-cp')[0])).toBe(true);
});
