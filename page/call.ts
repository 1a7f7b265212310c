/** From typed text to bytes: which function is called with which arguments, and what is wrong with them. */
import { type CallArguments, type CSignature, diff, type Encode, encoders } from '../dist/encode.js';
import { encoderNamed } from '../dist/encoding/encode-call.js';
import { type Integer, parseInteger } from './integer.js';
import type { CallState } from './state.js';

/** A function and its arguments. */
export interface Step {
  readonly signature: CSignature;
  readonly args: ReadonlyMap<string, Integer>;
}

export interface Outcome {
  /** The bytes, if nothing is wrong. */
  readonly bytes?: Uint8Array;
  readonly steps: readonly Step[];
  /** Error texts, by the input they belong to; `call` is the function. */
  readonly errors: ReadonlyMap<string, string>;
}

/** The setters that can follow any prep function, by their key in the state. */
export const setters = [
  { key: 'sqe.user_data', name: 'io_uring_sqe_set_data64', parameter: 'data', member: 'user_data' },
  { key: 'sqe.flags', name: 'io_uring_sqe_set_flags', parameter: 'flags', member: 'flags' },
  { key: 'sqe.buf_group', name: 'io_uring_sqe_set_buf_group', parameter: 'bgid', member: 'buf_group' },
] as const;

export const argumentsOf = (name: string): CSignature['parameters'] =>
  encoders.get(name)?.parameters.filter((parameter) => parameter.name !== 'sqe') ?? [];

const zeroes = (name: string): CallArguments =>
  Object.fromEntries(argumentsOf(name).map((parameter) => [parameter.name, 0]));

const sentence = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^there/, 'There').replace(/[^.?!]$/, '$&.');
};

/** The members that each argument changes, found by changing one argument after the other. */
export function membersOf(encode: Encode, name: string): Map<string, string[]> {
  const base = zeroes(name);
  const plain = encode(name, base);
  return new Map(
    argumentsOf(name).map((parameter) => {
      const changed = encode(name, { ...base, [parameter.name]: 1 });
      return [parameter.name, diff(plain, changed).map((difference) => difference.name)];
    }),
  );
}

/** Makes the call, and finds all errors of its input at once. */
export function run(encode: Encode, { name, texts }: CallState): Outcome {
  const errors = new Map<string, string>();
  const steps: Step[] = [];
  let bytes: Uint8Array | undefined;
  const attempt = (key: string, action: () => void): void => {
    try {
      action();
    } catch (error) {
      errors.set(key, sentence(error));
    }
  };
  const read = (key: string, step: string, parameter: string, args: Map<string, Integer>): void =>
    attempt(key, () => {
      const text = texts.get(key)?.trim() ?? '';
      const base = zeroes(step);
      if (text === '') {
        const { [parameter]: _, ...others } = base;
        encode(step, others);
        return;
      }
      const integer = parseInteger(text);
      encode(step, { ...base, [parameter]: integer.value });
      args.set(parameter, integer);
    });
  const call = (step: string, args: Map<string, Integer>): void => {
    const values = Object.fromEntries([...args].map(([parameter, { value }]) => [parameter, value]));
    steps.push({ signature: encoderNamed(step), args });
    if (errors.size === 0) bytes = encode(step, values, bytes);
  };

  attempt('call', () => {
    encoderNamed(name);
    const own = new Set<string>([
      ...argumentsOf(name).map((parameter) => parameter.name),
      ...setters.map(({ key }) => key),
    ]);
    const strange = [...texts.keys()].find((key) => !own.has(key));
    if (strange !== undefined) encode(name, { ...zeroes(name), [strange]: 0 });
    const args = new Map<string, Integer>();
    for (const parameter of argumentsOf(name)) read(parameter.name, name, parameter.name, args);
    call(name, args);
  });
  for (const { key, name: setter, parameter } of setters) {
    if (!texts.get(key)?.trim() || errors.has('call')) continue;
    const args = new Map<string, Integer>();
    read(key, setter, parameter, args);
    call(setter, args);
  }
  return errors.size === 0 && bytes ? { bytes, steps, errors } : { steps, errors };
}
