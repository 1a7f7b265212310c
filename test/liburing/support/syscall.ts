/** System calls made directly: what the C tests take from the C library and Node does not have. */
import { createRequire } from 'node:module';
import { type Address, memory } from '../../../src/c.js';
import { inRoot } from '../../support/paths.js';

export const addonFile = inRoot('build/test/syscall.node');

interface Addon extends Readonly<Record<string, unknown>> {
  syscall(number: number, ...values: number[]): number;
  child(usec: number): number;
}

const addon = createRequire(import.meta.url)(addonFile) as Addon;

/** A number of the C headers, by its name there, such as `SYS_dup` or `F_GETFL`. */
export function number(name: string): number {
  const value = addon[name];
  if (typeof value !== 'number') throw new Error(`syscall.c does not have ${name}`);
  return value;
}

/** syscall(2), by the name of the call: what the kernel returns, an error as -errno. */
export const syscall = (name: string, ...values: (Address | boolean)[]): number =>
  addon.syscall(
    number(`SYS_${name}`),
    ...values.map((value) =>
      typeof value === 'number' || typeof value === 'boolean' ? Number(value) : memory.address(value, 0, name),
    ),
  );

/** fork(2), of a child that sleeps as long and then exits: its pid, or -errno. Nobody but the caller reaps it. */
export const child = (usec: number): number => addon.child(usec);

/** waitpid(2), with an address of an int or none */
export const waitpid = (pid: number, status: Address, options: number): number =>
  syscall('wait4', pid, status, options, null);
