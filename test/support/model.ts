/** The model that the generator derived from the headers. */
import { readFileSync } from 'node:fs';
import type { Model } from '../../wasm/generate/model.js';
import { inRoot } from './paths.js';

export type * from '../../wasm/generate/model.js';

const revive = (key: string, value: unknown): unknown =>
  // bigints are strings in JSON; the value of an errno row is a number
  key === 'value' && typeof value === 'string' ? BigInt(value) : value;

export const model = JSON.parse(readFileSync(inRoot('build/model.json'), 'utf8'), revive) as Model;
