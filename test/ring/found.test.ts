/** Defects that users of Ring found. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { EBADF, ECANCELED, FALLOC_FL_ZERO_RANGE } from '../../src/constants/generated/linux.js';
import { type ChainError, RequestHandle, Ring, type SystemError } from '../../src/index.js';
import { root } from '../support/subprocess.js';

const skipSuccess = true;

const errnoOf = (reason: unknown): number => (reason as SystemError).errno;

it('a timeout whose time is up does not fail its chain', async () => {
  await using ring = new Ring();
  expect(await ring.chain().timeout(1).nop().submit()).toEqual([true, 0]);
});

it('a chain ends when a member that skips its completion fails, and cancels those behind it', async () => {
  await using ring = new Ring();
  const chain = ring.chain().nop({ skipSuccess }).close_fd(-1, { skipSuccess }).nop({ skipSuccess }).nop();
  const outcomes = await chain.settle();
  expect(outcomes.map((each) => (each.status === 'rejected' ? errnoOf(each.reason) : each.value))).toEqual([
    undefined,
    -EBADF,
    -ECANCELED,
    -ECANCELED,
  ]);
  expect(ring.pending).toBe(0);
});

it('a chain continues behind a hard link, with a completion or without', async () => {
  await using ring = new Ring();
  const outcomes = await ring.chain().close_fd(-1, { skipSuccess, link: 'hard' }).nop({ skipSuccess }).nop().settle();
  expect(outcomes.map((each) => (each.status === 'rejected' ? errnoOf(each.reason) : each.value))).toEqual([
    -EBADF,
    undefined,
    0,
  ]);
});

it('the members of a chain store their results in their handles', async () => {
  await using ring = new Ring();
  const handle = new RequestHandle();
  const settled = ring.chain().nop().close_fd(-1, { handle }).nop().settle();
  ring.submitAndWait(3);
  expect(handle.result).toBe(-EBADF);
  await settled;
});

it('a multishot timeout continues after the kernel ended it as the CQ ring was full', async () => {
  await using ring = new Ring({ entries: 1, cqEntries: 2 });
  const ticks = ring.timeout_multishot(1);
  await ticks.next();
  const end = performance.now() + 50;
  while (performance.now() < end);
  let last = 0;
  for await (const tick of ticks) {
    last = tick;
    if (tick === 20) break;
  }
  expect(last).toBe(20);
});

it('an iteration that waits for buffers, or to be restarted, ends with its ring', async () => {
  const ring = new Ring({ entries: 4, cqEntries: 8 });
  const buffers = ring.bufferRing({ entries: 1, size: 4 });
  const [readEnd, writeEnd] = await ring.pipe();
  const starved = ring.read_multishot(readEnd, buffers);
  await ring.write(writeEnd, Buffer.from('eight by'));
  expect((await starved.next()).value?.length).toBe(4);
  const waiting = starved.next();
  const ticks = ring.timeout_multishot(1);
  await ticks.next();
  const end = performance.now() + 30;
  while (performance.now() < end);
  await Promise.all([
    expect(waiting).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'read' }),
    expect(
      (async () => {
        for await (const _ of ticks);
      })(),
    ).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'timeout' }),
    ring.close(),
  ]);
  closeSync(readEnd);
  closeSync(writeEnd);
});

it('console.log of an error, a file or a ring is short', async () => {
  await using ring = new Ring();
  const file = ring.registerFiles(1).at(0);
  const error = await ring
    .chain()
    .close_direct(file)
    .nop()
    .submit()
    .catch((reason: ChainError) => reason);
  expect(error).toMatchObject({ code: 'EBADF', index: 0 });
  expect((error as ChainError).outcomes).toHaveLength(2);
  expect(inspect(error)).not.toContain('outcomes');
  expect(inspect(file)).toBe('DirectFile { index: 0 }');
});

it('a buffer ring resolves when it has a buffer again', async () => {
  await using ring = new Ring();
  const buffers = ring.bufferRing({ entries: 1, size: 8 });
  const [source, sink] = await ring.pipe();
  await ring.write(sink, Buffer.from('one and another'));
  await buffers.available();
  const first = await ring.read(source, buffers);
  await expect(ring.read(source, buffers)).rejects.toMatchObject({ code: 'ENOBUFS' });
  let available = false;
  const again = buffers.available().then(() => {
    available = true;
  });
  await new Promise(setImmediate);
  expect(available).toBe(false);
  first.release();
  await again;
  const second = await ring.read(source, buffers);
  expect(Buffer.from(second.bytes).toString()).toBe('another');
  second.release();
  await Promise.all([ring.close_fd(source), ring.close_fd(sink)]);
});

it('zeroes a range by another operation where the kernel has none for it, if asked to', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'liburing-wasm-')), 'file_with_stuff');
  writeFileSync(file, '1234567890');
  const fd = openSync(file, 'r+');
  const ring = new Ring();
  try {
    const result = await ring.zero(fd, 0, 5, { fallback: 'fallocate' }).catch((error) => error.code);
    // the file system's own answer, which fallocate(1) would get, too
    const allowed = await ring.fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 5).catch((error) => error.code);
    expect(result).toBe(allowed);
    expect(readFileSync(file, 'latin1')).toBe(result === 0 ? '\0\0\0\0\x0067890' : '1234567890');
  } finally {
    await ring.close();
    closeSync(fd);
    rmSync(dirname(file), { recursive: true });
  }
});

it('a chain whose first member skips its completion ends when the kernel refuses a later one', async () => {
  const wrong = -1;
  for (const hard of [false, true]) {
    await using ring = new Ring();
    const first = ring.chain().nop({ skipSuccess, link: hard ? 'hard' : 'soft' });
    const chain = first.fsync(1, wrong, { skipSuccess }).nop();
    const outcomes = await chain.settle();
    expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { errno: -ECANCELED } });
    expect(ring.pending).toBe(0);
  }
});

it('an error that does not break its chain is reported', async () => {
  await using ring = new Ring();
  const [outcome, next] = await ring.chain().unlink('/no/such/file').nop().settle();
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ENOENT' } });
  // the kernel decides this, and later kernels may decide otherwise
  expect(next.status === 'fulfilled' || errnoOf(next.reason) === -ECANCELED).toBe(true);
  await expect(ring.chain().unlink('/no/such/file').nop().submit()).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'unlink',
    index: 0,
  });
});

it('does not touch the stdin of the program that imports it', () => {
  const script = "await import('./dist/index.js'); console.log(require('node:fs').readFileSync(0, 'utf8').length);";
  const run = spawnSync(execPath, ['-e', `(async () => { ${script} })()`], {
    cwd: root,
    encoding: 'utf8',
    input: 'x'.repeat(1 << 20),
  });
  expect(run).toMatchObject({ status: 0, stdout: `${1 << 20}\n`, stderr: '' });
});
