/** A folder of the test file's own, gone when it is done. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export const scratch: string = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let count = 0;

/** A path that nothing is at. */
export const newPath = (name = 'file'): string => join(scratch, `${count++}-${name}`);
