/** The ring itself: settings, arguments, submission, waiting, closing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import {
  __kernel_timespec,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  type io_uring_sqe,
} from '../../src/c.js';
import { createInstance, RequestHandle, Ring, type RingOptions, type Ring as RingType } from '../../src/index.js';
import { AT_FDCWD, POLLIN } from '../../src/linux.js';
import { kernelHas } from '../support/kernel.js';
import { observe, openRing } from '../support/observed.js';
import { inRoot } from '../support/paths.js';
import { newPath } from '../support/scratch.js';
import { closing } from '../support/sockets.js';
import { countingInstance } from '../support/system-calls.js';

const openFds = (): number => readdirSync('/proc/self/fd').length;

/** Writes to a pipe, and reads from it. */
async function works(ring: RingType): Promise<void> {
  const [input, output] = await ring.pipe();
  const buf = Buffer.alloc(8);
  const reading = ring.read(input, buf);
  expect(await ring.write(output, Buffer.from('it works'))).toBe(8);
  expect(await reading).toBe(8);
  expect(buf.toString()).toBe('it works');
  await Promise.all([ring.close_fd(input), ring.close_fd(output)]);
  expect(ring.pending).toBe(0);
}

describe('settings', () => {
  const kinds: RingOptions[] = [
    {},
    { entries: 1 },
    { entries: 32768 },
    { entries: 8, cqEntries: 64 },
    { singleIssuer: true },
    { deferTaskrun: true },
    { coopTaskrun: false, taskrunFlag: false, submitAll: false },
    { sqpoll: true, sqThreadIdle: 10 },
    { sqpoll: true, sqThreadCpu: 0, entries: 2 },
    { sqe128: true },
    { cqe32: true },
    { sqe128: true, cqe32: true, deferTaskrun: true },
    { noSqarray: true },
    { clamp: true, entries: 100_000 },
  ];
  if (kernelHas('6.18')) kinds.push({ cqeMixed: true });
  for (const options of kinds) {
    it(`${JSON.stringify(options)} work`, async () => {
      const ring = openRing(options);
      for (let round = 0; round < 20; round++) await works(ring);
      expect(await Promise.all(Array.from({ length: 300 }, () => ring.nop()))).toEqual(new Array(300).fill(0));
    });
  }

  it('iopoll polls for its completions', async () => {
    const ring = openRing({ iopoll: true });
    expect(await Promise.all([ring.nop(), ring.nop()])).toEqual([0, 0]);
  });

  it('attachWq shares the kernel threads of another', async () => {
    const first = openRing();
    await works(openRing({ attachWq: first }));
    const threaded = openRing({ sqpoll: true });
    await works(openRing({ sqpoll: true, attachWq: threaded }));
    expect(() => new Ring({ attachWq: { fd: 0 } })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('set the flags that they name, and the default ones', () => {
    expect(openRing().struct.flags & (IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN)).toBe(
      IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
    );
    const { flags } = openRing({ deferTaskrun: true, submitAll: false }).struct;
    const wanted = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;
    expect(flags & (wanted | IORING_SETUP_SUBMIT_ALL)).toBe(wanted);
    expect(openRing({ entries: 5 }).entries).toBe(8);
    const ring = openRing({ entries: 4, cqEntries: 33 });
    expect(ring.struct.cq.ring_entries).toBe(64);
    expect(ring.fd).toBeGreaterThan(2);
  });

  it('that do not exist are refused, and nothing is left behind', () => {
    const fds = openFds();
    const refusal = (options: unknown): unknown => {
      try {
        return new Ring(options as RingOptions);
      } catch (error) {
        return error;
      }
    };
    for (const [options, code, message] of [
      [
        { sqPoll: true },
        'ERR_UNKNOWN_OPTION',
        /^a ring has no option sqPoll; do you mean sqpoll\? \(it takes entries, /,
      ],
      [{ cqsize: true }, 'ERR_UNKNOWN_OPTION', /^a ring has no option cqsize; do you mean /],
      [{ sqpoll: 1 }, 'ERR_INVALID_ARG_TYPE', /^sqpoll must be true or false, not 1$/],
    ] as const) {
      expect(refusal(options)).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    for (const options of [{ entries: '8' }, { entries: 1.5 }]) {
      expect((refusal(options) as { code: string }).code).toMatch(/^ERR_/);
    }
    expect(refusal({ entries: 0 })).toMatchObject({ code: 'EINVAL', syscall: 'io_uring_setup' });
    expect(refusal({ entries: 100_000 })).toMatchObject({ code: 'EINVAL', syscall: 'io_uring_setup' });
    expect(refusal({ sqpoll: true, deferTaskrun: true })).toMatchObject({ code: 'EINVAL', syscall: 'io_uring_setup' });
    expect(refusal({ attachWq: { fd: 999_999 } })).toMatchObject({ code: 'ENXIO', syscall: 'io_uring_setup' });
    expect(openFds()).toBe(fds);
  });

  it('rDisabled waits for enable()', async () => {
    const ring = openRing({ rDisabled: true, entries: 4 });
    const results = [ring.nop(), ring.nop()];
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(ring.pending).toBe(2);
    results.push(ring.nop(), ring.nop());
    await expect(ring.nop()).rejects.toThrow('ring must be enabled before its submission queue is full, not disabled');
    ring.enable();
    expect(await Promise.all(results)).toEqual([0, 0, 0, 0]);
    expect(() => ring.enable()).toThrow('EBADFD');
    const other = openRing({ rDisabled: true });
    const ended = expect(other.read(0, Buffer.alloc(1), 1, 0)).rejects.toThrow();
    await other.close();
    await ended;
  });
});

describe('instances', () => {
  it('have memory of their own', async () => {
    const instance = createInstance({ windowSize: 4 << 20 });
    const ring = observe(new Ring({ instance }));
    expect(ring.memory).toBe(instance.memory);
    await works(ring);
    await expect(ring.openat(AT_FDCWD, newPath())).rejects.toMatchObject({ code: 'ENOENT' });
    // a struct of the other instance
    await expect(ring.timeout(openRing().memory.alloc(__kernel_timespec))).rejects.toThrow(/same instance/);
    await ring.close();
    instance.close();
  });
});

describe('wrong arguments', () => {
  it('are refused in one sentence, and nothing is submitted', async () => {
    const ring = openRing();
    const buf = Buffer.alloc(8);
    const file = {} as never;
    const handle = new RequestHandle();
    const busy = ring.timeout(100_000, 0, 0, { handle });
    ring.submit();
    const wrong: (() => unknown)[] = [
      () => ring.read(file, buf),
      () => ring.read(1.5, buf),
      () => ring.read(2 ** 40, buf),
      () => ring.read(0, 'text' as never),
      () => ring.read(0, buf, 9),
      () => ring.read(0, buf, -1),
      () => ring.read(0, buf, 8, 0.5),
      () => ring.write(0, new ArrayBuffer(8) as never),
      () => ring.readv(0, [buf, 'x' as never]),
      () => ring.readv(0, 'list' as never),
      () => ring.readv(0, [buf], 2000),
      () => ring.openat(AT_FDCWD, 5 as never),
      () => ring.openat(AT_FDCWD, 'with\0NUL'),
      () => ring.openat(AT_FDCWD, Buffer.from('no NUL')),
      () => ring.openat2(AT_FDCWD, '/', null as never),
      () => ring.connect(0, { address: '1.2.3', port: 1 }),
      () => ring.connect(0, { address: '1.2.3.4', port: -1 }),
      () => ring.connect(0, 5 as never),
      () => ring.sendmsg(0, {} as never),
      () => ring.sendmsg(0, { iov: [5 as never] }),
      () => ring.timeout('1' as never),
      () => ring.timeout(-5),
      () => ring.cancel({} as never),
      () => ring.epoll_ctl(0, 0, 0, 'x' as never),
      () => ring.nop({ handle }),
      () => ring.nop({ bufferGroup: 70_000 }),
      () => ring.nop({ personality: 0.5 }),
      () => ring.nop({ signal: {} as never }),
      () => ring.nop({ handle: {} as never }),
      () =>
        ring.nop({
          editSqe: () => {
            throw new TypeError('thrown by the caller must be one sentence, too');
          },
        }),
      () => ring.files_update('x' as never, 1, 0),
      () => ring.close_fd('1' as never),
      () => ring.close_fd(undefined as never),
    ];
    for (const call of wrong) {
      let error: unknown;
      try {
        await call();
      } catch (caught) {
        error = caught;
      }
      expect(error, String(call)).toBeInstanceOf(Error);
      expect(['TypeError', 'RangeError'], String(call)).toContain((error as Error).name);
      expect((error as Error).message, String(call)).not.toMatch(/\n|undefined \(reading/);
      expect(ring.pending, String(call)).toBe(1);
      expect(await ring.nop(), String(call)).toBe(0);
    }
    await Promise.all([ring.timeout_remove(handle), expect(busy).rejects.toMatchObject({ code: 'ECANCELED' })]);
    await works(ring);
  });

  it('for an SQE of 128 bytes', async () => {
    const ring = openRing({ sqe128: true, entries: 4 });
    // the ring's first request, which nothing else may settle
    const waiting = ring.timeout(100_000).catch(({ code }) => code);
    for (let round = 0; round < 10; round++) {
      await expect(ring.uring_cmd128(0, 'x' as never)).rejects.toThrow(TypeError);
      await expect(ring.nop128({ ioprio: 'x' as never })).rejects.toThrow('ioprio must be an integer');
      await expect(ring.nop128({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
      expect(await Promise.all([ring.nop(), ring.nop(), ring.nop()])).toEqual([0, 0, 0]);
    }
    expect(ring.pending).toBe(1);
    const plain = openRing();
    await expect(plain.nop128()).rejects.toThrow(
      'ring must be set up with sqe128 or sqeMixed for an SQE of 128 bytes, not without',
    );
    await expect(plain.uring_cmd128(0, 0)).rejects.toThrow('ring must be set up with sqe128 or sqeMixed');
    expect(() => plain.chain().nop128()).toThrow('ring must be set up with sqe128 or sqeMixed');
    await works(plain);
    await ring.close();
    expect(await waiting).toBe('ECANCELED');
  });

  it('lose no memory', async () => {
    const ring = openRing();
    const free = (): number => {
      const block = ring.memory.allocArray(64);
      const { byteOffset } = block;
      ring.memory.free(block);
      return byteOffset;
    };
    const before = free();
    for (let round = 0; round < 2000; round++) {
      await expect(ring.renameat(AT_FDCWD, 'a', AT_FDCWD, 5 as never)).rejects.toThrow(TypeError);
      if (round % 100 === 0)
        expect(() => ring.chain().renameat(AT_FDCWD, 'a', AT_FDCWD, 5 as never)).toThrow(TypeError);
    }
    expect(free()).toBe(before);
  });
});

describe('submission', () => {
  it('happens at the end of the turn, in one system call', async () => {
    const { instance, enters } = countingInstance();
    const ring = new Ring({ instance });
    await ring.nop();
    for (let round = 0; round < 10; round++) {
      const before = enters();
      const all = Array.from({ length: 100 }, () => ring.nop());
      await Promise.resolve();
      all.push(ring.nop());
      expect(enters()).toBe(before);
      await Promise.all(all);
      expect(enters()).toBe(before + 1);
    }
    // a later completion costs no system call
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const before = enters();
    const reading = ring.read(input, Buffer.alloc(1));
    setTimeout(() => writeSync(output, 'x'), 5);
    expect(await reading).toBe(1);
    expect(enters()).toBe(before + 1);
    await ring.close();
    instance.close();
  });

  it('takes one call for what promise callbacks queue, however many promises are between', async () => {
    const { instance, enters } = countingInstance();
    const ring = new Ring({ instance });
    const through = async (promises: number): Promise<number> => {
      if (promises > 0) return through(promises - 1);
      return ring.nop();
    };
    const chain = async (promises: number): Promise<void> => {
      await ring.nop();
      for (let i = 0; i < promises; i++) await null;
      await through(promises);
    };
    await ring.nop();
    const before = enters();
    await Promise.all(Array.from({ length: 20 }, (_, promises) => chain(promises)));
    expect(enters()).toBe(before + 2);
    await ring.close();
    instance.close();
  });

  it('lets the event loop turn, however fast completions come', async () => {
    const ring = openRing();
    let turns = 0;
    let inTurn = setImmediate(function count() {
      turns++;
      inTurn = setImmediate(count);
    });
    for (let i = 0; i < 1000; i++) await ring.nop();
    clearImmediate(inTurn);
    // but not once for each, as Node's turns take long
    expect(turns).toBeGreaterThanOrEqual(100);
    expect(turns).toBeLessThan(500);
    await ring.close();
  });

  it('splits a turn with more requests than the queue has entries', async () => {
    const { instance, enters } = countingInstance();
    const ring = new Ring({ instance, entries: 8 });
    const results = await Promise.all(Array.from({ length: 1000 }, () => ring.nop()));
    expect(results).toEqual(new Array(1000).fill(0));
    // one call each time that the queue was full, and some as the CQ ring was full
    expect(enters()).toBeGreaterThanOrEqual(125);
    expect(enters()).toBeLessThanOrEqual(250);
    await ring.close();
    instance.close();
  });

  it('happens at once with submit()', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const buf = Buffer.alloc(1);
    const writing = ring.write(output, Buffer.from('x'));
    const handle = new RequestHandle();
    ring.read(input, buf, 1, -1, { handle });
    expect(handle.result).toBeUndefined();
    ring.submit();
    expect(handle.result).toBe(1);
    expect(buf.toString()).toBe('x');
    expect(await writing).toBe(1);
    expect(ring.pending).toBe(0);
  });

  const setUnknown = (sqe: io_uring_sqe): void => {
    sqe.opcode = 255;
  };

  it('continues behind an SQE that the kernel refuses', async () => {
    for (const options of [{}, { submitAll: false }]) {
      const ring = openRing(options);
      const results = await Promise.allSettled([
        ring.nop(),
        ring.nop({ ioprio: 0xffff, editSqe: setUnknown }),
        ring.nop(),
        ring.nop(),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
      expect(ring.pending).toBe(0);
    }
  });

  it('loses no completion when the CQ ring is full', async () => {
    const ring = openRing({ entries: 4, cqEntries: 4 });
    const pipes = await Promise.all(Array.from({ length: 50 }, () => ring.pipe()));
    const results = pipes.map(([input]) => ring.read(input, Buffer.alloc(1)));
    await ring.nop();
    // all at once, while the ring is not looked at
    for (const [, output] of pipes) writeSync(output, 'x');
    expect(await Promise.all(results)).toEqual(new Array(50).fill(1));
    await Promise.all(pipes.flat().map((fd) => ring.close_fd(fd)));
    expect(ring.pending).toBe(0);
  });

  it('takes 100,000 requests in one turn', async () => {
    const ring = openRing();
    let sum = 0;
    await Promise.all(Array.from({ length: 100_000 }, () => ring.nop().then((result) => (sum += 1 + result))));
    expect(sum).toBe(100_000);
  });
});

describe('submitAndWait', () => {
  it('returns when a signal comes, and can wait again', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const handle = new RequestHandle();
    const reading = ring.read(input, Buffer.alloc(1), 1, -1, { handle });
    ring.submit(); // otherwise io_uring_enter(2) would return how many were submitted, and not report the signal
    let signals = 0;
    const count = (): number => signals++;
    process.on('SIGUSR2', count);
    // several signals: the first may come before the wait begins
    const sender = spawn('sh', ['-c', `while kill -USR2 ${process.pid}; do sleep 0.05; done`]);
    try {
      expect(ring.submitAndWait(1)).toBe(0);
      expect(handle.result).toBeUndefined();
    } finally {
      sender.kill();
      await once(sender, 'exit');
      expect(signals).toBeGreaterThan(0);
      process.off('SIGUSR2', count);
    }
    writeSync(output, 'x');
    expect(ring.submitAndWait(1)).toBe(1);
    expect(await reading).toBe(1);
  });

  it('blocks until `count` requests are complete', async () => {
    const ring = openRing();
    const handles = [new RequestHandle(), new RequestHandle(), new RequestHandle()];
    const promises = handles.map((handle, index) => ring.timeout([0, 15, 500][index] ?? 0, 0, 0x20, { handle }));
    const start = performance.now();
    expect(ring.submitAndWait(2)).toBe(2);
    expect(performance.now() - start).toBeGreaterThanOrEqual(14);
    expect(handles.map(({ result }) => result)).toEqual([-62, -62, undefined]);
    expect(ring.submitAndWait()).toBe(1);
    expect(await Promise.all(promises)).toEqual([true, true, true]);
    expect(ring.submitAndWait(0)).toBe(0);
  });

  it('blocks no longer than `timeout`', async () => {
    const ring = openRing();
    const handle = new RequestHandle();
    const waiting = ring.timeout(100_000, 0, 0x20, { handle });
    const start = performance.now();
    expect(ring.submitAndWait(1, { timeout: 10 })).toBe(0);
    const elapsed = performance.now() - start;
    expect(elapsed).toBeGreaterThanOrEqual(9);
    expect(ring.submitAndWait(1, { timeout: 0.5 })).toBe(0);
    await ring.timeout_update(1, handle);
    expect(await waiting).toBe(true);
    const nop = ring.nop();
    expect(ring.submitAndWait(1, { timeout: 999.9999999 })).toBe(1);
    await nop;
    for (const timeout of [-1, Number.NaN, '1' as never]) {
      const pending = ring.nop();
      expect(() => ring.submitAndWait(1, { timeout })).toThrow(/^timeout (is|must be)/);
      expect(await pending).toBe(0);
    }
  });

  it.skipIf(!kernelHas('6.12'))('one completion is enough after minWait (Linux 6.12)', async () => {
    const ring = openRing({ deferTaskrun: true });
    const [nop, late] = [ring.nop(), ring.timeout(100_000)];
    const start = performance.now();
    expect(ring.submitAndWait(2, { timeout: 10_000, minWait: 10 })).toBe(1);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(await nop).toBe(0);
    const ended = expect(late).rejects.toMatchObject({ code: 'ECANCELED' });
    await ring.close();
    await ended;
  });

  it.skipIf(!kernelHas('6.13'))('waits that are registered (Linux 6.13)', async () => {
    const ring = openRing({ rDisabled: true, deferTaskrun: true });
    const [short, long] = ring.registerWaits(2);
    if (!short || !long) throw new Error('no waits');
    ring.enable();
    const handle = new RequestHandle();
    const late = ring.timeout(100_000, 0, 0x20, { handle });
    const start = performance.now();
    expect(ring.submitAndWait(1, { registered: short.set(10) })).toBe(0);
    expect(performance.now() - start).toBeGreaterThanOrEqual(9);
    const update = ring.timeout_update(1, handle);
    expect(ring.submitAndWait(2, { registered: long.set(10_000, 1000) })).toBe(2);
    expect(await update).toBe(0);
    expect(await late).toBe(true);
    expect(() => short.set(-1)).toThrow('timeout is -1, which is no time in milliseconds');
    expect(() => openRing().registerWaits(0)).toThrow('count must be an integer from 1 to 64, not 0');
    expect(() => openRing().registerWaits(1)).toThrow('EINVAL');
    const other = openRing();
    const pending = other.nop();
    expect(() => other.submitAndWait(1, { registered: long })).toThrow('registered must be a wait that is registered');
    await pending;
  });

  it('refuses to wait for more completions than can come', async () => {
    const ring = openRing();
    expect(() => ring.submitAndWait(1)).toThrow(
      'count must be a number of completions that can come, at most 0, not 1',
    );
    const nop = ring.nop();
    for (const count of [-1, 1.5, 2, '1' as never]) expect(() => ring.submitAndWait(count)).toThrow(TypeError);
    expect(await nop).toBe(0);
  });
});

describe('closing', () => {
  it('cancels what is in flight, and waits for it', async () => {
    const fds = openFds();
    const ring = openRing();
    const [input, output] = await ring.pipe();
    const files = ring.registerFiles(4);
    const ends = [
      ring.read(input, Buffer.alloc(1)),
      ring.read(input, Buffer.alloc(1), 1, -1, { async: true }),
      ring.poll_add(input, POLLIN),
      ring.timeout(100_000),
      ring
        .chain()
        .read(input, Buffer.alloc(1), 1, -1, { link: 'hard' })
        .timeout(100_000, 0, 0, { link: 'hard' })
        .poll_add(input, POLLIN)
        .submit(),
      ring.timeout_multishot(100_000).next(),
      ring.messages().next(),
    ].map((promise) => promise.then(String, (error: { code: string }) => error.code));
    ring.submit();
    const direct = ring.open_direct('/dev/null', 0, 0, files.at(0));
    const closed = ring.close();
    expect(ring.close()).toBe(closed);
    await expect(ring.nop()).rejects.toThrow('ring must be open, not closed');
    expect(() => ring.submit()).toThrow('ring must be open, not closed');
    expect(() => ring.bufferRing({ entries: 1, size: 1 })).toThrow('ring must be open, not closed');
    await closed;
    expect(ring.pending).toBe(0);
    const results = await Promise.all(ends);
    expect(results.pop()).toBe('[object Object]');
    expect(results.every((code) => code === 'ECANCELED' || code === 'EINTR')).toBe(true);
    expect(await direct).toBe(files.at(0));
    for (const fd of [input, output]) closing(fd);
    expect(openFds()).toBe(fds + 2);
    await ring.close();
    await ring[Symbol.asyncDispose]();
    ring[Symbol.dispose]();
  });

  it('blocks when `using` calls it', async () => {
    const fds = openFds();
    const ring = new Ring();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const reads = [1, 2, 3].map(() => ring.read(input, Buffer.alloc(1)).catch(({ code }) => code));
    const chained = ring
      .chain()
      .read(input, Buffer.alloc(1), 1, -1, { link: 'hard' })
      .read(input, Buffer.alloc(1))
      .settle();
    ring[Symbol.dispose]();
    expect(openFds()).toBe(fds + 2);
    expect(await Promise.all(reads)).toEqual(['ECANCELED', 'ECANCELED', 'ECANCELED']);
    expect((await chained).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    writeSync(output, 'nobody reads this');
    ring[Symbol.dispose]();
  });

  it('an empty ring, a new ring, a ring in use', async () => {
    await new Ring().close();
    new Ring()[Symbol.dispose]();
    const ring = new Ring();
    const nops = [ring.nop(), ring.nop()];
    await ring.close();
    expect(await Promise.all(nops)).toEqual([0, 0]);
    for (const options of [{ sqpoll: true }, { deferTaskrun: true }, { iopoll: true }]) {
      const other = new Ring(options);
      const nop = other.nop();
      await other.close();
      expect(await nop).toBe(0);
    }
  });

  it('while multishot operations have many items', async () => {
    for (let round = 0; round < 30; round++) {
      const ring = new Ring({ entries: 8 });
      const loops = Array.from({ length: 20 }, async (_, index) => {
        for await (const tick of ring.timeout_multishot(0.02 + index / 1000, 0, 0, { highWaterMark: 1 + (index % 4) }))
          if (tick < 0) break;
      });
      const ends = loops.map((loop) => loop.catch(({ code }) => code));
      await ring.timeout(round / 10);
      if (round % 2) ring[Symbol.dispose]();
      else await ring.close();
      expect(await Promise.all(ends)).toEqual(new Array(20).fill('ECANCELED'));
    }
  });
});

describe('workers', () => {
  it('send messages to each other', async () => {
    const ring = openRing();
    const source = `
      import { Ring } from ${JSON.stringify(pathToFileURL(inRoot('dist/index.js')))};
      import { parentPort, workerData } from 'node:worker_threads';
      const ring = new Ring();
      parentPort.postMessage(ring.fd);
      for await (const { data, len } of ring.messages()) {
        if (len === 0) break;
        await ring.msg_ring(workerData, len * 2, data + 1n);
      }
      await ring.close();
    `;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: ring.fd });
    const [fd] = (await once(worker, 'message')) as [number];
    const messages = ring.messages();
    for (let round = 1; round <= 200; round++) {
      await ring.msg_ring(fd, round, BigInt(round) << 40n);
      expect(await messages.next()).toMatchObject({ value: { data: (BigInt(round) << 40n) + 1n, len: round * 2 } });
    }
    const exit = once(worker, 'exit');
    await ring.msg_ring(fd, 0, 0);
    expect(await exit).toEqual([0]);
    await messages.return?.();
  });
});
