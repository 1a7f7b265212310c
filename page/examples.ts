/** Arguments to start from when a function is chosen. */
import type { CParameter } from '../dist/encode.js';

const byName: Readonly<Record<string, string>> = {
  fd: '3',
  sockfd: '3',
  epfd: '4',
  dfd: 'AT_FDCWD',
  olddfd: 'AT_FDCWD',
  newdfd: 'AT_FDCWD',
  newdirfd: 'AT_FDCWD',
  nbytes: '4096',
  poll_mask: 'POLLIN',
  domain: 'AF_INET',
  type: 'SOCK_STREAM',
};

const ofFunction: Readonly<Record<string, string>> = {
  'io_uring_prep_openat.flags': 'O_RDWR|O_CREAT',
  'io_uring_prep_open.flags': 'O_RDWR|O_CREAT',
  'io_uring_prep_statx.mask': 'STATX_BASIC_STATS',
  'io_uring_prep_rw.op': 'IORING_OP_READ',
};

/** @param position - Of the parameter, so that pointers differ. */
export function example(name: string, { name: parameter, c, kind }: CParameter, position: number): string {
  const known = ofFunction[`${name}.${parameter}`] ?? byName[parameter];
  if (known) return known;
  if (kind === 'pointer') return `0x${position + 1}000`;
  return c === 'mode_t' ? '0644' : '0';
}
