/** Whether the guest has what the tests need that also run outside, where they may skip. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inRoot } from '../support/paths.js';
import { shared } from './shared.js';

it('the kernel has AF_ALG with SHA-256 and CRC32C', () => {
  const algorithms = readFileSync('/proc/crypto', 'utf8');
  expect(algorithms).toMatch(/^name +: sha256$/m);
  expect(algorithms).toMatch(/^name +: crc32c$/m);
});

it('the kernel has ublk', () => {
  expect(existsSync('/dev/ublk-control')).toBe(true);
});

for (const [file, why] of Object.entries(shared)) {
  // a file that exists reports for itself
  if (!existsSync(inRoot(file))) it(`${file}, for ${why}`, ({ skip }) => skip('there is no such file'));
}
