import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // these run under another kernel, by test/kernel/guest.test.ts
    exclude: [...configDefaults.exclude, 'test/guest/**'],
    // a process for each file: a fault in native code must not take the others with it
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/summary.ts'],
  },
});
