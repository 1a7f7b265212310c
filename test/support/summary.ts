import { readFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

interface Sum {
  passed: number;
  failed: number;
  skipped: number;
  /** Failures, a line each. */
  failures: string[];
}

/** The counts of `make conformance`, where .ci/run wants one sum for it, too. */
function others(): Sum {
  const file = process.env.ADD_COUNTS_OF;
  if (file === undefined) return { passed: 0, failed: 0, skipped: 0, failures: [] };
  return JSON.parse(readFileSync(file, 'utf8')) as Sum;
}

/** A test's path and the first line of its error: `FAILED test/a.test.ts > suite > test: why`. */
function told(module: TestModule, name: string, errors: readonly { message: string }[]): string {
  const [why] = errors[0]?.message.split('\n') ?? [];
  return `FAILED ${module.relativeModuleId} > ${name}: ${why ?? 'it did not end'}`;
}

/** Ends the output with a line for each failure, and one line for all suites: `N passed, N failed, N skipped`. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const { failures, ...count } = { ...others(), pending: 0 };
    count.failed += errors.length;
    for (const module of modules) {
      // a file that could not be loaded has no tests to count
      if (module.errors().length > 0) {
        count.failed++;
        failures.push(told(module, 'loading', module.errors()));
      }
      for (const test of module.children.allTests()) {
        const { state, errors = [] } = test.result();
        count[state]++;
        if (state === 'failed' || state === 'pending') failures.push(told(module, test.fullName, errors));
      }
    }
    const line = `${count.passed} passed, ${count.failed + count.pending} failed, ${count.skipped} skipped`;
    process.on('exit', () => process.stdout.write(`${[...failures, line].join('\n')}\n`));
  }
}
