/** Updates of a file that stop at a step. The tests of stable storage use them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterAll } from 'vitest';
import { inRoot } from '../support/paths.js';
import { type Program, start } from '../support/programs.js';

/**
 * A folder that is removed when the tests are over. It is not in /tmp, which may be memory, whose files are never
 * written to a disk.
 */
export const folder = mkdtempSync(join(process.env.TMPDIR ?? inRoot('build'), 'stable-storage-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A module's path, as text in a script. */
export const module = (path: string): string => JSON.stringify(inRoot(path));
export const script = (text: string): Program => [execPath, '--input-type=module', '-e', text];

/**
 * A program that updates a file with the text `new`, of a given size, and stops for ever before the member with a given
 * number. The chain itself reports that it has come so far: it contains a write to stdout and a timeout.
 */
const stopping = (update: string, path: string, member: number): Program =>
  script(`
    import { Ring } from ${module('dist/index.js')};
    import { ${update} } from ${module('build/examples/course/05-stable-storage.js')};
    class Stopping extends Ring {
      chain() {
        let next = 0;
        const stop = (chain) => chain.write(1, Buffer.from('here\\n')).timeout(1e9);
        const proxy = new Proxy(super.chain(), {
          get(chain, name) {
            const method = chain[name];
            return (...list) => {
              if (next++ === ${member}) stop(chain);
              const result = method.apply(chain, list);
              return result === chain ? proxy : result;
            };
          },
        });
        return proxy;
      }
    }
    const ring = new Stopping();
    await ${update}(ring, ring.registerFiles(4), ${JSON.stringify(path)}, Buffer.alloc(1 << 20, 'new '));
  `);

/** The old and the new content. */
export const OLD = Buffer.alloc(1000, 'old ');
export const NEW = Buffer.alloc(1 << 20, 'new ');

/** Stops an update before a member, runs a check, and kills the program. */
export async function stopAt(update: string, member: number, look: (path: string) => void = () => {}): Promise<Buffer> {
  const path = join(folder, `file-${update}-${member}`);
  writeFileSync(path, OLD);
  const running = start(stopping(update, path, member));
  await running.until(() => running.stdout === 'here\n', `member ${member}`);
  look(path);
  running.process.kill('SIGKILL');
  await running.ended;
  return readFileSync(path);
}
