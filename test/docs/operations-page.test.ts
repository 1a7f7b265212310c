/** docs/operations.md is up to date, and lists all operations. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { execPath } from 'node:process';
import { expect, it } from 'vitest';
import { operationNames } from '../support/observed.js';
import { inRoot } from '../support/paths.js';
import { newPath } from '../support/scratch.js';

const page = readFileSync(inRoot('docs/operations.md'), 'utf8');

it('is up to date', () => {
  const out = newPath('operations.md');
  const { status, stderr } = spawnSync(
    execPath,
    [inRoot('build/generate/operations-page.js'), inRoot('build/model.json'), inRoot('dist'), inRoot('examples'), out],
    { encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(page, 'make docs').toBe(readFileSync(out, 'utf8'));
});

it('has a row for each method, and no other', () => {
  const methods = [...page.matchAll(/^\| `IORING_OP_\w+` \| `io_uring_prep_\w+` \| `(\w+)\(/gm)].map(
    ([, name]) => name,
  );
  expect(methods.toSorted()).toEqual([...operationNames].toSorted());
});
