/** Make and the tests read the lists that they share in the same way. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cases } from '../guest/liburing-cases.js';
import { sample } from '../support/conformance.js';
import { inRoot } from '../support/paths.js';

const make = (...list: string[]): string =>
  execFileSync('make', list, { cwd: inRoot('.'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

it('make reads the same lists of programs as the tests', () => {
  const programs = Object.values(sample).flat();
  expect(programs.length).toBeGreaterThan(6);
  expect(cases.length).toBeGreaterThan(10);
  expect(make('shared-lists').trim().split('\n')).toEqual([...programs, '--', ...cases.map(({ name }) => name)]);
});

it('a list that names nothing is an error, and not an empty one', () => {
  const list = ['-f', 'mk/conformance.mk', '--eval', 'show: ; @echo $(call names-in,package.json,[])', 'show'];
  expect(() => make(...list)).toThrow(/package\.json names nothing/);
});

it('make help lists the targets that a person types, and no other', () => {
  const text = readFileSync(inRoot('Makefile'), 'utf8');
  const targets = [...text.matchAll(/^([a-z-]+):.*/gm)].map(([line, name]) => ({
    name,
    documented: line.includes('## '),
  }));
  expect(targets.length).toBeGreaterThan(20);
  expect(targets.filter(({ documented }) => !documented)).toEqual([]);
  const help = make('help');
  for (const { name } of targets) expect(help).toMatch(new RegExp(`^ {2}${name} `, 'm'));
});
