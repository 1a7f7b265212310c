/** Every binding is called at least once, and returns what C and the kernel return. */
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as library from '../../src/c.js';
import {
  alloc,
  allocArray,
  allocPointers,
  cmsghdr,
  cpu_set_t,
  free,
  io_uring,
  io_uring_buf_reg,
  io_uring_clock_register,
  io_uring_cqe,
  io_uring_getevents_arg,
  io_uring_mem_region_reg,
  io_uring_napi,
  io_uring_params,
  io_uring_probe,
  io_uring_query_hdr,
  io_uring_query_opcode,
  io_uring_recvmsg_out,
  io_uring_reg_wait,
  io_uring_region_desc,
  io_uring_restriction,
  io_uring_sqe,
  io_uring_sync_cancel_reg,
  io_uring_zcrx_ifq_reg,
  iovec,
  memory,
  msghdr,
  __kernel_timespec as timespec,
  zcrx_ctrl,
} from '../../src/c.js';
import * as linux from '../../src/linux.js';
import { Arguments } from '../support/arguments.js';
import { kernelHas } from '../support/kernel.js';
import { type CFunction, model } from '../support/model.js';
import { run } from '../support/native.js';
import { outside, type Situation, traps } from '../support/raw.js';
import { recording } from '../support/recording.js';

const { api, called } = recording(library, new Set(model.functions.map(({ name }) => name)));

/** A negative errno, by its name. */
const { EACCES, EAGAIN, EBADF, EBUSY, ECANCELED, EEXIST, EINVAL, ENOENT, ENOMEM, ENXIO, EOPNOTSUPP, EPERM, ETIME } =
  linux;

/** What a function returns on kernels that support it, and on others. */
const since = (version: `${number}.${number}`, result: number): number => (kernelHas(version) ? result : -EINVAL);

// --- rings ---

const open = new Set<io_uring>();
const pointer = allocPointers(io_uring_cqe);
/** A time that has passed already, and one that never passes. */
const atOnce = alloc(timespec);
atOnce.tv_nsec = 1;
const never = alloc(timespec);
never.tv_sec = 1e6;

/** Structs are compared by members: vitest would print all the memory that they are in. */
const isNull = (struct: library.Struct | null): boolean => struct === null;

function openRing(flags = 0, entries = 8): io_uring {
  const ring = alloc(io_uring);
  expect(api.io_uring_queue_init(entries, ring, flags)).toBe(0);
  open.add(ring);
  return ring;
}

function closeRing(ring: io_uring): void {
  api.io_uring_queue_exit(ring);
  open.delete(ring);
  free(ring);
}

afterEach(() => {
  for (const ring of open) closeRing(ring);
});

function sqeOf(ring: io_uring): io_uring_sqe {
  const sqe = api.io_uring_get_sqe(ring);
  if (!sqe) throw new Error('the SQ ring is full');
  return sqe;
}

function prepareNops(ring: io_uring, ...userData: bigint[]): void {
  for (const data of userData) {
    const sqe = sqeOf(ring);
    api.io_uring_prep_nop(sqe);
    api.io_uring_sqe_set_data64(sqe, data);
  }
}

function submitNops(ring: io_uring, ...userData: bigint[]): void {
  prepareNops(ring, ...userData);
  expect(api.io_uring_submit(ring)).toBe(userData.length);
}

interface Completion {
  data: bigint;
  res: number;
  flags: number;
}

function complete(ring: io_uring): Completion {
  expect(api.io_uring_wait_cqe(ring, pointer)).toBe(0);
  const { value: cqe } = pointer;
  const { user_data: data, res, flags } = cqe;
  api.io_uring_cqe_seen(ring, cqe);
  return { data, res, flags };
}

// --- files ---

const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
const content = 'the content of a file';
let file: number;
beforeAll(() => {
  writeFileSync(join(directory, 'file'), content);
  file = openSync(join(directory, 'file'), 'r');
});
afterAll(() => {
  closeSync(file);
  rmSync(directory, { recursive: true });
});

describe('functions that prepare an SQE', () => {
  const preparing = model.functions.filter(
    ({ result, parameters }) =>
      result.kind === 'void' &&
      parameters.some(({ type }) => type.kind === 'pointer' && type.struct === 'io_uring_sqe'),
  );
  const FILL = 0xa5;
  const SIZE = 128;

  const literal = (value: unknown): string =>
    `0x${BigInt.asUintN(64, BigInt(value as number | bigint | boolean)).toString(16)}UL`;

  /** C code that prints the 128 bytes that a call leaves. */
  const inC = ({ name, parameters }: CFunction, values: readonly unknown[]): string => {
    const list = parameters.map(({ type }, index) =>
      type.kind === 'pointer' && type.struct === 'io_uring_sqe' ? 'sqe' : `(${type.c}) ${literal(values[index])}`,
    );
    return `memset(sqe, ${FILL}, ${SIZE}); ${name}(${list.join(', ')}); print();`;
  };

  it('write the bytes that native C writes', () => {
    const good = new Arguments(library as never);
    const cases = preparing.flatMap((fn) =>
      fc.sample(good.good(fn), 10).map((list) => ({
        fn,
        // addresses, as C can be given the same ones
        values: list.map(({ value }, index) =>
          fn.parameters[index]?.type.kind === 'pointer' ? 0x10000 * (index + 1) + 0x7f0000000000 : value,
        ),
      })),
    );
    const before = `
#include <liburing.h>
#include <stdio.h>
#include <string.h>
static struct io_uring_sqe sqe[2];
static void print(void)
{
	for (int i = 0; i < ${SIZE}; i++) printf("%02x", ((unsigned char *) sqe)[i]);
	printf("\\n");
}`;
    const blocks = cases.map(({ fn, values }) => inC(fn, values));
    const native = run([before, 'int main(void) {', ...blocks, 'return 0; }'].join('\n')).map(([hex]) => hex);
    expect(native.length).toBe(cases.length);

    const bytes = allocArray(SIZE);
    const sqe = memory.struct(io_uring_sqe, bytes);
    const untouched = Buffer.alloc(SIZE, FILL).toString('hex');
    const writing = new Set<CFunction>();
    cases.forEach(({ fn, values }, index) => {
      bytes.fill(FILL);
      const call = (api as unknown as Record<string, (...values: unknown[]) => void>)[fn.name];
      call?.(...values.map((value, at) => (isSqe(fn, at) ? sqe : value)));
      const label = `${fn.name}(${values.map(String).join(', ')})`;
      const hex = Buffer.from(bytes).toString('hex');
      expect(hex, label).toBe(native[index]);
      if (hex !== untouched) writing.add(fn);
    });
    expect(preparing.filter((fn) => !writing.has(fn)).map(({ name }) => name)).toEqual([]);
    free(bytes);
  });

  const isSqe = ({ parameters }: CFunction, index: number): boolean => {
    const type = parameters[index]?.type;
    return type?.kind === 'pointer' && type.struct === 'io_uring_sqe';
  };
});

describe('functions that need no ring', () => {
  it('tell the version', () => {
    const { IO_URING_VERSION_MAJOR: major, IO_URING_VERSION_MINOR: minor } = library;
    expect([api.io_uring_major_version(), api.io_uring_minor_version()]).toEqual([major, minor]);
    expect(`${major}.${minor}`).toBe(model.version);
    // true: this is older
    expect(api.io_uring_check_version(major, minor)).toBe(false);
    expect(api.io_uring_check_version(major, minor + 1)).toBe(true);
    expect(api.io_uring_check_version(major + 1, 0)).toBe(true);
    expect(api.io_uring_check_version(major - 1, 99)).toBe(false);
  });

  it('tell the memory that a ring takes', () => {
    const p = alloc(io_uring_params);
    const small = api.io_uring_memory_size(8, 0);
    expect(small % 4096).toBe(0);
    expect(small).toBeGreaterThan(0);
    expect(api.io_uring_memory_size_params(8, p)).toBe(small);
    p.flags = library.IORING_SETUP_SQE128;
    expect(api.io_uring_memory_size_params(1024, p)).toBe(api.io_uring_memory_size(1024, 0) + 1024 * 64);
    expect(api.io_uring_memory_size(0, 0)).toBe(-EINVAL);
    // no locked memory since Linux 5.12
    expect(api.io_uring_mlock_size(8, 0)).toBe(0);
    expect(api.io_uring_mlock_size_params(8, p)).toBe(0);
    free(p);
  });

  it('parse a multishot message', () => {
    const [nameLength, payload] = [16, 'payload'];
    const message = alloc(msghdr);
    message.msg_namelen = nameLength;
    message.msg_controllen = 48;
    const header = io_uring_recvmsg_out.size;
    const bytes = allocArray(header + nameLength + 48 + payload.length);
    const out = api.io_uring_recvmsg_validate(bytes, bytes.length, message);
    if (!out) throw new Error('the message is refused');
    expect(out.address).toBe(bytes.byteOffset);
    expect(isNull(api.io_uring_recvmsg_validate(bytes, header + nameLength + 47, message))).toBe(true);
    expect(isNull(api.io_uring_recvmsg_validate(bytes, -ENOMEM, message))).toBe(true);
    expect(api.io_uring_recvmsg_name(out)).toBe(out.address + header);
    expect(api.io_uring_recvmsg_payload(out, message)).toBe(out.address + header + nameLength + 48);
    expect(api.io_uring_recvmsg_payload_length(out, bytes.length, message)).toBe(payload.length);
    expect(api.io_uring_recvmsg_payload_length(out, -EAGAIN, message)).toBe(0);

    // two control messages, of 16 bytes without data and with it
    const first = memory.struct(cmsghdr, out.address + header + nameLength);
    first.cmsg_len = cmsghdr.size + 4;
    const second = memory.struct(cmsghdr, first.address + 24);
    second.cmsg_len = cmsghdr.size;
    out.controllen = 24 + 16;
    expect(api.io_uring_recvmsg_cmsg_firsthdr(out, message)?.address).toBe(first.address);
    expect(api.io_uring_recvmsg_cmsg_nexthdr(out, message, first)?.address).toBe(second.address);
    expect(isNull(api.io_uring_recvmsg_cmsg_nexthdr(out, message, second))).toBe(true);
    out.controllen = 8;
    expect(isNull(api.io_uring_recvmsg_cmsg_firsthdr(out, message))).toBe(true);
    for (const block of [message, bytes]) free(block);
  });

  it('read a CQE', () => {
    const cqe = alloc(io_uring_cqe);
    expect(api.io_uring_cqe_nr(cqe)).toBe(1);
    cqe.flags = library.IORING_CQE_F_32;
    expect(api.io_uring_cqe_nr(cqe)).toBe(2);
    cqe.user_data = 0xfedcba9876543210n;
    expect(api.io_uring_cqe_get_data64(cqe)).toBe(0xfedcba9876543210n);
    expect(() => api.io_uring_cqe_get_data(cqe)).toThrow(RangeError);
    cqe.user_data = cqe.address;
    expect(api.io_uring_cqe_get_data(cqe)).toBe(cqe.address);
    free(cqe);
  });

  it('ask the kernel for its features', () => {
    const opcodes = alloc(io_uring_query_opcode);
    const query = alloc(io_uring_query_hdr);
    query.query_op = library.IO_URING_QUERY_OPCODES;
    query.query_data = opcodes.address;
    query.size = io_uring_query_opcode.size;
    const result = api.io_uring_register_query(query);
    expect(result).toBe(since('6.18', 0));
    if (result === 0) {
      expect(query.result).toBe(0);
      expect(opcodes.nr_request_opcodes).toBeGreaterThan(library.IORING_OP_READV_FIXED);
    }
    for (const block of [opcodes, query]) free(block);
  });

  it('do not restrict this task without a filter', () => {
    const filter = alloc(library.io_uring_bpf);
    expect([-EINVAL, -EACCES]).toContain(api.io_uring_register_bpf_filter_task(filter));
    free(filter);
  });
});

describe('setup', () => {
  it('a ring by its number of entries', () => {
    const ring = openRing();
    expect([ring.sq.ring_entries, ring.cq.ring_entries]).toEqual([8, 16]);
    const other = alloc(io_uring);
    expect(api.io_uring_queue_init(0, other, 0)).toBe(-EINVAL);
    free(other);
  });

  it('a ring with parameters', () => {
    const ring = alloc(io_uring);
    const p = alloc(io_uring_params);
    p.flags = library.IORING_SETUP_CQSIZE;
    p.cq_entries = 64;
    expect(api.io_uring_queue_init_params(4, ring, p)).toBe(0);
    open.add(ring);
    expect([p.sq_entries, p.cq_entries, ring.cq.ring_entries]).toEqual([4, 64, 64]);
    expect(p.features & library.IORING_FEAT_NODROP).not.toBe(0);
    free(p);
  });

  it("a ring in the caller's memory", () => {
    const ring = alloc(io_uring);
    const p = alloc(io_uring_params);
    const pages = allocArray(api.io_uring_memory_size(8, 0));
    expect(api.io_uring_queue_init_mem(8, ring, p, pages, 4096)).toBe(-ENOMEM);
    const used = api.io_uring_queue_init_mem(8, ring, p, pages, pages.length);
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThanOrEqual(pages.length);
    submitNops(ring, 5n);
    expect(complete(ring).data).toBe(5n);
    expect(ring.sq.sqes).toBe(pages.byteOffset);
    api.io_uring_queue_exit(ring);
    for (const block of [ring, p, pages]) free(block);
  });

  it('a ring in two steps', () => {
    const ring = alloc(io_uring);
    const p = alloc(io_uring_params);
    p.flags = library.IORING_SETUP_NO_SQARRAY;
    const fd = api.io_uring_setup(8, p);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('anon_inode:[io_uring]');
    expect(api.io_uring_queue_mmap(fd, p, ring)).toBe(0);
    open.add(ring);
    expect(ring.ring_fd).toBe(fd);
    submitNops(ring, 1n, 2n);
    expect([complete(ring).data, complete(ring).data]).toEqual([1n, 2n]);
    expect(api.io_uring_ring_dontfork(ring)).toBe(0);
    free(p);
  });

  it('a ring that has to be enabled, with restrictions', () => {
    const ring = openRing(library.IORING_SETUP_R_DISABLED);
    const restrictions = alloc(io_uring_restriction, 1);
    restrictions.at(0).opcode = library.IORING_RESTRICTION_SQE_OP;
    restrictions.at(0).sqe_op = library.IORING_OP_NOP;
    expect(api.io_uring_register_restrictions(ring, restrictions, 1)).toBe(0);
    expect(api.io_uring_enable_rings(ring)).toBe(0);
    submitNops(ring, 1n);
    expect(complete(ring).res).toBe(0);
    api.io_uring_prep_fsync(sqeOf(ring), file, 0);
    expect(api.io_uring_submit(ring)).toBe(1);
    expect(complete(ring).res).toBe(-EACCES);
    free(restrictions);
  });

  it('a ring of another size', () => {
    const ring = openRing(library.IORING_SETUP_SINGLE_ISSUER | library.IORING_SETUP_DEFER_TASKRUN);
    const p = alloc(io_uring_params);
    p.sq_entries = 32;
    p.cq_entries = 128;
    p.flags = library.IORING_SETUP_CQSIZE;
    submitNops(ring, 7n);
    const result = api.io_uring_resize_rings(ring, p);
    expect(result).toBe(since('6.13', 0));
    if (result === 0) expect([ring.sq.ring_entries, ring.cq.ring_entries]).toEqual([32, 128]);
    submitNops(ring, 8n);
    expect([complete(ring).data, complete(ring).data]).toEqual([7n, 8n]);
    free(p);
  });
});

describe('the SQ ring', () => {
  it('hands out its entries, and null when none is left', () => {
    const ring = openRing();
    expect([api.io_uring_sq_ready(ring), api.io_uring_sq_space_left(ring)]).toEqual([0, 8]);
    const first = sqeOf(ring);
    expect(first.address).toBe(ring.sq.sqes);
    expect([api.io_uring_sq_ready(ring), api.io_uring_sq_space_left(ring)]).toEqual([1, 7]);
    prepareNops(ring, 1n, 2n, 3n, 4n, 5n, 6n, 7n);
    expect(isNull(api.io_uring_get_sqe(ring))).toBe(true);
    api.io_uring_prep_nop(first);
    expect(api.io_uring_submit(ring)).toBe(8);
    expect([api.io_uring_sq_ready(ring), api.io_uring_cq_ready(ring)]).toEqual([0, 8]);
  });

  it('hands out entries of 128 bytes in a ring that has them', () => {
    const big = openRing(library.IORING_SETUP_SQE128);
    const [first, second] = [api.io_uring_get_sqe128(big), api.io_uring_get_sqe128(big)];
    expect(Number(second?.address) - Number(first?.address)).toBe(128);
    expect(first?.cmd.length).toBe(80);
    expect(isNull(api.io_uring_get_sqe128(openRing()))).toBe(true);
  });

  it('can be waited for when a kernel thread empties it', () => {
    const polled = openRing(library.IORING_SETUP_SQPOLL);
    submitNops(polled, 1n);
    expect(api.io_uring_sqring_wait(polled)).toBe(0);
    expect(api.__io_uring_sqring_wait(polled)).toBe(0);
    expect(complete(polled).data).toBe(1n);
  });
});

describe('submission', () => {
  it('with a wait', () => {
    const ring = openRing();
    prepareNops(ring, 1n, 2n);
    expect(api.io_uring_submit_and_wait(ring, 2)).toBe(2);
    expect([complete(ring).data, complete(ring).data]).toEqual([1n, 2n]);
  });

  it('with a wait of limited time', () => {
    const ring = openRing();
    prepareNops(ring, 1n);
    expect(api.io_uring_submit_and_wait_timeout(ring, pointer, 1, never, null)).toBe(1);
    expect(pointer.value.user_data).toBe(1n);
    api.io_uring_cqe_seen(ring, pointer.value);
    expect(api.io_uring_submit_and_wait_timeout(ring, pointer, 1, atOnce, null)).toBe(-ETIME);
    prepareNops(ring, 2n);
    const result = api.io_uring_submit_and_wait_min_timeout(ring, pointer, 1, never, 1, null);
    expect(result).toBe(since('6.12', 1));
  });

  it('with a wait that a registered region describes', () => {
    const ring = openRing(library.IORING_SETUP_R_DISABLED);
    const page = allocArray(4096);
    const region = alloc(io_uring_region_desc);
    region.user_addr = page.byteOffset;
    region.size = page.length;
    region.flags = library.IORING_MEM_REGION_TYPE_USER;
    const registration = alloc(io_uring_mem_region_reg);
    registration.region_uptr = region.address;
    registration.flags = library.IORING_MEM_REGION_REG_WAIT_ARG;
    expect(api.io_uring_register_region(ring, registration)).toBe(since('6.13', 0));
    expect(api.io_uring_enable_rings(ring)).toBe(0);
    const wait = memory.struct(io_uring_reg_wait, page);
    wait.ts.tv_nsec = 1;
    wait.flags = library.IORING_REG_WAIT_TS;
    expect(api.io_uring_submit_and_wait_reg(ring, pointer, 1, 0)).toBe(since('6.13', -ETIME));
    // liburing keeps this for old programs only
    const waits = alloc(io_uring_reg_wait, 2);
    expect(api.io_uring_register_wait_reg(ring, waits, 2)).toBe(-EINVAL);
    closeRing(ring);
    for (const block of [page, region, registration, waits]) free(block);
  });

  it('that looks for events, too', () => {
    const ring = openRing();
    prepareNops(ring, 1n);
    expect(api.io_uring_submit_and_get_events(ring)).toBe(1);
    expect(api.io_uring_get_events(ring)).toBe(0);
    expect(complete(ring).data).toBe(1n);
  });

  it('by the system call itself', () => {
    const ring = openRing();
    prepareNops(ring, 1n);
    library.io_uring_smp_store_release(ring.sq.ktail, ring.sq.sqe_tail);
    expect(api.io_uring_enter(ring.ring_fd, 1, 1, library.IORING_ENTER_GETEVENTS, null)).toBe(1);
    ring.sq.sqe_head = ring.sq.sqe_tail;
    expect(complete(ring).data).toBe(1n);
    const argument = alloc(io_uring_getevents_arg);
    argument.ts = atOnce.address;
    const flags = library.IORING_ENTER_GETEVENTS | library.IORING_ENTER_EXT_ARG;
    expect(api.io_uring_enter2(ring.ring_fd, 0, 1, flags, argument, io_uring_getevents_arg.size)).toBe(-ETIME);
    expect(api.io_uring_enter(1 << 20, 0, 0, 0, null)).toBe(-EBADF);
    free(argument);
  });
});

describe('completions', () => {
  it('are waited for', () => {
    const ring = openRing();
    submitNops(ring, 1n, 2n, 3n);
    expect(api.io_uring_wait_cqe(ring, pointer)).toBe(0);
    expect(api.io_uring_wait_cqe_nr(ring, pointer, 3)).toBe(0);
    expect(api.io_uring_wait_cqes(ring, pointer, 3, never, null)).toBe(0);
    expect(api.io_uring_wait_cqe_timeout(ring, pointer, never)).toBe(0);
    expect(api.__io_uring_get_cqe(ring, pointer, 0, 1, null)).toBe(0);
    expect(pointer.value.user_data).toBe(1n);
    api.io_uring_cq_advance(ring, 3);
    expect(api.io_uring_wait_cqes(ring, pointer, 1, atOnce, null)).toBe(-ETIME);
    expect(api.io_uring_wait_cqe_timeout(ring, pointer, atOnce)).toBe(-ETIME);
    expect(api.io_uring_wait_cqes_min_timeout(ring, pointer, 1, atOnce, 1, null)).toBe(since('6.12', -ETIME));
  });

  it('are peeked', () => {
    const ring = openRing();
    expect(api.io_uring_peek_cqe(ring, pointer)).toBe(-EAGAIN);
    submitNops(ring, 1n, 2n, 3n);
    expect(api.io_uring_peek_cqe(ring, pointer)).toBe(0);
    expect(pointer.value.user_data).toBe(1n);
    const available = allocArray(1, Uint32Array);
    expect(api.__io_uring_peek_cqe(ring, pointer, available)).toBe(0);
    expect(available[0]).toBe(3);
    expect(api.__io_uring_peek_cqe(ring, pointer, null)).toBe(0);
    const many = allocPointers(io_uring_cqe, 8);
    expect(api.io_uring_peek_batch_cqe(ring, many, 2)).toBe(2);
    expect(api.io_uring_peek_batch_cqe(ring, many, 8)).toBe(3);
    expect([0, 1, 2].map((index) => many.at(index)?.user_data)).toEqual([1n, 2n, 3n]);
    for (const block of [available, many]) free(block);
  });

  it('are iterated', () => {
    const ring = openRing();
    submitNops(ring, 1n, 2n);
    const iterator = api.io_uring_cqe_iter_init(ring);
    const seen: bigint[] = [];
    while (api.io_uring_cqe_iter_next(iterator, pointer)) seen.push(pointer.value.user_data);
    expect(seen).toEqual([1n, 2n]);
    // from the start again, with the same struct
    expect(api.io_uring_cqe_iter_init(ring, iterator) === iterator).toBe(true);
    expect(api.io_uring_cqe_iter_next(iterator, pointer)).toBe(true);
    expect(pointer.value.user_data).toBe(1n);
    api.io_uring_cq_advance(ring, 2);
    expect(api.io_uring_cq_ready(ring)).toBe(0);
    free(iterator);
  });

  it('overflow when the CQ ring is too small, and are not lost', () => {
    const ring = openRing(0, 1);
    submitNops(ring, 1n);
    submitNops(ring, 2n);
    expect(api.io_uring_cq_has_overflow(ring)).toBe(false);
    submitNops(ring, 3n);
    expect(api.io_uring_cq_has_overflow(ring)).toBe(true);
    expect([complete(ring).data, complete(ring).data, complete(ring).data]).toEqual([1n, 2n, 3n]);
    expect(api.io_uring_cq_has_overflow(ring)).toBe(false);
  });

  it('signal an eventfd', () => {
    const ring = openRing();
    // Node's event loop has eventfds of its own, and tolerates spurious wake-ups
    const descriptors = readdirSync('/proc/self/fd').filter((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`) === 'anon_inode:[eventfd]';
      } catch {
        return false;
      }
    });
    const eventfd = Number(descriptors[0]);
    expect(eventfd).toBeGreaterThan(0);
    expect(api.io_uring_register_eventfd(ring, file)).toBe(-EINVAL);
    expect(api.io_uring_register_eventfd(ring, eventfd)).toBe(0);
    expect(api.io_uring_register_eventfd(ring, eventfd)).toBe(-EBUSY);
    expect(api.io_uring_cq_eventfd_enabled(ring)).toBe(true);
    expect(api.io_uring_cq_eventfd_toggle(ring, false)).toBe(0);
    expect(api.io_uring_cq_eventfd_enabled(ring)).toBe(false);
    expect(api.io_uring_unregister_eventfd(ring)).toBe(0);
    expect(api.io_uring_unregister_eventfd(ring)).toBe(-ENXIO);
    expect(api.io_uring_register_eventfd_async(ring, eventfd)).toBe(0);
  });
});

describe('registration', () => {
  const blocks: Parameters<typeof free>[0][] = [];
  const keep = <T extends Parameters<typeof free>[0]>(block: T): T => {
    blocks.push(block);
    return block;
  };
  afterEach(() => {
    // a registered buffer is in use until its ring is closed
    for (const ring of open) closeRing(ring);
    for (const block of blocks.splice(0)) free(block);
  });

  it('buffers', () => {
    const ring = openRing();
    const vectors = keep(alloc(iovec, 2));
    const buffer = keep(allocArray(8192));
    for (const [index, vector] of [...vectors].entries()) {
      vector.iov_base = buffer.byteOffset + index * 4096;
      vector.iov_len = 4096;
    }
    expect(api.io_uring_register_buffers(ring, vectors, 2)).toBe(0);
    expect(api.io_uring_register_buffers(ring, vectors, 2)).toBe(-EBUSY);
    api.io_uring_prep_read_fixed(sqeOf(ring), file, buffer.subarray(4096), 100, 0, 1);
    expect(api.io_uring_submit(ring)).toBe(1);
    expect(complete(ring).res).toBe(content.length);
    expect(Buffer.from(buffer.subarray(4096, 4096 + content.length)).toString()).toBe(content);
    expect(api.io_uring_unregister_buffers(ring)).toBe(0);
    expect(api.io_uring_unregister_buffers(ring)).toBe(-ENXIO);

    const tags = keep(allocArray(2, BigUint64Array));
    expect(api.io_uring_register_buffers_tags(ring, vectors, tags, 2)).toBe(0);
    expect(api.io_uring_unregister_buffers(ring)).toBe(0);
    expect(api.io_uring_register_buffers_sparse(ring, 4)).toBe(0);
    expect(api.io_uring_register_buffers_update_tag(ring, 1, vectors, tags, 2)).toBe(2);
  });

  it('the buffers of another ring', () => {
    const [from, to] = [openRing(), openRing()];
    expect(api.io_uring_clone_buffers(to, from)).toBe(since('6.12', -ENXIO));
    expect(api.io_uring_register_buffers_sparse(from, 4)).toBe(0);
    const clones = [
      () => api.io_uring_clone_buffers(to, from),
      () => api.__io_uring_clone_buffers(to, from, 0),
      () => api.io_uring_clone_buffers_offset(to, from, 0, 1, 2, 0),
      () => api.__io_uring_clone_buffers_offset(to, from, 0, 1, 2, 0),
    ];
    for (const [index, clone] of clones.entries()) {
      const result = clone();
      expect(result, `${index}`).toBe(since(index < 2 ? '6.12' : '6.13', 0));
      if (result === 0) expect(api.io_uring_unregister_buffers(to)).toBe(0);
    }
  });

  it('files', () => {
    const ring = openRing();
    const files = keep(allocArray(2, Int32Array));
    files.set([file, -1]);
    const tags = keep(allocArray(2, BigUint64Array));
    expect(api.io_uring_register_files(ring, files, 2)).toBe(0);
    expect(api.io_uring_register_files_update(ring, 1, files, 1)).toBe(1);
    expect(api.io_uring_register_files_update_tag(ring, 1, files, tags, 1)).toBe(1);
    const buffer = keep(allocArray(100));
    const sqe = sqeOf(ring);
    api.io_uring_prep_read(sqe, 1, buffer, 100, 0);
    api.io_uring_sqe_set_flags(sqe, library.IOSQE_FIXED_FILE);
    expect(api.io_uring_submit(ring)).toBe(1);
    expect(complete(ring).res).toBe(content.length);
    expect(api.io_uring_register_file_alloc_range(ring, 0, 2)).toBe(0);
    expect(api.io_uring_register_file_alloc_range(ring, 0, 3)).toBe(-EINVAL);
    expect(api.io_uring_unregister_files(ring)).toBe(0);
    expect(api.io_uring_unregister_files(ring)).toBe(-ENXIO);
    expect(api.io_uring_register_files_tags(ring, files, tags, 2)).toBe(0);
    expect(api.io_uring_unregister_files(ring)).toBe(0);
    expect(api.io_uring_register_files_sparse(ring, 4)).toBe(0);
  });

  it('a personality', () => {
    const ring = openRing();
    const id = api.io_uring_register_personality(ring);
    expect(id).toBeGreaterThan(0);
    expect(api.io_uring_unregister_personality(ring, id)).toBe(0);
    expect(api.io_uring_unregister_personality(ring, id)).toBe(-EINVAL);
  });

  it('a probe', () => {
    const ring = openRing();
    const room = keep(allocArray(io_uring_probe.size + 8 * library.IORING_OP_LAST));
    const probe = memory.struct(io_uring_probe, room);
    expect(api.io_uring_register_probe(ring, probe, library.IORING_OP_LAST)).toBe(0);
    expect(api.io_uring_opcode_supported(probe, library.IORING_OP_READ)).toBe(1);
    expect(probe.ops.at(library.IORING_OP_READ).op).toBe(library.IORING_OP_READ);
    for (const made of [api.io_uring_get_probe(), api.io_uring_get_probe_ring(ring)]) {
      if (!made) throw new Error('no probe');
      expect(made.last_op).toBe(probe.last_op);
      expect(api.io_uring_opcode_supported(made, library.IORING_OP_NOP)).toBe(1);
      expect(api.io_uring_opcode_supported(made, 250)).toBe(0);
      api.io_uring_free_probe(made);
      expect(() => made.last_op).toThrow(/freed/);
    }
    room.fill(0);
    const { IORING_REGISTER_PROBE, IORING_OP_LAST } = library;
    expect(api.io_uring_register(ring.ring_fd, IORING_REGISTER_PROBE, room, IORING_OP_LAST)).toBe(0);
    expect(api.io_uring_opcode_supported(probe, library.IORING_OP_READ)).toBe(1);
  });

  it("the kernel's worker threads", () => {
    const ring = openRing();
    const mask = keep(alloc(cpu_set_t));
    // a CPU that this process may use
    const cpu = Number(/^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    mask.bytes[cpu >> 3] = 1 << (cpu & 7);
    expect(api.io_uring_register_iowq_aff(ring, cpu_set_t.size, mask)).toBe(0);
    expect(api.io_uring_register_iowq_aff(ring, 2 ** 31, mask.address)).toBe(-EINVAL);
    expect(api.io_uring_unregister_iowq_aff(ring)).toBe(0);
    const workers = keep(allocArray(2, Uint32Array));
    expect(api.io_uring_register_iowq_max_workers(ring, workers)).toBe(0);
    expect(workers.every((count) => count > 0)).toBe(true);
  });

  it('the ring itself', () => {
    const ring = openRing();
    expect(api.io_uring_unregister_ring_fd(ring)).toBe(-EINVAL);
    expect(api.io_uring_close_ring_fd(ring)).toBe(-EINVAL);
    expect(api.io_uring_register_ring_fd(ring)).toBe(1);
    expect(api.io_uring_register_ring_fd(ring)).toBe(-EEXIST);
    expect(api.io_uring_unregister_ring_fd(ring)).toBe(1);
    expect(api.io_uring_register_ring_fd(ring)).toBe(1);
    const fd = ring.ring_fd;
    expect(api.io_uring_close_ring_fd(ring)).toBe(1);
    expect(() => readlinkSync(`/proc/self/fd/${fd}`)).toThrow('ENOENT');
    submitNops(ring, 1n);
    expect(complete(ring).data).toBe(1n);
  });

  it('a ring of buffers', () => {
    const ring = openRing();
    const page = keep(allocArray(4096));
    const registration = keep(alloc(io_uring_buf_reg));
    registration.ring_addr = page.byteOffset;
    registration.ring_entries = 4;
    registration.bgid = 2;
    expect(api.io_uring_register_buf_ring(ring, registration, 0)).toBe(0);
    expect(api.io_uring_register_buf_ring(ring, registration, 0)).toBe(-EEXIST);
    expect(api.io_uring_unregister_buf_ring(ring, 2)).toBe(0);
    expect(api.io_uring_unregister_buf_ring(ring, 2)).toBe(-ENOENT);
  });

  it('a synchronous cancellation', () => {
    const ring = openRing();
    const cancel = keep(alloc(io_uring_sync_cancel_reg));
    cancel.addr = 7n;
    cancel.fd = -1;
    cancel.timeout.tv_sec = cancel.timeout.tv_nsec = -1;
    expect(api.io_uring_register_sync_cancel(ring, cancel)).toBe(-ENOENT);
    const sqe = sqeOf(ring);
    api.io_uring_prep_timeout(sqe, never, 0, 0);
    api.io_uring_sqe_set_data64(sqe, 7n);
    expect(api.io_uring_submit(ring)).toBe(1);
    expect(api.io_uring_register_sync_cancel(ring, cancel)).toBe(0);
    expect(complete(ring)).toMatchObject({ data: 7n, res: -ECANCELED });
  });

  it('a message to a ring', () => {
    const ring = openRing();
    const sqe = keep(alloc(io_uring_sqe));
    api.io_uring_prep_msg_ring(sqe, ring.ring_fd, 5, 77n, 0);
    const result = api.io_uring_register_sync_msg(sqe);
    expect(result).toBe(since('6.13', 0));
    if (result === 0) expect(complete(ring)).toMatchObject({ data: 77n, res: 5 });
  });

  it('a clock', () => {
    const ring = openRing();
    const clock = keep(alloc(io_uring_clock_register));
    clock.clockid = linux.CLOCK_BOOTTIME;
    expect(api.io_uring_register_clock(ring, clock)).toBe(since('6.12', 0));
    clock.clockid = linux.CLOCK_REALTIME;
    expect(api.io_uring_register_clock(ring, clock)).toBe(-EINVAL);
  });

  it('whether waiting counts as I/O', () => {
    const ring = openRing();
    const expected = ring.features & library.IORING_FEAT_NO_IOWAIT ? 0 : -EOPNOTSUPP;
    expect(api.io_uring_set_iowait(ring, false)).toBe(expected);
    expect(api.io_uring_set_iowait(ring, true)).toBe(expected);
  });

  it("what depends on the kernel's configuration", () => {
    const ring = openRing();
    const napi = keep(alloc(io_uring_napi));
    napi.busy_poll_to = 10;
    const busyPoll = api.io_uring_register_napi(ring, napi);
    expect([0, -EINVAL, -EOPNOTSUPP]).toContain(busyPoll);
    expect(api.io_uring_unregister_napi(ring, napi)).toBe(busyPoll);
    expect(api.io_uring_unregister_napi(ring, null)).toBe(busyPoll);
    // each lacks what it needs: a special ring, an interface, a program
    expect([-EINVAL, -EPERM]).toContain(api.io_uring_register_ifq(ring, keep(alloc(io_uring_zcrx_ifq_reg))));
    expect([-EINVAL, -ENXIO]).toContain(api.io_uring_register_zcrx_ctrl(ring, keep(alloc(zcrx_ctrl))));
    expect(api.io_uring_register_bpf_filter(ring, keep(alloc(library.io_uring_bpf)))).toBe(-EINVAL);
  });
});

describe('a buffer ring', () => {
  it('is filled, emptied and filled again', () => {
    const [group, entries] = [3, 4];
    const ring = openRing();
    const error = allocArray(1, Int32Array);
    const buffers = api.io_uring_setup_buf_ring(ring, entries, group, 0, error);
    if (!buffers) throw new Error(`no buffer ring: ${error[0]}`);
    expect(isNull(api.io_uring_setup_buf_ring(ring, entries, group, 0, error))).toBe(true);
    expect(error[0]).toBe(-EEXIST);

    const mask = api.io_uring_buf_ring_mask(entries);
    expect(mask).toBe(3);
    const store = allocArray(2 * 64);
    buffers.tail = 9;
    api.io_uring_buf_ring_init(buffers);
    expect(buffers.tail).toBe(0);
    for (const bid of [0, 1]) api.io_uring_buf_ring_add(buffers, store.subarray(64 * bid), 64, bid, mask, bid);
    api.io_uring_buf_ring_advance(buffers, 2);
    expect(buffers.tail).toBe(2);
    const head = allocArray(1, Uint16Array);
    expect(api.io_uring_buf_ring_available(ring, buffers, group)).toBe(since('6.8', 2));

    /** Reads the file into the next buffer. */
    const read = (): { bid: number; text: string } => {
      const sqe = sqeOf(ring);
      api.io_uring_prep_read(sqe, file, null, 64, 0);
      api.io_uring_sqe_set_flags(sqe, library.IOSQE_BUFFER_SELECT);
      api.io_uring_sqe_set_buf_group(sqe, group);
      expect(api.io_uring_submit_and_wait(ring, 1)).toBe(1);
      expect(api.io_uring_peek_cqe(ring, pointer)).toBe(0);
      const { flags, res } = pointer.value;
      const bid = flags >>> library.IORING_CQE_BUFFER_SHIFT;
      return { bid, text: Buffer.from(store.subarray(64 * bid, 64 * bid + res)).toString() };
    };
    expect(read()).toEqual({ bid: 0, text: content });
    expect(api.io_uring_buf_ring_head(ring, group, head)).toBe(since('6.8', 0));
    expect(head[0]).toBe(kernelHas('6.8') ? 1 : 0);
    api.io_uring_buf_ring_add(buffers, store, 64, 0, mask, 0);
    api.io_uring_buf_ring_cq_advance(ring, buffers, 1);
    expect(api.io_uring_cq_ready(ring)).toBe(0);
    expect(read()).toEqual({ bid: 1, text: content });
    api.io_uring_buf_ring_add(buffers, store.subarray(64), 64, 1, mask, 0);
    api.__io_uring_buf_ring_cq_advance(ring, buffers, 1, 1);
    expect([api.io_uring_cq_ready(ring), buffers.tail]).toEqual([0, 4]);

    expect(api.io_uring_free_buf_ring(ring, buffers, entries, group)).toBe(0);
    expect(() => buffers.tail).toThrow(/freed/);
    for (const block of [error, head, store]) free(block);
  });
});

describe('who follows a pointer, according to semantics.ts', () => {
  const situations: Situation[] = [];
  for (const word of [0, 16])
    for (const [integer, size] of [
      [0, 0],
      [1, 1 << 20],
      [64, 64],
    ] as const)
      for (const [flags, kernelFlags] of [
        [0, 0],
        [library.IORING_SETUP_SQPOLL, library.IORING_SQ_NEED_WAKEUP],
        [0, library.IORING_SQ_CQ_OVERFLOW],
      ] as const)
        for (const features of [0, 0xffffffff])
          for (const completions of [0, 1])
            for (const result of [0, -EINVAL, 1])
              situations.push({ word, integer, size, flags, features, completions, kernelFlags, result });

  /** Structs and memory that must be the library's own although C code does not look into them. */
  const handedOn: Record<string, string[]> = {
    'the kernel writes to it, and nothing else may be overwritten': [
      'io_uring_register_probe.p',
      'io_uring_register_napi.napi',
      'io_uring_unregister_napi.napi',
      'io_uring_register_query.query',
      'io_uring_register_region.reg',
      'io_uring_register_ifq.reg',
      'io_uring_setup.p',
    ],
    'the kernel reads it': [
      'io_uring_register_restrictions.res',
      'io_uring_register_sync_cancel.reg',
      'io_uring_register_sync_msg.sqe',
      'io_uring_register_clock.arg',
      'io_uring_register_bpf_filter.bpf',
      'io_uring_register_bpf_filter_task.bpf',
    ],
    'what is returned is a part of it': [
      'io_uring_recvmsg_validate.buf',
      'io_uring_recvmsg_name.o',
      'io_uring_recvmsg_payload.o',
      'io_uring_recvmsg_payload_length.o',
    ],
    'it is unmapped': ['io_uring_free_buf_ring.br'],
    'the function does nothing any more': ['io_uring_register_wait_reg.ring', 'io_uring_register_wait_reg.reg'],
  };

  /** Whether a call that succeeds with proper arguments traps when one pointer is wild. */
  const isFollowed = (fn: CFunction, index: number): boolean =>
    situations.some(
      (situation) => !traps(fn, situation) && outside.some((address) => traps(fn, situation, index, address)),
    );

  const pointers = model.functions.flatMap((fn) =>
    fn.parameters.flatMap(({ type, access, name }, index) =>
      type.kind === 'pointer' ? [{ fn, index, access, label: `${fn.name}.${name}` }] : [],
    ),
  );

  it('only the kernel, for any address', () => {
    const any = pointers.filter(({ access }) => access === 'any');
    expect(any.length).toBeGreaterThan(80);
    expect(any.filter(({ fn, index }) => isFollowed(fn, index)).map(({ label }) => label)).toEqual([]);
    // a call that always traps would prove nothing
    const always = any.filter(({ fn }) => situations.every((situation) => traps(fn, situation)));
    expect(always.map(({ label }) => label)).toEqual([]);
  });

  it('the library itself, for what has to be in the window, with few exceptions', () => {
    const ours = pointers.filter(({ access }) => access !== 'any');
    expect(ours.length).toBeGreaterThan(200);
    const never = ours.filter(({ fn, index }) => !isFollowed(fn, index)).map(({ label }) => label);
    expect(never.sort()).toEqual(Object.values(handedOn).flat().sort());
  });
});

it('the tests above call every function of the table', () => {
  expect([...called].sort()).toEqual(model.functions.map(({ name }) => name).sort());
});
