/** The mutants of `make mutate`. Whether the tests notice them is for `make mutate` itself. */
import { expect, it } from 'vitest';
import { model } from '../support/model.js';
import { change, describeMutant, type Mutant, mutantsOf } from './mutant.js';
import { survivors } from './survivors.js';

const mutants = model.functions.flatMap(({ name, parameters }) => mutantsOf(name, parameters));
const keyOf = ({ name, index, change }: Mutant): string => `${name}:${index}:${change}`;

it('leaves the SQE unchanged, whichever argument it is', () => {
  const of = (name: string): string[] => mutants.filter((mutant) => mutant.name === name).map(keyOf);
  expect(of('io_uring_prep_nop')).toEqual([]);
  expect(of('io_uring_prep_shutdown').map((key) => key.replace('io_uring_prep_shutdown:', ''))).toEqual([
    '1:drop',
    '2:drop',
    '1:swap',
  ]);
  // the operation comes before the SQE
  expect(of('io_uring_prep_rw').map((key) => key.replace('io_uring_prep_rw:', ''))).toEqual([
    '0:drop',
    '2:drop',
    '3:drop',
    '4:drop',
    '5:drop',
    '2:swap',
    '3:swap',
    '4:swap',
  ]);
});

it.each([
  { what: 'drop' as const, index: 1, expected: [64, 0, 7n] },
  { what: 'drop' as const, index: 2, expected: [64, 5, 0n] },
  { what: 'swap' as const, index: 1, expected: [64, 7, 5n] },
])('$what of argument $index keeps the types that wasm takes', ({ what, index, expected }) => {
  expect(change({ name: 'f', index, change: what }, [64, 5, 7n])).toEqual(expected);
});

it('names the argument', () => {
  const parameters = model.functions.find(({ name }) => name === 'io_uring_prep_shutdown')?.parameters ?? [];
  const mutant = { name: 'io_uring_prep_shutdown', index: 1 };
  expect(describeMutant({ ...mutant, change: 'drop' }, parameters)).toBe('io_uring_prep_shutdown: fd dropped');
  expect(describeMutant({ ...mutant, change: 'swap' }, parameters)).toBe('io_uring_prep_shutdown: fd and how swapped');
});

it('lists survivors that exist, each with a reason', () => {
  const known = new Set(mutants.map(keyOf));
  expect(Object.keys(survivors).filter((key) => !known.has(key))).toEqual([]);
  expect(Object.values(survivors).filter((reason) => reason.length < 20)).toEqual([]);
});
