/** Some of liburing's tests, for the tests of what runs them. make reads the same list, and builds these. */
import { readFileSync } from 'node:fs';
import { inRoot } from './paths.js';

/** What a program needs of its process. */
export type Need = 'plain' | 'threads' | 'signals' | 'processes';

/** Quick ones, by what they need. defer-taskrun executes itself. */
export const sample = JSON.parse(readFileSync(inRoot('test/conformance/sample.json'), 'utf8')) as Readonly<
  Record<Need, readonly [string, string]>
>;
