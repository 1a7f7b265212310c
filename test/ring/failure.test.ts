/** A ring that itself fails: its requests reject, it closes, and the process goes on. Each test has its own process. */
import { expect, it } from 'vitest';
import { runScript } from '../support/subprocess.js';

/** Runs a script, and returns what it printed as JSON. */
function printed(script: string, prefix: readonly string[] = []): unknown {
  const { status, signal, stdout, stderr } = runScript(
    `
    import { closeSync, fstatSync, openSync } from 'node:fs';
    import { Ring } from 'liburing-wasm';
    const outcome = (promise) => promise.then((value) => ({ value }), ({ code, syscall }) => ({ code, syscall }));
    ${script}`,
    { prefix },
  );
  expect(stderr).toBe('');
  expect({ status, signal }).toEqual({ status: 0, signal: null });
  return JSON.parse(stdout);
}

const badFile = { code: 'EBADF', syscall: 'io_uring_enter' };
const failed = { code: 'ERR_INVALID_STATE' };

it.each([false, true])('somebody closes its descriptor (deferTaskrun: %s)', (deferTaskrun) => {
  const outcomes = printed(`
    const ring = new Ring({ singleIssuer: true, deferTaskrun: ${deferTaskrun} });
    const waiting = outcome(ring.timeout(60_000));
    const repeated = outcome(ring.timeout_multishot(60_000).next());
    await ring.nop();
    closeSync(ring.fd);
    const next = outcome(ring.nop());
    console.log(JSON.stringify([
      await next, await waiting, await repeated, await outcome(ring.close()), await outcome(ring.nop()),
    ]));`);
  expect(outcomes).toEqual([badFile, badFile, { code: 'EBADF', syscall: 'timeout' }, {}, failed]);
});

it('somebody closes its descriptor, and opens a file that gets its number', () => {
  const outcomes = printed(`
    const ring = new Ring();
    const waiting = outcome(ring.timeout(60_000));
    await ring.nop();
    const { fd } = ring;
    closeSync(fd);
    const isSame = openSync('package.json') === fd;
    const next = outcome(ring.nop());
    const codes = [await next, await waiting].map(({ code }) => code);
    await ring.close();
    console.log(JSON.stringify([isSame, codes, fstatSync(fd).isFile()]));`);
  expect(outcomes).toEqual([true, ['EOPNOTSUPP', 'EOPNOTSUPP'], true]);
});

it('somebody closes its descriptor, and then it is closed', () => {
  const outcomes = printed(`
    const ring = new Ring();
    const waiting = outcome(ring.timeout(60_000));
    await ring.nop();
    closeSync(ring.fd);
    console.log(JSON.stringify([await outcome(ring.close()), await waiting]));`);
  expect(outcomes).toEqual([{}, badFile]);
});

it.each([
  [false, 'dup'],
  [true, 'eventfd'],
])('no descriptor is left to watch it with (deferTaskrun: %s)', (deferTaskrun, syscall) => {
  const outcomes = printed(
    `
    const ring = new Ring({ singleIssuer: true, deferTaskrun: ${deferTaskrun} });
    const waiting = outcome(ring.timeout(60_000));
    const done = outcome(ring.nop());
    const fds = [];
    for (;;) {
      try {
        fds.push(openSync('/dev/null'));
      } catch {
        break;
      }
    }
    const outcomes = [await waiting, await done];
    for (const fd of fds) closeSync(fd);
    console.log(JSON.stringify([...outcomes, await outcome(ring.close()), await outcome(ring.nop())]));`,
    ['prlimit', '--nofile=64'],
  );
  expect(outcomes).toEqual([{ code: 'EMFILE', syscall }, { value: 0 }, {}, failed]);
});
