/** The tests of liburing that the guest runs, and why there. */
import { readFileSync } from 'node:fs';
import { inRoot } from '../support/paths.js';

/** One of liburing's test programs. */
export interface LiburingCase {
  /** Its name in liburing's test/, without `.c`. */
  name: string;
  /** What it needs that hosts lack. */
  needs: string;
  /** Its argument. */
  argument?: string;
  /** Why it cannot do its work in wasm, if it cannot. */
  notInWasm?: string;
  /** Why it is a program that only skips, if it is. */
  unavailable?: () => string | undefined;
}

const NVME_GENERIC = '/dev/ng0n1';

/** liburing's configure leaves ublk out where linux/ublk_cmd.h is older than what it uses. */
const withoutUblkHeader = (): string | undefined =>
  readFileSync(inRoot('build/native/config-host.h'), 'utf8').includes('CONFIG_HAVE_UBLK_HEADER')
    ? undefined
    : 'the linux/ublk_cmd.h of this machine is too old for it';

const NO_HUGE_PAGES = 'MAP_HUGETLB is ENOMEM in wasm: see docs/programs.md';

/** Add a test here when it skips outside for want of something that the guest has. */
export const cases: readonly LiburingCase[] = [
  { name: 'zero', needs: 'IORING_OP_ZERO' },
  { name: 'sqe-mixed-nop', needs: 'IORING_SETUP_SQE_MIXED' },
  { name: 'sqe-mixed-boundary', needs: 'IORING_SETUP_SQE_MIXED' },
  { name: 'sqe-mixed-bad-wrap', needs: 'IORING_SETUP_SQE_MIXED' },
  { name: 'sqe-mixed-uring_cmd', needs: 'IORING_SETUP_SQE_MIXED, an NVMe device', argument: NVME_GENERIC },
  { name: 'io_uring_passthrough', needs: 'an NVMe device', argument: NVME_GENERIC },
  { name: 'cmd-discard', needs: 'a block device to write to', argument: '/dev/nvme0n1' },
  { name: 'cbpf_filter', needs: 'IORING_REGISTER_BPF_FILTER' },
  { name: 'task-restrict', needs: 'restrictions of tasks' },
  { name: 'mock_file', needs: '/dev/io_uring_mock' },
  { name: 'iopoll-sync', needs: 'a file system whose files can be polled' },
  { name: 'reg-fd-only', needs: 'huge pages', notInWasm: NO_HUGE_PAGES },
  { name: 'fixed-hugepage', needs: 'huge pages', notInWasm: NO_HUGE_PAGES },
  { name: 'uring_cmd_ublk', needs: '/dev/ublk-control', unavailable: withoutUblkHeader },
];
