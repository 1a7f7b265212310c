/** A folder for the test file, which is removed when its tests are over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export const scratch: string = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let count = 0;

/** A path at which nothing exists. */
export const newPath = (name = 'file'): string => join(scratch, `${count++}-${name}`);
