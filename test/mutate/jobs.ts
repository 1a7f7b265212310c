/** Processes that run tests, one task at a time each. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Outcome, Task } from './job.js';

/** A process of job.ts. */
export interface Job {
  run(task: Task): Promise<Outcome>;
  stop(): void;
}

export async function startJob(temporary: string): Promise<Job> {
  const child: ChildProcess = fork(fileURLToPath(new URL('job.js', import.meta.url)), {
    env: { ...process.env, TMPDIR: temporary, NODE_ENV: 'test' },
    // the output of tests with broken bindings is ignored
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const answer = async (): Promise<unknown> => {
    const waiting = new AbortController();
    const { signal } = waiting;
    const died = once(child, 'exit', { signal }).then(([status]) => {
      throw new Error(`a process of the mutation run ended, with ${status}`);
    });
    try {
      const [message] = (await Promise.race([once(child, 'message', { signal }), died])) as unknown[];
      return message;
    } finally {
      waiting.abort();
      died.catch(() => undefined);
    }
  };
  await answer();
  return {
    run: async (task) => {
      child.send(task);
      return (await answer()) as Outcome;
    },
    stop: () => child.disconnect(),
  };
}
