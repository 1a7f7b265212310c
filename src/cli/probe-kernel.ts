/** Finds out what this kernel lets this process do with io_uring. */
import { readFileSync } from 'node:fs';
import {
  alloc,
  allocPointers,
  check,
  free,
  hostError,
  io_uring,
  io_uring_cqe,
  io_uring_free_probe,
  io_uring_get_probe,
  io_uring_get_sqe,
  io_uring_opcode_supported,
  io_uring_params,
  io_uring_prep_nop,
  io_uring_queue_exit,
  io_uring_queue_init_params,
  io_uring_submit,
  io_uring_wait_cqe,
  memory,
  SystemError,
} from '../c.js';
import * as constants from '../constants/generated/uring.js';
import { opcodes } from '../encoding/generated/opcodes.js';

/** The findings. */
export interface Probe {
  readonly kernel: string;
  readonly works: boolean;
  /** Why io_uring does not work. */
  readonly reason?: string;
  readonly setupFlags: readonly SetupFlag[];
  readonly features: readonly { readonly name: string; readonly supported: boolean }[];
  readonly opcodes: readonly { readonly opcode: number; readonly name: string; readonly supported: boolean }[];
  /** The addresses that wasm and the kernel share; null without a host. */
  readonly window: { readonly start: number; readonly end: number; readonly size: number } | null;
  readonly limits: {
    readonly maxEntries?: number;
    /** RLIMIT_MEMLOCK: bytes, or `unlimited`. */
    readonly memlock?: { readonly soft: string; readonly hard: string };
  };
}

/** A flag of io_uring_setup(2). */
export interface SetupFlag {
  readonly name: string;
  readonly supported: boolean;
  /** The error, if it is not EINVAL, with which kernels refuse flags. */
  readonly error?: string;
  /** Other flags that this one requires, and was tried with. */
  readonly tried?: readonly string[];
}

const flags = new Map(Object.entries(constants).map(([name, value]) => [name, Number(value)]));
/** Flags in the order of their bits: a module's exports are in alphabetical order. */
const flagsNamed = (prefix: string): [string, number][] =>
  [...flags].filter(([name]) => name.startsWith(prefix)).sort((a, b) => a[1] - b[1]);

/** Flags that every kernel refuses alone, with those that they require. */
const companions: Record<string, readonly string[]> = {
  IORING_SETUP_SQ_AFF: ['IORING_SETUP_SQPOLL'],
  IORING_SETUP_TASKRUN_FLAG: ['IORING_SETUP_COOP_TASKRUN'],
  IORING_SETUP_DEFER_TASKRUN: ['IORING_SETUP_SINGLE_ISSUER'],
  IORING_SETUP_REGISTERED_FD_ONLY: ['IORING_SETUP_NO_MMAP'],
  IORING_SETUP_HYBRID_IOPOLL: ['IORING_SETUP_IOPOLL'],
  IORING_SETUP_SQ_REWIND: ['IORING_SETUP_NO_SQARRAY'],
};

interface Settings {
  flags?: number;
  cq_entries?: number;
  wq_fd?: number;
}

/** Sets a ring up, passes it to `look`, and closes it. */
function withRing<T>(entries: number, settings: Settings, look: (ring: io_uring, features: number) => T): T | number {
  const ring = alloc(io_uring);
  const params = Object.assign(alloc(io_uring_params), settings);
  try {
    const result = io_uring_queue_init_params(entries, ring, params);
    if (result < 0) return result;
    try {
      return look(ring, params.features);
    } finally {
      io_uring_queue_exit(ring);
    }
  } finally {
    free(params);
    free(ring);
  }
}

function tryFlag(name: string, flag: number): SetupFlag {
  const needed = companions[name] ?? [];
  const settings: Settings = { flags: needed.reduce((sum, each) => sum | (flags.get(each) ?? 0), flag) };
  if (flag === constants.IORING_SETUP_CQSIZE) settings.cq_entries = 8;
  const attempt = (): number => withRing(4, settings, () => 0);
  const result =
    flag === constants.IORING_SETUP_ATTACH_WQ
      ? withRing(4, {}, ({ ring_fd }) => {
          settings.wq_fd = ring_fd;
          return attempt();
        })
      : attempt();
  const { code } = new SystemError(result, 'io_uring_setup');
  return {
    name,
    supported: result >= 0,
    ...(result < 0 && code !== 'EINVAL' && { error: code }),
    ...(needed.length > 0 && { tried: needed }),
  };
}

/** The features of a ring without flags, after it has completed a request. */
function tryOut(): number {
  const result = withRing(4, {}, (ring, features) => {
    const sqe = io_uring_get_sqe(ring);
    if (sqe) io_uring_prep_nop(sqe);
    check(io_uring_submit(ring), 'io_uring_submit');
    const cqe = allocPointers(io_uring_cqe);
    check(io_uring_wait_cqe(ring, cqe), 'io_uring_wait_cqe');
    check(cqe.value.res, 'nop');
    free(cqe);
    return features;
  });
  return check(result, 'io_uring_queue_init');
}

function supportedOpcodes(): Probe['opcodes'] {
  const probe = io_uring_get_probe();
  if (!probe) return [];
  const list = [...opcodes].map(([opcode, { name }]) => ({
    opcode,
    name,
    supported: io_uring_opcode_supported(probe, opcode) !== 0,
  }));
  io_uring_free_probe(probe);
  return list;
}

/** The largest number of entries, a power of two, that a ring can have. */
function largestRing(): number {
  for (let entries = 65536; entries > 1; entries /= 2) {
    if (withRing(entries, {}, () => 0) === 0) return entries;
  }
  return 1;
}

function memlock(): Probe['limits'] {
  try {
    const line = /^Max locked memory\s+(\S+)\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return line?.[1] && line[2] ? { memlock: { soft: line[1], hard: line[2] } } : {};
  } catch {
    return {}; // another system than Linux
  }
}

/** Probes everything. @param kernel - The kernel's release, which the result repeats. */
export function probeKernel(kernel: string): Probe {
  const window = hostError ? null : { start: memory.start, end: memory.end, size: memory.end - memory.start };
  const nothing = { kernel, works: false, setupFlags: [], features: [], opcodes: [], window, limits: memlock() };
  if (hostError) return { ...nothing, reason: hostError.message };
  let features: number;
  try {
    features = tryOut();
  } catch (error) {
    return { ...nothing, reason: (error as Error).message };
  }
  return {
    kernel,
    works: true,
    setupFlags: flagsNamed('IORING_SETUP_').map(([name, flag]) => tryFlag(name, flag)),
    features: flagsNamed('IORING_FEAT_').map(([name, bit]) => ({ name, supported: (features & bit) !== 0 })),
    opcodes: supportedOpcodes(),
    window,
    limits: { maxEntries: largestRing(), ...memlock() },
  };
}
