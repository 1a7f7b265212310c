/** Stable storage with a checksum that the kernel computes, where it has AF_ALG: the guest's has. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { port, run } from '../support/programs.js';
import { folder, NEW, OLD, stopAt } from './stopping.js';

describe('with a checksum', () => {
  const path = join(folder, 'checked');
  const program = port('course/05-stable-storage');
  const update = () => {
    writeFileSync(path, OLD);
    return run(program, ['--checksum', path], { input: NEW });
  };
  const missing = /EAFNOSUPPORT|ENOENT/.exec(update().stderr)?.[0];
  const why = missing ? ` (this kernel has no AF_ALG hash: ${missing})` : '';
  const whole = Buffer.concat([NEW, createHash('sha256').update(NEW).digest()]);

  it.skipIf(missing)(`puts the kernel's SHA-256 behind the content${why}`, () => {
    expect(update()).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it.skipIf(missing).each(Array.from({ length: 17 }, (_, member) => member))(
    `killed before member %i${why}`,
    async (member) => {
      const content = await stopAt('updateWithChecksum', member);
      expect(content.equals(member <= 12 ? OLD : whole)).toBe(true);
    },
  );

  it.skipIf(!missing)('leaves the file unchanged where the kernel has no AF_ALG', () => {
    expect(update().status).toBe(1);
    expect(readFileSync(path).equals(OLD)).toBe(true);
  });
});
