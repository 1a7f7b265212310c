/** Updates of a file that stop at a step, for the tests of stable storage. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterAll } from 'vitest';
import { inRoot } from '../support/paths.js';
import { type Program, start } from '../support/programs.js';

/** Gone when the tests are over. Not in /tmp, which may be memory: pages of files there are not written anywhere. */
export const folder = mkdtempSync(join(process.env.TMPDIR ?? inRoot('build'), 'stable-storage-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A module's path, for a script. */
export const module = (path: string): string => JSON.stringify(inRoot(path));
export const script = (text: string): Program => [execPath, '--input-type=module', '-e', text];

/**
 * A program that updates a file with the text `new` of a size, and stops for ever before the member
 * with a number. The chain itself says that it has come so far: a write to stdout and a timeout are
 * put into it.
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

/** What the file has, and what it gets. */
export const OLD = Buffer.alloc(1000, 'old ');
export const NEW = Buffer.alloc(1 << 20, 'new ');

/** Stops an update before a member, looks, and kills it. */
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
