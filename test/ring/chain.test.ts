/** Chains that succeed, and what becomes of the other members when one fails. */
import { existsSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IORING_TIMEOUT_ETIME_SUCCESS } from '../../src/c.js';
import { type ChainError, type Outcome, RequestHandle } from '../../src/index.js';
import { AF_INET, AT_FDCWD, MSG_WAITALL, O_CREAT, O_RDONLY, O_WRONLY, SOCK_STREAM } from '../../src/linux.js';
import { openFiles } from '../support/descriptors.js';
import { openRing } from '../support/observed.js';
import { newPath } from '../support/scratch.js';
import { closing, connection } from '../support/sockets.js';

const ok = (name: string, value: unknown) => ({ status: 'fulfilled', name, value });
const failed = (name: string, code: string) => ({ status: 'rejected', name, reason: { code, syscall: name } });

describe('a chain', () => {
  it("is submitted at once, and resolves to each member's value", async () => {
    const ring = openRing();
    const file = ring.registerFiles(4).at(3);
    const path = newPath();
    const data = Buffer.from('a file that never had an fd');
    const fds = openFiles();
    const chain = ring
      .chain()
      .openat_direct(AT_FDCWD, path, O_WRONLY | O_CREAT, 0o644, file)
      .write(file, data, data.length, 0)
      .fsync(file)
      .close_direct(file);
    expect(chain.length).toBe(4);
    expect(ring.pending).toBe(0);
    const settled = chain.submit();
    expect(ring.pending).toBe(4);
    expect(await settled).toEqual([file, data.length, 0, 0]);
    expect(readFileSync(path).equals(data)).toBe(true);
    expect(openFiles()).toBe(fds);
    expect(ring.pending).toBe(0);
  });

  it('resolves to the values of its operations: stat, pipes', async () => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, '12345');
    for (let round = 0; round < 20; round++) {
      const [stat, ends, zero] = await ring.chain().statx(AT_FDCWD, path).pipe().nop().submit();
      expect(stat.stx_size).toBe(5n);
      for (const fd of ends) expect(await ring.close_fd(fd)).toBe(0);
      expect(zero).toBe(0);
    }
  });

  it('prints late with three lines: a timeout, then a write', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const start = performance.now();
    await ring.chain().timeout(30).write(output, Buffer.from('late')).submit();
    expect(performance.now() - start).toBeGreaterThanOrEqual(29);
    expect(await ring.read(input, Buffer.alloc(10))).toBe(4);
  });

  it('stops at a member that fails', async () => {
    const ring = openRing();
    const [path, other] = [newPath(), newPath()];
    const chain = () => ring.chain().nop().openat(AT_FDCWD, path, O_RDONLY).mkdir(other).nop();
    expect(await chain().settle()).toMatchObject([
      ok('nop', 0),
      failed('openat', 'ENOENT'),
      failed('mkdir', 'ECANCELED'),
      failed('nop', 'ECANCELED'),
    ]);
    const error = (await chain()
      .submit()
      .catch((reason: unknown) => reason)) as ChainError;
    expect(error).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'openat', index: 1 });
    expect(error.message).toMatch(/^ENOENT: no such file or directory, openat '\//);
    expect(error.outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(existsSync(other)).toBe(false);
    expect(ring.pending).toBe(0);
  });

  it('continues behind a hard link', async () => {
    const ring = openRing();
    const path = newPath();
    const hard = { link: 'hard' } as const;
    const chain = ring.chain().unlink(path, 0, hard).mkdir(path).rename(path, `${path}/x`, hard).nop().nop();
    expect(await chain.settle()).toMatchObject([
      failed('unlink', 'ENOENT'),
      ok('mkdir', 0),
      failed('rename', 'EINVAL'),
      ok('nop', 0),
      ok('nop', 0),
    ]);
  });

  it('stops at a short read, which is no error', async () => {
    const ring = openRing();
    const path = newPath();
    writeFileSync(path, 'short');
    const fd = closing(await ring.open(path));
    const long = ring.chain().read(fd, Buffer.alloc(100), 100, 0).nop();
    expect(await long.settle()).toMatchObject([ok('read', 5), failed('nop', 'ECANCELED')]);
    const exact = ring.chain().read(fd, Buffer.alloc(5), 5, 0).nop();
    expect(await exact.settle()).toMatchObject([ok('read', 5), ok('nop', 0)]);
    await expect(ring.chain().read(fd, Buffer.alloc(9), 9, 0).nop().submit()).rejects.toMatchObject({
      code: 'ECANCELED',
      index: 1,
    });
  });

  it('stops at a short receive, unless it waits for all data', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    await ring.send(client, Buffer.from('123'));
    expect(await ring.chain().recv(server, Buffer.alloc(3), 3, MSG_WAITALL).nop().settle()).toMatchObject([
      ok('recv', 3),
      ok('nop', 0),
    ]);
  });

  it('stops at a timeout, unless that counts as success', async () => {
    const ring = openRing();
    expect(await ring.chain().timeout(1, 0, 0).nop().settle()).toMatchObject([
      failed('timeout', 'ETIME'),
      failed('nop', 'ECANCELED'),
    ]);
    expect(await ring.chain().timeout(1, 0, IORING_TIMEOUT_ETIME_SUCCESS).nop().settle()).toMatchObject([
      ok('timeout', true),
      ok('nop', 0),
    ]);
  });

  it('can have zero-copy sends', async () => {
    const ring = openRing();
    const [client, server] = await connection(ring);
    const chain = ring.chain().send_zc(client, Buffer.from('zero')).send_zc(client, Buffer.from('copy')).nop();
    expect(await chain.submit()).toEqual([4, 4, 0]);
    expect(await ring.recv(server, Buffer.alloc(8), 8, MSG_WAITALL)).toBe(8);
  });

  it('stores results in the handles of its members', async () => {
    const ring = openRing();
    const [one, two] = [new RequestHandle(), new RequestHandle()];
    const settled = ring.chain().nop({ handle: one }).unlink(newPath(), 0, { handle: two }).settle();
    expect(two.active).toBe(true);
    expect(ring.submitAndWait(2)).toBe(2);
    expect([one.result, two.result]).toEqual([0, -2]);
    expect(two.active).toBe(false);
    await settled;
  });

  it('is independent of other chains at the same time', async () => {
    const ring = openRing();
    const one = ring.chain().openat(AT_FDCWD, newPath()).nop();
    const two = ring.chain().nop().nop();
    const [first, second, third] = await Promise.all([one.settle(), two.submit(), ring.nop()]);
    expect(first).toMatchObject([failed('openat', 'ENOENT'), failed('nop', 'ECANCELED')]);
    expect(second).toEqual([0, 0]);
    expect(third).toBe(0);
  });

  it('starts with drain after all requests before it', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const order: string[] = [];
    const reading = ring.read(input, Buffer.alloc(1)).then(() => order.push('read'));
    const drained = ring.nop({ drain: true }).then(() => order.push('drained'));
    ring.submit();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(order).toEqual([]);
    writeSync(output, 'x');
    await Promise.all([reading, drained]);
    expect(order).toEqual(['read', 'drained']);
  });
});

describe('skipSuccess', () => {
  const skip = { skipSuccess: true };

  it('gives the member no value and no completion', async () => {
    const ring = openRing();
    const file = ring.registerFiles(4).at(0);
    const path = newPath();
    const data = Buffer.from('quiet');
    const settled = ring
      .chain()
      .openat_direct(AT_FDCWD, path, O_WRONLY | O_CREAT, 0o644, file, skip)
      .write(file, data, data.length, 0, skip)
      .close_direct(file)
      .submit();
    expect(ring.submitAndWait(1)).toBe(1);
    expect(await settled).toEqual([undefined, undefined, 0]);
    expect(readFileSync(path, 'utf8')).toBe('quiet');
    expect(ring.pending).toBe(0);
  });

  for (const position of [0, 1, 2]) {
    it(`reports the failure at ${position} of 4`, async () => {
      const ring = openRing();
      const chain = ring.chain();
      for (let index = 0; index < 3; index++) {
        if (index === position) chain.openat(AT_FDCWD, newPath(), O_RDONLY, 0, skip);
        else chain.nop(skip);
      }
      chain.nop();
      const outcomes = (await chain.settle()) as readonly Outcome[];
      expect(outcomes.length).toBe(4);
      outcomes.forEach((outcome, index) => {
        if (index < position) expect(outcome).toMatchObject(ok('nop', undefined));
        else if (index === position) expect(outcome).toMatchObject(failed('openat', 'ENOENT'));
        else expect(outcome).toMatchObject(failed('nop', 'ECANCELED'));
      });
      expect(ring.pending).toBe(0);
      expect(await ring.nop()).toBe(0);
    });
  }

  it('reports a member that is cancelled with the rest', async () => {
    const ring = openRing();
    const chain = ring.chain().openat(AT_FDCWD, newPath()).nop(skip).nop().nop(skip).nop();
    expect(await chain.settle()).toMatchObject([
      failed('openat', 'ENOENT'),
      failed('nop', 'ECANCELED'),
      failed('nop', 'ECANCELED'),
      failed('nop', 'ECANCELED'),
      failed('nop', 'ECANCELED'),
    ]);
    expect(ring.pending).toBe(0);
  });

  it('reports a member that fails before it starts', async () => {
    const ring = openRing();
    const bad = { ...skip, ioprio: 0xffff };
    for (const chain of [
      ring.chain().fsync(0, 0, bad).nop(),
      ring.chain().nop(skip).fsync(0, 0, bad).nop(),
      ring.chain().nop(skip).fsync(0, 0, { ioprio: 0xffff }).nop(),
      ring.chain().nop().fsync(0, 0, bad).nop(skip).nop(),
    ]) {
      const outcomes = (await chain.settle()) as readonly Outcome[];
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
      expect(ring.pending).toBe(0);
    }
  });

  it('continues behind a hard link', async () => {
    const ring = openRing();
    const chain = ring
      .chain()
      .openat(AT_FDCWD, newPath(), 0, 0, { ...skip, link: 'hard' })
      .nop(skip)
      .nop();
    expect(await chain.settle()).toMatchObject([failed('openat', 'ENOENT'), ok('nop', undefined), ok('nop', 0)]);
    expect(ring.pending).toBe(0);
  });

  it('is refused for the last member, and outside of chains', async () => {
    const ring = openRing();
    await expect(ring.chain().nop(skip).settle()).rejects.toThrow('skipSuccess must be for members before the last');
    await expect(ring.nop(skip as never)).rejects.toThrow(
      'options.skipSuccess must be an option of a member of a chain',
    );
    expect(ring.pending).toBe(0);
    expect(await ring.nop()).toBe(0);
  });
});

describe('a chain refuses', () => {
  it('to be empty, to be submitted twice, to grow afterwards', async () => {
    const ring = openRing();
    await expect(ring.chain().settle()).rejects.toThrow('chain must be one with requests, not empty');
    const chain = ring.chain().nop();
    await chain.submit();
    await expect(chain.settle()).rejects.toThrow('chain must be not yet submitted, not one that is');
    expect(() => chain.nop()).toThrow('chain must be not yet submitted, not one that is');
  });

  it('to be longer than the queue', async () => {
    const ring = openRing({ entries: 4 });
    const chain = ring.chain();
    for (let index = 0; index < 5; index++) chain.nop();
    await expect(chain.settle()).rejects.toThrow('the chain has 5 requests, and the submission queue 4 entries');
    expect(await ring.chain().nop().nop().nop().nop().submit()).toEqual([0, 0, 0, 0]);
  });

  it('wrong arguments, and keeps its other members', async () => {
    const ring = openRing();
    const chain = ring.chain().nop();
    expect(() => chain.read('0' as never, Buffer.alloc(1))).toThrow(TypeError);
    expect(() => chain.bind(0, { address: 'nowhere', port: 1 })).toThrow(/addr\.address must be/);
    expect(() => chain.nop({ ioprio: 'high' as never })).toThrow('ioprio must be an integer, not "high"');
    expect(chain.length).toBe(1);
    expect(await chain.nop().submit()).toEqual([0, 0]);
  });

  it('keeps its members together when the queue is nearly full', async () => {
    const ring = openRing({ entries: 4 });
    const settled = [];
    for (let round = 0; round < 50; round++) {
      settled.push(ring.nop());
      settled.push(ring.chain().socket(AF_INET, SOCK_STREAM).nop().openat(AT_FDCWD, newPath()).nop().settle());
    }
    for (const [index, result] of (await Promise.all(settled)).entries()) {
      if (index % 2 === 0) expect(result).toBe(0);
      else {
        const outcomes = result as readonly Outcome<number>[];
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
        const [socket] = outcomes;
        if (socket?.status === 'fulfilled') await ring.close_fd(socket.value);
      }
    }
  });

  it('a chain of a ring that was closed', async () => {
    const ring = openRing();
    const chain = ring.chain().nop();
    await ring.close();
    await expect(chain.submit()).rejects.toThrow('ring must be open, not closed');
    expect(() => ring.chain()).toThrow('ring must be open, not closed');
  });
});
