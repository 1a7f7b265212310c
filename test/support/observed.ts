/**
 * Rings for tests, which note the operations that were seen to succeed, and those that were seen to
 * fail with an error that the test expected.
 */
import { constants } from 'node:os';
import { expect, onTestFinished, type TestContext } from 'vitest';
import { errno } from '../../src/constants/generated/errno.js';
import { type Chain, Multishot, type Outcome, Ring, type RingOptions, type SystemError } from '../../src/index.js';
import { Operations } from '../../src/ring/generated/operations.js';

/** What has been seen so far in this process. */
export const seen = {
  success: new Set<string>(),
  error: new Set<string>(),
  /** Operations that this kernel was asked for and does not have, with its answer. */
  absent: new Map<string, string>(),
};

const own = (prototype: object): string[] =>
  Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');

/** The methods of a ring that are multishot operations. */
export const multishotNames: readonly string[] = own(Object.getPrototypeOf(Ring.prototype)).filter((name) =>
  name.includes('multishot'),
);

/** All operations: those of a ring, and `link_timeout`, which is one of chains only. */
export const operationNames: readonly string[] = [...own(Operations.prototype), ...multishotNames];

const nameOf = new WeakMap<object, string>();

function note(name: string, result: unknown): void {
  if (result instanceof Multishot) {
    nameOf.set(result, name);
    const next = result.next.bind(result);
    result.next = () => {
      const promise = next();
      nameOf.set(promise, name);
      promise.then(
        ({ done }) => !done && seen.success.add(name),
        () => {},
      );
      return promise;
    };
  } else if (result instanceof Promise) {
    nameOf.set(result, name);
    result.then(
      () => seen.success.add(name),
      () => {},
    );
  }
}

/** Notes the operations of a ring. */
export function observe(ring: Ring): Ring {
  const methods = ring as unknown as Record<string, (...values: unknown[]) => unknown>;
  for (const name of operationNames) {
    const method = methods[name];
    if (method === undefined) throw new Error(`a ring has no ${name}`);
    methods[name] = (...values) => {
      const result = method.apply(ring, values);
      note(name, result);
      return result;
    };
  }
  return ring;
}

/** A ring that is gone, with everything in flight, when the test is over. */
export function openRing(options: RingOptions = {}): Ring {
  const ring = observe(new Ring(options));
  onTestFinished(() => ring.close());
  return ring;
}

const numberOf = new Map([...errno].map(([number, { code }]) => [code, number]));

/** Expects an error to have the form of Node's own. */
export function expectSystemError(error: unknown, code: string, syscall: string): void {
  const number = numberOf.get(code) ?? Number.NaN;
  // Node's own table, where it has the error
  expect((constants.errno as Record<string, number>)[code] ?? number).toBe(number);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ code, errno: -number, syscall });
  const { message } = error as SystemError;
  expect(message.startsWith(`${code}: `)).toBe(true);
  const { path, dest } = error as SystemError;
  const paths = `${path === undefined ? '' : ` '${path}'`}${dest === undefined ? '' : ` -> '${dest}'`}`;
  expect(message.endsWith(`, ${syscall}${paths}`)).toBe(true);
}

/** How errors name the operation of a method. */
const syscallOf = (name: string): string => {
  if (name.includes('multishot')) return name.replace(/_?multishot_?|_direct/g, '');
  return name === 'close_fd' ? 'close' : name;
};

/** The method of an operation that an outcome names. */
const methodOf = (name: string): string => (name === 'close' ? 'close_fd' : name);

/** Expects an operation to fail with this error. */
export async function fails(promise: Promise<unknown>, code: string): Promise<void> {
  const name = nameOf.get(promise);
  if (name === undefined) throw new Error('this is no promise of an observed operation');
  const error: unknown = await promise.then(
    (value) => {
      throw new Error(`${name} should fail, and gave ${String(value)}`);
    },
    (reason: unknown) => reason,
  );
  expectSystemError(error, code, syscallOf(name));
  seen.error.add(name);
}

/** What became of a chain's members, noted. */
export async function settle(chain: Chain<readonly unknown[]>): Promise<readonly Outcome[]> {
  const outcomes = (await chain.settle()) as readonly Outcome[];
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') seen.success.add(methodOf(outcome.name));
    else {
      expectSystemError(outcome.reason, (outcome.reason as SystemError).code, outcome.name);
      seen.error.add(methodOf(outcome.name));
    }
  }
  return outcomes;
}

/**
 * The result of an operation that not every kernel has. Skips the test where the kernel answers with
 * one of these codes, by which it says so.
 */
export async function ifPresent<T>(context: TestContext, promise: Promise<T>, ...codes: string[]): Promise<T> {
  const name = nameOf.get(promise) ?? '';
  try {
    return await promise;
  } catch (error) {
    const { code } = error as SystemError;
    if (!codes.includes(code)) throw error;
    expectSystemError(error, code, name);
    seen.absent.set(name, code);
    seen.error.add(name);
    return context.skip(`this kernel has no ${name}: ${code}`);
  }
}
