/** Runs the commands of docs/adding-an-opcode.md in a row. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../support/subprocess.js';
import { run } from './boot.js';

const work = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
// unpacking and patching a kernel's tree takes minutes
afterAll(() => rmSync(work, { recursive: true }), 300_000);

const page = readFileSync(join(root, 'docs/adding-an-opcode.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trim().split('\n'));

const author = { NAME: 'A', EMAIL: 'a@example.org' };
const variables = {
  WORK: work,
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => Object.entries(author).map(([what, is]) => [`GIT_${who}_${what}`, is])),
  ),
  // the commands run as a person types them, without the variables of the make that runs this test
  MAKEFLAGS: '',
  MAKELEVEL: '',
  MFLAGS: '',
};

/** The output of each command for which the page shows one. */
const expected: [RegExp, RegExp][] = [
  [/probe/, /^ *IORING_OP_ZERO +yes +65$/m],
  [/zero\.js/, /^after: {2}00 00 00 00 00 36 37 38 39 30 $/m],
  [/encode[^|]*$/, /^4100000003000000/m],
  [/decode -$/, /^IORING_OP_ZERO, prepared by io_uring_prep_zero$/m],
];

describe('docs/adding-an-opcode.md', { timeout: 1_200_000 }, () => {
  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(12);
  });

  for (const command of commands) {
    // these commands run the tests themselves
    if (command === 'make test-kernel') continue;

    it(command, async () => {
      if (command.includes('commit -q -a')) appendFileSync(join(work, 'linux/io_uring/sync.c'), '/* a change */\n');
      const { status, stdout, stderr } = await run('sh', ['-c', command], { ...env, ...variables } as never);
      expect({ status, stderr: stderr.slice(-2000) }, stdout.slice(-2000)).toMatchObject({ status: 0 });
      for (const [which, what] of expected) if (which.test(command)) expect(stdout).toMatch(what);
    });
  }

  it('made a patch with the change and nothing else', () => {
    const [file = '', ...others] = readdirSync(join(work, 'patches'));
    expect(others).toEqual([]);
    const changed = readFileSync(join(work, 'patches', file), 'utf8').match(/^[+-](?![+-]).*$/gm);
    expect(changed).toEqual(['+/* a change */']);
  });
});
