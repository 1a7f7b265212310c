/** The promises that the interface of Ring makes: one way to refuse, codes, abort reasons, nothing internal in sight. */
import { readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ChainError,
  createInstance,
  type MultishotOptions,
  RequestHandle,
  type RequestOptions,
  Ring,
  SystemError,
} from '../../src/index.js';
import { AT_FDCWD, O_CREAT, O_RDWR, POLLIN } from '../../src/linux.js';
import { Operations } from '../../src/ring/generated/operations.js';
import { openRing } from '../support/observed.js';
import { inRoot } from '../support/paths.js';
import { newPath } from '../support/scratch.js';
import { closing } from '../support/sockets.js';

const aborted = (reason: unknown): AbortSignal => AbortSignal.abort(reason);
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** The error that a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('entry points', () => {
  it('are Ring with what belongs to it, and the C interface under names of C', async () => {
    const [root, c] = await Promise.all([import('liburing-wasm'), import('liburing-wasm/c')]);
    const ofC = Object.keys(c);
    for (const name of ['io_uring_prep_read', 'io_uring_sqe', 'IORING_OP_READ', 'alloc', 'free', 'check'])
      expect(ofC).toContain(name);
    expect(ofC.filter((name) => /(^|_)H(_|$)/.test(name))).toEqual([]);

    const ofRoot = Object.keys(root);
    expect(ofRoot).toContain('Ring');
    expect(ofRoot.length).toBeLessThan(40);
    expect(ofRoot.filter((name) => /^(io_uring|IORING|IOSQE)/.test(name))).toEqual([]);
    // a name of both is one thing
    for (const [name, value] of Object.entries(root)) if (name in c) expect(value).toBe(c[name as keyof typeof c]);
  });
});

describe('a signal of a member of a chain', () => {
  it('that is aborted before the submission: nothing is submitted, and the reason rejects', async () => {
    const ring = openRing();
    const path = newPath();
    const fd = closing(await ring.openat(AT_FDCWD, path, O_RDWR | O_CREAT));
    const reason = new Error('not wanted any more');
    for (const end of ['submit', 'settle'] as const) {
      const chain = ring
        .chain()
        .nop()
        .write(fd, Buffer.from('written'), 7, 0, { signal: aborted(reason) })
        .nop();
      await expect(chain[end]()).rejects.toBe(reason);
    }
    expect(readFileSync(path, 'utf8')).toBe('');
    expect(ring.pending).toBe(0);
  });

  it('that is aborted in mid-chain cancels the member, and the reason rejects', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const controller = new AbortController();
    const submitted = ring
      .chain()
      .nop()
      .read(input, Buffer.alloc(1), 1, -1, { signal: controller.signal })
      .nop()
      .submit();
    await ring.nop();
    const reason = new Error('too late');
    controller.abort(reason);
    await expect(submitted).rejects.toBe(reason);
    expect(ring.pending).toBe(0);
  });

  it('that is aborted before the member has started cancels it when it starts', async () => {
    for (const options of [{}, { skipSuccess: true }]) {
      const ring = openRing();
      const [first, output] = (await ring.pipe()).map(closing) as [number, number];
      const [second] = (await ring.pipe()).map(closing) as [number];
      const controller = new AbortController();
      const settled = ring
        .chain()
        .read(first, Buffer.alloc(1), 1, -1, options)
        .read(second, Buffer.alloc(1), 1, -1, { signal: controller.signal })
        .nop()
        .settle();
      await ring.nop();
      controller.abort();
      await ring.nop();
      expect(ring.pending).toBe(3);
      writeSync(output, 'x');
      expect(await settled).toMatchObject([
        { status: 'fulfilled' },
        { status: 'rejected', name: 'read', reason: { name: 'AbortError' } },
        { status: 'rejected', name: 'nop', reason: { code: 'ECANCELED' } },
      ]);
    }
  });
});

describe('codes', () => {
  it('tell a wrong type from a wrong value, a state and an unknown option', async () => {
    const ring = openRing();
    const other = openRing();
    const fd = 0;
    const file = other.registerFiles(1).at(0);
    const buffers = ring.bufferRing({ entries: 1, size: 8 });
    const expected: [string, Promise<unknown>][] = [
      ['ERR_INVALID_ARG_TYPE', ring.read('0' as never, Buffer.alloc(1))],
      ['ERR_INVALID_ARG_TYPE', ring.openat(AT_FDCWD, 5 as never)],
      ['ERR_INVALID_ARG_TYPE', ring.nop({ signal: {} as never })],
      ['ERR_INVALID_ARG_TYPE', ring.nop({ handle: 'mine' as never })],
      ['ERR_INVALID_ARG_TYPE', ring.nop(5 as never)],
      ['ERR_INVALID_ARG_VALUE', ring.openat(AT_FDCWD, 'a\0b')],
      ['ERR_INVALID_ARG_VALUE', ring.read(file, Buffer.alloc(1))],
      ['ERR_INVALID_ARG_VALUE', ring.nop({ link: 'hard' } as never)],
      ['ERR_INVALID_ARG_VALUE', ring.nop({ bufferGroup: 65536 })],
      ['ERR_INVALID_ARG_VALUE', other.recv(0, buffers)],
      ['ERR_OUT_OF_RANGE', ring.read(fd, Buffer.alloc(1), 2, 0)],
      ['ERR_OUT_OF_RANGE', ring.read(2 ** 40, Buffer.alloc(1))],
      ['ERR_OUT_OF_RANGE', ring.timeout(-1)],
      ['ERR_INVALID_STATE', ring.cancel(new RequestHandle())],
      ['ERR_UNKNOWN_OPTION', ring.nop({ singal: AbortSignal.abort() } as RequestOptions)],
    ];
    for (const [index, [code, promise]] of expected.entries()) {
      const error = await promise.catch((reason: unknown) => reason);
      expect([index, codeOf(error)]).toEqual([index, code]);
    }
    await ring.close();
    expect(await ring.nop().catch(codeOf)).toBe('ERR_INVALID_STATE');
    expect(codeOf(thrown(() => ring.submit()))).toBe('ERR_INVALID_STATE');
  });

  it('of system errors come with errno, syscall, and path, dest and fd where there are any', async () => {
    const ring = openRing();
    const error = (promise: Promise<unknown>): Promise<unknown> => promise.catch((reason: unknown) => reason);
    const open = await error(ring.openat(AT_FDCWD, '/no/such/file'));
    expect(open).toBeInstanceOf(SystemError);
    expect({ ...(open as SystemError) }).toEqual({
      code: 'ENOENT',
      errno: -2,
      syscall: 'openat',
      path: '/no/such/file',
    });
    expect((open as SystemError).message).toBe("ENOENT: no such file or directory, openat '/no/such/file'");
    const renamed = await error(ring.rename('/no/such/file', Buffer.from('/no/such/place\0')));
    expect({ ...(renamed as SystemError) }).toEqual({
      code: 'ENOENT',
      errno: -2,
      syscall: 'rename',
      path: '/no/such/file',
      dest: '/no/such/place',
    });
    expect((renamed as SystemError).message).toMatch(/rename '\/no\/such\/file' -> '\/no\/such\/place'$/);
    const read = await error(ring.read(999_999, Buffer.alloc(1)));
    expect({ ...(read as SystemError) }).toEqual({ code: 'EBADF', errno: -9, syscall: 'read', fd: 999_999 });
    const attribute = await error(ring.getxattr('user.x', Buffer.alloc(1), '/no/such/file'));
    expect(attribute).toMatchObject({ code: 'ENOENT', path: '/no/such/file' });
    expect(attribute).not.toHaveProperty('dest');
    const chained = await error(ring.chain().nop().unlink('/no/such/file').submit());
    expect(chained).toBeInstanceOf(ChainError);
    expect({ ...(chained as ChainError) }).toEqual({
      code: 'ENOENT',
      errno: -2,
      syscall: 'unlink',
      path: '/no/such/file',
      index: 1,
    });
  });
});

describe('unknown options', () => {
  it('are refused with the nearest name, wherever options are taken', async () => {
    const ring = openRing();
    const buffers = ring.bufferRing({ entries: 1, size: 64 });
    const waiting = ring.timeout(1);
    const wrong = <T>(options: object): T => options as T;
    const calls: [() => unknown, RegExp][] = [
      [() => new Ring(wrong({ singelIssuer: true })), /^a ring has no option singelIssuer; do you mean singleIssuer\?/],
      [() => ring.bufferRing(wrong({ entries: 1, size: 1, grup: 1 })), /no option grup; do you mean group\?/],
      [() => ring.poll_multishot(0, POLLIN, wrong({ highWater: 1 })), /do you mean highWaterMark\?/],
      [() => ring.timeout_multishot(1, 0, 0, wrong({ singal: 1 })), /do you mean signal\?/],
      [() => ring.recv_multishot(0, buffers, 0, wrong({ bundel: true })), /do you mean bundle\?/],
      [() => ring.recvmsg_multishot(0, buffers, 0, wrong({ nameLenght: 1 })), /do you mean nameLength\?/],
      [() => ring.multishot_accept(0, 0, wrong<MultishotOptions>({ bundle: true })), /no option bundle/],
      [() => ring.submitAndWait(0, wrong({ timeuot: 1 })), /do you mean timeout\?/],
      [() => ring.chain().nop(wrong({ skipSucces: true })), /do you mean skipSuccess\?/],
    ];
    for (const [call, message] of calls) {
      const error = thrown(call);
      expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringMatching(message) });
    }
    await expect(ring.read(0, buffers, 1, 0, wrong({ hanlde: 1 }))).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_OPTION',
      message: expect.stringMatching(/do you mean handle\?/),
    });
    expect(await waiting).toBe(true);
    expect(ring.pending).toBe(0);
  });
});

describe('a method that returns a promise', () => {
  it('never throws: bad arguments reject, whichever method it is', async () => {
    const ring = openRing();
    const methods = ring as unknown as Record<string, (...list: unknown[]) => unknown>;
    const names = Object.getOwnPropertyNames(Operations.prototype).filter((name) => name !== 'constructor');
    expect(names.length).toBeGreaterThan(80);
    const bad = [Symbol('bad'), Symbol('bad'), Symbol('bad'), Symbol('bad'), Symbol('bad'), Symbol('bad')];
    for (const name of names) {
      if (name === 'link_timeout') continue;
      const promise = methods[name]?.(...bad);
      expect(promise, name).toBeInstanceOf(Promise);
      expect(await (promise as Promise<unknown>).catch(codeOf), name).toMatch(/^ERR_/);
    }
    await expect(ring.chain().settle()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    await expect(ring.close(...([5] as unknown as []))).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(ring.pending).toBe(0);
    expect(await ring.nop()).toBe(0);
    await ring.close();
    for (const name of ['nop', 'read', 'openat']) {
      expect(await Promise.resolve(methods[name]?.()).catch(codeOf), name).toBe('ERR_INVALID_STATE');
    }
  });
});

describe('timeout', () => {
  it('resolves to whether the time is up', async () => {
    const ring = openRing();
    expect(await ring.timeout(1)).toBe(true);
    const counting = ring.timeout(100_000, 1);
    expect(await ring.nop()).toBe(0);
    expect(await counting).toBe(false);
    const handle = new RequestHandle();
    expect(await ring.timeout(1, 0, 0, { handle })).toBe(true);
    expect(handle.result).toBe(-62);
  });
});

describe('editSqe', () => {
  it('runs after the prep function, beside the ring, which refuses to be used in it', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const inner: unknown[] = [];
    const { pending } = ring;
    const edited = ring.write(output, Buffer.from('abc'), 3, -1, {
      editSqe(sqe) {
        expect(sqe).toMatchObject({ fd: output, len: 3 });
        expect(ring.pending).toBe(pending);
        for (const call of [() => ring.submit(), () => ring.submitAndWait(0), () => ring.chain()])
          inner.push(codeOf(thrown(call)));
        inner.push(ring.nop().catch(codeOf), ring.nop({ editSqe: () => {} }).catch(codeOf));
        sqe.len = 2;
      },
    });
    expect(ring.pending).toBe(pending + 1);
    expect(await edited).toBe(2);
    expect(await Promise.all(inner)).toEqual(new Array(5).fill('ERR_INVALID_STATE'));
    const buf = Buffer.alloc(8);
    expect(await ring.read(input, buf)).toBe(2);
    expect(buf.toString('latin1', 0, 2)).toBe('ab');
  });

  it('that submits settles nobody else', async () => {
    const ring = openRing();
    const values: unknown[] = [];
    const others = [1, 2, 3].map((index) => ring.nop().then(() => values.push(index)));
    await expect(ring.nop({ editSqe: () => ring.submit() })).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    const reason = new Error('of the callback');
    const throwing = ring.nop({
      editSqe() {
        throw reason;
      },
    });
    await expect(throwing).rejects.toBe(reason);
    await Promise.all(others);
    expect(values).toEqual([1, 2, 3]);
    expect(ring.pending).toBe(0);
  });

  it('of a member of a chain changes that member alone', async () => {
    const ring = openRing();
    const [input, output] = (await ring.pipe()).map(closing) as [number, number];
    const values = await ring
      .chain()
      .write(output, Buffer.from('abc'), 3, -1, {
        editSqe(sqe) {
          sqe.len = 1;
        },
      })
      .read(input, Buffer.alloc(3), 1)
      .submit();
    expect(values).toEqual([1, 1]);
  });
});

describe('cancel', () => {
  it('takes the promise of a request, and finds none for a promise that is settled or of somebody else', async () => {
    const ring = openRing();
    const [input] = (await ring.pipe()).map(closing) as [number];
    const reading = ring.read(input, Buffer.alloc(1));
    const buffers = ring.bufferRing({ entries: 1, size: 8 });
    const receiving = ring.read(input, buffers);
    for (const promise of [reading, receiving]) {
      const rejected = expect(promise).rejects.toMatchObject({ code: 'ECANCELED' });
      expect(await ring.cancel(promise)).toBe(0);
      await rejected;
      await expect(ring.cancel(promise)).rejects.toMatchObject({ code: 'ENOENT' });
    }
    await expect(ring.cancel(Promise.resolve())).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(ring.cancel(5 as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    const late = ring.timeout(100_000);
    ring.submit();
    expect(await ring.timeout_update(1, late)).toBe(0);
    expect(await late).toBe(true);
  });
});

describe('stacks', () => {
  it('name the caller if the ring records them', async () => {
    const ring = openRing({ stacks: true });
    async function theCaller(): Promise<unknown> {
      return ring.openat(AT_FDCWD, '/no/such/file').catch((reason: unknown) => reason);
    }
    async function chained(): Promise<unknown> {
      return ring
        .chain()
        .unlink('/no/such/file')
        .submit()
        .catch((reason: unknown) => reason);
    }
    for (const [call, name] of [
      [theCaller, 'theCaller'],
      [chained, 'chained'],
    ] as const) {
      const { stack } = (await call()) as Error;
      expect(stack).toMatch(/^Error: ENOENT: no such file or directory, /);
      expect(stack).toContain(`at ${name} (`);
      expect(stack).toContain('interface.test.ts');
    }
    const silent = (await openRing()
      .openat(AT_FDCWD, '/no')
      .catch((reason: unknown) => reason)) as Error;
    expect(silent.stack).not.toContain('interface.test.ts');
  });
});

describe('nothing internal', () => {
  /** The names that the declarations give the members of a class. */
  function declared(file: string, name: string): string[] {
    const text = readFileSync(inRoot(`dist/${file}.d.ts`), 'utf8');
    const start = text.search(new RegExp(`(class|interface) ${name}\\b`));
    const body = text.slice(start, text.indexOf('\n}', start));
    return [...body.matchAll(/^ {4}(?:readonly |get |static |abstract )*(\w+)[?(:<]/gm)].map(
      ([, member]) => member ?? '',
    );
  }

  it('can be reached on a Ring: it has the members that are declared, and no other', async () => {
    const instance = createInstance({ windowSize: 4 << 20 });
    const ring = new Ring({ instance });
    const members = new Set([
      'constructor',
      ...declared('ring/ring', 'Ring'),
      ...declared('ring/ring-requests', 'RingRequests'),
      ...declared('ring/generated/operations', 'RingOperations'),
      // the one operation that only chains have; its method would make a request that the kernel refuses
      'link_timeout',
    ]);
    const found: string[] = [];
    for (let object: object = ring; object !== Object.prototype; object = Object.getPrototypeOf(object))
      found.push(...Object.getOwnPropertyNames(object));
    expect(found.filter((name) => !members.has(name))).toEqual([]);
    expect(Object.getOwnPropertyNames(ring)).toEqual([]);
    await ring.close();
    instance.close();
  });

  it('is declared: no @internal member in what the root entry leads to', () => {
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, 'utf8');
      expect(text, file).not.toMatch(/@internal/);
      for (const [, target] of text.matchAll(/from '(\.[^']*)\.js'/g)) visit(join(dirname(file), `${target}.d.ts`));
    };
    visit(inRoot('dist/index.d.ts'));
    expect(seen.size).toBeGreaterThan(20);
    expect(readFileSync(inRoot('dist/ring/multishot.d.ts'), 'utf8')).not.toMatch(
      /export declare class \w+[^}]*completed/s,
    );
    expect(readFileSync(inRoot('dist/memory/struct.d.ts'), 'utf8')).toMatch(/readonly address: number/);
  });
});
