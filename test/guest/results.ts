/** Writes the result of each test to a file. The suite outside reports them as its own. */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** One test of the guest. */
export interface GuestResult {
  /** Its file, and the names from the outermost describe to its own. */
  path: string[];
  state: 'passed' | 'failed' | 'skipped' | 'pending';
  /** Why it was skipped. */
  note?: string;
  errors: string[];
  /** Milliseconds. */
  duration: number;
}

const text = ({ message, stack }: { message: string; stack?: string }): string => stack ?? message;

function pathOf(test: TestCase): string[] {
  const names = [test.name];
  for (let { parent } = test; parent.type !== 'module'; { parent } = parent) names.unshift(parent.name);
  return [test.module.relativeModuleId.replace(/^.*\//, ''), ...names];
}

function resultOf(test: TestCase): GuestResult {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return {
    path: pathOf(test),
    state: result.state,
    ...(note === undefined ? {} : { note }),
    errors: (result.errors ?? []).map(text),
    duration: Math.round(test.diagnostic()?.duration ?? 0),
  };
}

export default class Results implements Reporter {
  readonly #file: string | undefined;

  constructor({ file }: { file?: string }) {
    this.#file = file;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message: string; stack?: string }[]): void {
    const results: GuestResult[] = errors.map((error) => ({
      path: ['an error outside of the tests'],
      state: 'failed',
      errors: [text(error)],
      duration: 0,
    }));
    for (const module of modules) {
      const broken = module.errors();
      if (broken.length > 0) {
        results.push({ path: [module.relativeModuleId], state: 'failed', errors: broken.map(text), duration: 0 });
      }
      for (const test of module.children.allTests()) results.push(resultOf(test));
    }
    const json = JSON.stringify(results, null, 1);
    if (this.#file === undefined) console.log(json);
    else writeFileSync(this.#file, json);
  }
}
