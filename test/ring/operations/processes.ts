/** Processes and futexes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { alloc, futex_waitv } from '../../../src/c.js';
import { CLD_EXITED, CLD_KILLED, P_PID, WEXITED, WNOWAIT } from '../../../src/linux.js';
import { fails, openRing } from '../../support/observed.js';

const SIGCHLD = 17;
const FUTEX2_SIZE_U32 = 2;
const ANY = 0xffffffff;

describe('waitid', () => {
  it('waits for a child', async () => {
    const ring = openRing();
    for (const [script, code, status] of [
      ['exit 7', CLD_EXITED, 7],
      ['kill -9 $$', CLD_KILLED, 9],
    ] as const) {
      const child = spawn('sh', ['-c', `read line; ${script}`]);
      // Node reaps the child, too, a little later
      const exit = once(child, 'exit');
      const waiting = ring.waitid(P_PID, child.pid ?? 0, WEXITED | WNOWAIT);
      ring.submit();
      child.stdin.end('\n');
      expect(await waiting).toMatchObject({ si_signo: SIGCHLD, si_code: code, si_pid: child.pid, si_status: status });
      await exit;
    }
    await fails(ring.waitid(P_PID, 1, WEXITED), 'ECHILD');
    await fails(ring.waitid(P_PID, 1, 0), 'EINVAL');
  });
});

describe('futex', () => {
  it('futex_wait and futex_wake', async () => {
    const ring = openRing();
    const word = ring.memory.allocArray(1, Uint32Array);
    word[0] = 5;
    await fails(ring.futex_wait(word, 4, ANY, FUTEX2_SIZE_U32), 'EAGAIN');
    expect(await ring.futex_wake(word, 1, ANY, FUTEX2_SIZE_U32)).toBe(0);
    const waits = [1, 2, 3].map(() => ring.futex_wait(word, 5, ANY, FUTEX2_SIZE_U32));
    ring.submit();
    expect(ring.pending).toBe(3);
    expect(await ring.futex_wake(word, 2, ANY, FUTEX2_SIZE_U32)).toBe(2);
    expect(await ring.futex_wake(word, 2n, BigInt(ANY), FUTEX2_SIZE_U32)).toBe(1);
    expect(await Promise.all(waits)).toEqual([0, 0, 0]);
    await fails(ring.futex_wake(word, 1, 0, FUTEX2_SIZE_U32), 'EINVAL');
    ring.memory.free(word);
  });

  it('futex_waitv waits for one of several', async () => {
    const ring = openRing();
    const words = ring.memory.allocArray(3, Uint32Array);
    const list = alloc(futex_waitv, 3);
    for (let index = 0; index < 3; index++) {
      list.at(index).uaddr = words.byteOffset + 4 * index;
      list.at(index).flags = FUTEX2_SIZE_U32;
    }
    const waiting = ring.futex_waitv(list);
    ring.submit();
    expect(await ring.futex_wake(words.subarray(2), 1, ANY, FUTEX2_SIZE_U32)).toBe(1);
    expect(await waiting).toBe(2);
    list.at(1).val = 1;
    await fails(ring.futex_waitv(list), 'EAGAIN');
    await fails(ring.futex_waitv(list, 0), 'EINVAL');
  });
});
