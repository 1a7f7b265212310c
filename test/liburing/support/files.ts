/** Files and pipes, with C's names and results: an error is -errno. */
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Address, allocString, free } from '../../../src/index.js';
import { AT_FDCWD, S_IFIFO } from '../../../src/linux.js';
import { number, syscall } from './syscall.js';

/** A folder of the test file's own, where C uses the working directory. */
export const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;

/** A path in it that nothing is at. */
export const newPath = (name = 'file'): string => join(directory, `${name}.${process.pid}.${files++}`);

/** open(2), -errno where it fails */
export function open(path: string, flags: number, mode = 0): number {
  const name = allocString(path);
  const fd = syscall('openat', AT_FDCWD, name, flags, mode);
  free(name);
  return fd;
}

export const close = (fd: number): number => syscall('close', fd);
export const read = (fd: number, buf: Address, count: number): number => syscall('read', fd, buf, count);
export const write = (fd: number, buf: Address, count: number): number => syscall('write', fd, buf, count);
export const pread = (fd: number, buf: Address, count: number, offset: number): number =>
  syscall('pread64', fd, buf, count, offset);
export const pwrite = (fd: number, buf: Address, count: number, offset: number): number =>
  syscall('pwrite64', fd, buf, count, offset);

export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_END = 2;
export const lseek = (fd: number, offset: number, whence: number): number => syscall('lseek', fd, offset, whence);

export const dup = (fd: number): number => syscall('dup', fd);
export const unlink = (path: string): void => unlinkSync(path);

/** fcntl(2), the command by its name */
export const fcntl = (fd: number, command: `F_${string}`, value = 0): number =>
  syscall('fcntl', fd, number(command), value);

/** pipe(2) */
export function pipe(fds: Int32Array, flags = 0): number {
  return syscall('pipe2', fds, flags);
}

/** How many descriptors there may be: RLIMIT_NOFILE, which Node raises to the hard limit. */
export const openFilesLimit = (): number =>
  Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);

/** mkfifo(3) */
export function mkfifo(path: string, mode: number): number {
  const name = allocString(path);
  const ret = syscall('mknodat', AT_FDCWD, name, S_IFIFO | mode, 0);
  free(name);
  return ret;
}

/** t_create_file_pattern of test/helpers.c */
export const t_create_file_pattern = (file: string, size: number, pattern: number): void =>
  writeFileSync(file, Buffer.alloc(size, pattern), { mode: 0o644, flush: true });

/** t_create_file of test/helpers.c: a file full of 0xaa */
export const t_create_file = (file: string, size: number): void => t_create_file_pattern(file, size, 0xaa);
