/** Files and pipes, with C's names and results: an error is -errno. */
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Address, allocArray, allocString, free } from '../../../src/c.js';
import { AT_FDCWD, O_CREAT, O_RDWR, S_IFIFO } from '../../../src/linux.js';
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

/** ioctl(2), the request by its name */
export const ioctl = (fd: number, request: 'FIONREAD', argument: Address): number =>
  syscall('ioctl', fd, number(request), argument);

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

/** open_files of test/file-register.c and test/file-update.c: new files, and after them `extra` times -1 */
export function open_files(nr_files: number, extra: number, add: number): Int32Array<ArrayBuffer> {
  const files = allocArray(nr_files + extra, Int32Array).fill(-1);
  for (let i = 0; i < nr_files; i++) {
    const fd = open(join(directory, add ? `.add.${i + add}` : `.reg.${i}`), O_RDWR | O_CREAT, 0o644);
    if (fd < 0) throw new Error(`open: ${fd}`);
    files[i] = fd;
  }
  return files;
}

/** close_files: closes the first of them, and frees the array */
export function close_files(files: Int32Array, nr_files = files.length): void {
  for (const fd of files.subarray(0, nr_files)) if (fd >= 0) close(fd);
  free(files);
}
