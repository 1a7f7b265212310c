/** The digest by AF_ALG sockets, which some kernels lack. */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { both, native, run, temporaryFolder } from '../support/programs.js';

const folder = temporaryFolder();
const hasAlg = !/AF_ALG support not available/.test(run(native('kdigest'), ['sha256', '/etc/passwd']).stderr);

describe('kdigest', () => {
  for (const algorithm of ['sha256', 'sha1']) {
    it.for([1, 65_536, 10_000_001])(`digests %i bytes with ${algorithm} like C and OpenSSL`, (size, { skip }) => {
      skip(!hasAlg, 'this kernel has no AF_ALG (CONFIG_CRYPTO_USER_API_HASH)');
      const file = join(folder, `in-${size}`);
      const content = randomBytes(size);
      writeFileSync(file, content);
      const [ours, theirs] = both('kdigest').map(({ program }) => run(program, [algorithm, file]));
      expect(theirs).toMatchObject({ status: 0, stderr: '' });
      expect(ours).toEqual(theirs);
      const digest = createHash(algorithm).update(content).digest('hex');
      expect(ours?.stdout.trimEnd().split(': ').at(-1)).toBe(digest);
    });
  }

  it.each([
    [[]],
    [['sha256']],
    [['x'.repeat(64), '/etc/passwd']],
    [['sha256', '/nowhere']],
    [['no-such-digest', '/etc/passwd']],
  ])('says what C says of the arguments %j', (list) => {
    const [ours, theirs] = both('kdigest').map(({ program }) => run(program, list));
    expect(theirs?.status).toBe(1);
    const nameless = (text = ''): string => text.replace(/^\S+: algorithm/, 'PROGRAM: algorithm');
    expect({ ...ours, stderr: nameless(ours?.stderr) }).toEqual({ ...theirs, stderr: nameless(theirs?.stderr) });
  });
});
