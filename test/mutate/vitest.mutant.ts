import { defineConfig } from 'vitest/config';
import { mutantPlugin, parseMutant } from './plugin.js';

/** A run of some tests with the bindings broken as the environment says. */
export default defineConfig({
  plugins: [mutantPlugin(parseMutant(process.env.MUTANT ?? ''))],
  test: { include: ['test/liburing/**/*.test.ts'], pool: 'forks', testTimeout: 20_000, hookTimeout: 20_000 },
});
