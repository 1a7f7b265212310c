/** The tests that run in the guest. They use the built package, as transforming its sources takes long without KVM. */
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { shared } from './shared.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export default defineConfig({
  root,
  resolve: { alias: [{ find: /^(?:\.\.\/)+src\/(index|c|linux)\.js$/, replacement: `${root}dist/$1.js` }] },
  test: {
    include: ['test/guest/**/*.test.ts', ...Object.keys(shared)],
    server: { deps: { external: [/\/dist\//] } },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    // a disk, where vitest can write files
    env: { TMPDIR: '/mnt/ext4', PATIENCE: '200' },
    // the guest sees this machine's files read-only
    cache: false,
    reporters: ['verbose', ['./test/guest/results.ts', { file: env.RESULTS }]],
  },
});
