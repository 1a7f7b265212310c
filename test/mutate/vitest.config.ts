import { defineConfig } from 'vitest/config';

/** `make mutate` */
export default defineConfig({ test: { include: ['test/mutate/mutate.ts'] } });
