/** Stable storage: whenever the process is killed, the file is the old one or the new one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Ring } from '../../src/index.js';
import { inRoot } from '../support/paths.js';
import { compile, run, start } from '../support/programs.js';
import { folder, module, NEW, OLD, script, stopAt } from './stopping.js';

/** Counts a file's dirty pages, and those being written, by cachestat(2); none where the kernel lacks the call. */
const cachestat = compile(
  folder,
  'cachestat',
  `#include <fcntl.h>
   #include <stdint.h>
   #include <stdio.h>
   #include <unistd.h>
   #include <sys/syscall.h>
   int main(int argc, char *argv[]) {
     struct { uint64_t off, len; } range = { 0, 0 };
     struct { uint64_t cache, dirty, writeback, evicted, recently; } stat;
     int fd = open(argv[argc - 1], O_RDONLY);
     if (fd < 0 || syscall(451, fd, &range, &stat, 0)) return 1;
     printf("%lu %lu", stat.dirty, stat.writeback);
   }`,
);
const hasCachestat = run(cachestat, [inRoot('package.json')]).status === 0;

/** The effects of the members. */
const steps = ['opened', 'written', 'synced', 'closed', 'renamed', 'opened directory', 'synced directory', 'closed it'];

describe('killed', () => {
  it.each(steps.map((step, member) => ({ step, member })))('before it has $step', async ({ member }) => {
    const content = await stopAt('update', member);
    expect(content.equals(member <= 4 ? OLD : NEW)).toBe(true);
  });

  it('after it has closed everything', async () => {
    expect((await stopAt('update', steps.length)).equals(NEW)).toBe(true);
  });

  it('at any moment', async () => {
    const path = join(folder, 'generations');
    const LINES = 20_000;
    const text = (generation: number): string => `${generation}\n`.repeat(LINES);
    const endless = script(`
      import { writeSync } from 'node:fs';
      import { Ring } from ${module('dist/index.js')};
      import { update } from ${module('build/examples/course/05-stable-storage.js')};
      const ring = new Ring();
      const files = ring.registerFiles(2);
      for (let generation = 1; ; generation++) {
        await update(ring, files, ${JSON.stringify(path)}, Buffer.from(\`\${generation}\\n\`.repeat(${LINES})));
        writeSync(1, \`\${generation}\\n\`);
      }
    `);
    const torn: string[] = [];
    for (let round = 0; round < 20; round++) {
      writeFileSync(path, text(0));
      const running = start(endless);
      await running.until(() => running.stdout !== '', 'the first update');
      const wait = Math.random() * 40;
      await new Promise((resolve) => setTimeout(resolve, wait));
      running.process.kill('SIGKILL');
      await running.ended;
      const acknowledged = Number(running.stdout.trim().split('\n').at(-1));
      const found = readFileSync(path, 'utf8');
      // the last update that it knew to be done, or the one after that
      if (found !== text(acknowledged) && found !== text(acknowledged + 1)) {
        torn.push(`round ${round}, ${wait} ms: ${found.slice(0, 20)} of ${found.length} bytes, after ${acknowledged}`);
      }
    }
    expect(torn).toEqual([]);
  }, 180_000);
});

it.skipIf(!hasCachestat)('the content is on disk before it is renamed (cachestat(2), Linux 6.5)', async () => {
  const pages = (path: string): number[] =>
    run(cachestat, [`${path}.new`])
      .stdout.split(' ')
      .map(Number);
  let before: number[] = [];
  let after: number[] = [];
  // before the fsync, and after it
  await stopAt('update', 2, (path) => (before = pages(path)));
  await stopAt('update', 3, (path) => (after = pages(path)));
  expect(Math.max(...before)).toBeGreaterThan(0);
  expect(after).toEqual([0, 0]);
});

it('the directory is synced after the rename, in the same chain', async () => {
  const names: string[][] = [];
  const { update } = (await import(inRoot('build/examples/course/05-stable-storage.js'))) as {
    update(ring: Ring, files: unknown, path: string, content: Uint8Array): Promise<void>;
  };
  await using ring = new Ring();
  const made = ring.chain.bind(ring);
  ring.chain = () => {
    const chain = made();
    const settle = chain.settle.bind(chain);
    chain.settle = async () => {
      const outcomes = await settle();
      names.push((outcomes as readonly { name: string }[]).map(({ name }) => name));
      return outcomes;
    };
    return chain;
  };
  await update(ring, ring.registerFiles(2), join(folder, 'names'), NEW);
  expect(names).toEqual([
    ['openat_direct', 'write', 'fsync', 'close_direct', 'renameat', 'openat_direct', 'fsync', 'close_direct'],
  ]);
});

it('a short write leaves the file unchanged', async () => {
  const path = join(folder, 'limited');
  writeFileSync(path, OLD);
  const program = script(`
    import { once } from 'node:events';
    import { Ring } from ${module('dist/index.js')};
    import { update } from ${module('build/examples/course/05-stable-storage.js')};
    const ring = new Ring();
    const files = ring.registerFiles(2);
    process.on('SIGXFSZ', () => {});
    console.log(process.pid);
    process.once('SIGUSR2', async () => {
      clearInterval(waiting);
      await update(ring, files, ${JSON.stringify(path)}, Buffer.alloc(1 << 20, 'new ')).catch((error) => {
        console.log(error.code, error.syscall, error.outcomes[1].value);
      });
      await ring.close();
    });
    const waiting = setInterval(() => {}, 1000);
    console.log('ready');
  `);
  const running = start(program);
  await running.until(() => running.stdout.includes('ready'), 'the start');
  const pid = running.stdout.split('\n')[0] as string;
  run(['prlimit', '--pid', pid, '--fsize=100000']);
  process.kill(Number(pid), 'SIGUSR2');
  const { status, stdout } = await running.result();
  expect({ status, last: stdout.split('\n').at(-2) }).toEqual({ status: 0, last: 'ECANCELED fsync 100000' });
  expect(readFileSync(path).equals(OLD)).toBe(true);
});
