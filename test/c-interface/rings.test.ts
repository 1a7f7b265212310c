/** Rings of all sizes and kinds can be set up, work, and leave nothing behind. */
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  alloc,
  allocArray,
  allocPointers,
  check,
  createInstance,
  free,
  hostError,
  IORING_SETUP_CLAMP,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  io_uring,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_iter_init,
  io_uring_cqe_iter_next,
  io_uring_cqe_seen,
  io_uring_for_each_cqe,
  io_uring_get_sqe,
  io_uring_params,
  io_uring_prep_nop,
  io_uring_prep_read,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_queue_init_mem,
  io_uring_register_files,
  io_uring_resize_rings,
  io_uring_submit,
  io_uring_wait_cqe,
  memory,
} from '../../src/c.js';
import { Ring } from '../../src/index.js';
import { EBADF } from '../../src/linux.js';
import { closeRing, initRing, openRing, patiently, runNops, upTo } from '../support/ring.js';

const directory = mkdtempSync(join(tmpdir(), 'liburing-wasm-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Pages that the windows of this process occupy. */
function windowBlocks(): number {
  return readdirSync('/proc/self/fd')
    .filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/memfd:liburing-wasm');
      } catch {
        return false; // the fd of the directory itself
      }
    })
    .reduce((sum, fd) => sum + fstatSync(Number(fd)).blocks, 0);
}

const openFds = (): number => readdirSync('/proc/self/fd').length;

it('has a host here', () => {
  expect(hostError).toBeNull();
});

describe('sizes', () => {
  const sizes = [1, 2, 3, 5, 8, 63, 64, 65, 100, 128, 129, 255, 256, 1000, 4096, 5000, 16384, 32768];
  for (const entries of sizes) {
    it(`${entries} entries can all be in use at once`, () => {
      const ring = openRing(entries);
      expect(ring.sq.ring_entries).toBe(2 ** Math.ceil(Math.log2(entries)));
      expect(ring.cq.ring_entries).toBe(2 * ring.sq.ring_entries);
      const all = ring.sq.ring_entries;
      expect(runNops(ring, all)).toEqual(upTo(all));
      expect(runNops(ring, all)).toEqual(upTo(all));
    });
  }

  it('the largest ring with the largest entries', () => {
    const ring = openRing(32768, { flags: IORING_SETUP_SQE128 | IORING_SETUP_CQE32 });
    expect(runNops(ring, 32768)).toEqual(upTo(32768));
  });

  it('a CQ of its own size', () => {
    const ring = openRing(8, { flags: IORING_SETUP_CQSIZE, cq_entries: 4096 });
    expect(ring.cq.ring_entries).toBe(4096);
    expect(runNops(ring, 8)).toEqual(upTo(8));
  });

  it('clamps numbers that are too large, if asked to', () => {
    const ring = openRing(100_000, { flags: IORING_SETUP_CLAMP });
    expect(ring.sq.ring_entries).toBe(32768);
  });

  for (const entries of [0, 32769, 100_000, 0xffffffff]) {
    it(`refuses ${entries} entries, as the kernel does`, () => {
      const before = openFds();
      const ring = alloc(io_uring);
      expect(io_uring_queue_init(entries, ring, 0)).toBe(-22);
      expect(openFds()).toBe(before);
      free(ring);
    });
  }

  it('returns ENOMEM when the window is too small, and loses nothing', () => {
    const small = createInstance({ windowSize: 2 << 20 });
    const { functions } = small;
    const ring = small.memory.alloc(io_uring);
    expect(functions.io_uring_queue_init(32768, ring, 0)).toBe(-12);
    for (let i = 0; i < 100; i++) {
      expect(patiently(() => functions.io_uring_queue_init(4096, ring, 0))).toBe(0);
      functions.io_uring_queue_exit(ring);
    }
    small.close();
  });
});

describe('kinds', () => {
  const kinds: Record<string, number> = {
    SQE128: IORING_SETUP_SQE128,
    CQE32: IORING_SETUP_CQE32,
    'SQE128|CQE32': IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
    NO_SQARRAY: IORING_SETUP_NO_SQARRAY,
    SQPOLL: IORING_SETUP_SQPOLL,
    'SINGLE_ISSUER|DEFER_TASKRUN': IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    NO_MMAP: IORING_SETUP_NO_MMAP,
    IOPOLL: IORING_SETUP_IOPOLL,
  };
  for (const [name, flags] of Object.entries(kinds)) {
    it(`${name} works when its rings wrap around many times`, () => {
      const ring = openRing(64, { flags });
      expect(ring.flags & flags).toBe(flags);
      for (let round = 0; round < 20; round++) expect(runNops(ring, 61)).toEqual(upTo(61));
    });
  }

  it('a ring in the window looks like one that the kernel allocated', () => {
    const ring = openRing(64);
    expect(ring.flags & IORING_SETUP_NO_MMAP).toBe(0);
  });

  it('IOPOLL reads a file with O_DIRECT', (context) => {
    const file = join(directory, 'iopoll');
    const contents = Buffer.alloc(4096, 'io_uring ');
    writeFileSync(file, contents, { flush: true });
    let fd: number;
    try {
      fd = openSync(file, constants.O_RDONLY | constants.O_DIRECT);
    } catch {
      return context.skip('the file system of the temporary folder has no O_DIRECT');
    }
    const ring = openRing(8, { flags: IORING_SETUP_IOPOLL });
    const buffer = allocArray(4096);
    const cqe = allocPointers(io_uring_cqe);
    const sqe = io_uring_get_sqe(ring);
    if (sqe) io_uring_prep_read(sqe, fd, buffer, 4096, 0);
    expect(io_uring_submit(ring)).toBe(1);
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    const { res } = cqe.value;
    closeSync(fd);
    if (res === -95) return context.skip('the file system of the temporary folder has no IOPOLL');
    expect(res).toBe(4096);
    expect(contents.equals(buffer)).toBe(true);
  });

  it("io_uring_queue_init_mem takes the caller's memory", () => {
    const buffer = allocArray(65536);
    const ring = alloc(io_uring);
    const params = alloc(io_uring_params);
    const used = io_uring_queue_init_mem(64, ring, params, buffer, buffer.length);
    expect(used).toBeGreaterThan(64 * 64);
    expect(used).toBeLessThanOrEqual(65536);
    expect(runNops(ring, 64)).toEqual(upTo(64));
    closeRing(ring);
    free(buffer);
    free(params);
  });

  it('io_uring_resize_rings keeps what is in the rings', (context) => {
    const ring = openRing(8, { flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN });
    const params = alloc(io_uring_params);
    params.sq_entries = 4096;
    params.cq_entries = 8192;
    params.flags = IORING_SETUP_CQSIZE;
    runNops(ring, 8);
    const old = io_uring_get_sqe(ring);
    if (old) io_uring_prep_nop(old);
    const result = io_uring_resize_rings(ring, params);
    if (result === -22) return context.skip('this kernel is older than 6.13 and resizes no rings');
    expect(result).toBe(0);
    expect(ring.sq.ring_entries).toBe(4096);
    expect(ring.cq.ring_entries).toBe(8192);
    // the object of the SQE at the old address is dead
    expect(() => old?.opcode).toThrow(/alive/);
    expect(io_uring_submit(ring)).toBe(1);
    const cqe = allocPointers(io_uring_cqe);
    expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
    io_uring_cqe_seen(ring, cqe.value);
    expect(runNops(ring, 4000)).toEqual(upTo(4000));
    free(cqe);
    free(params);
  });
});

describe('io_uring_for_each_cqe', () => {
  for (const [name, flags] of Object.entries({ 'normal CQEs': 0, 'big CQEs': IORING_SETUP_CQE32 })) {
    it(`skips over ${name} as io_uring_cqe_iter_next does`, () => {
      const ring = openRing(8, { flags });
      const cqe = allocPointers(io_uring_cqe);
      for (let round = 0; round < 50; round++) {
        const count = 1 + (round % 8);
        for (let i = 0; i < count; i++) {
          const sqe = io_uring_get_sqe(ring);
          if (!sqe) throw new Error('no SQE');
          io_uring_prep_nop(sqe);
          sqe.user_data = 100 * round + i;
        }
        expect(io_uring_submit(ring)).toBe(count);
        const iter = io_uring_cqe_iter_init(ring);
        const byC: number[] = [];
        while (io_uring_cqe_iter_next(iter, cqe)) byC.push(cqe.value.address);
        const ours = [...io_uring_for_each_cqe(ring)];
        expect(ours.map(({ address }) => address)).toEqual(byC);
        expect(ours.map(({ user_data }) => Number(user_data))).toEqual(upTo(count).map((i) => 100 * round + i));
        io_uring_cq_advance(ring, count);
        free(iter);
      }
      expect([...io_uring_for_each_cqe(ring)]).toEqual([]);
      free(cqe);
    });
  }
});

describe('leaves nothing behind', () => {
  it('10,000 rings, one after the other', () => {
    const ring = alloc(io_uring);
    const cycle = (): void => {
      const result = patiently(() => initRing(ring, 64));
      check(result, 'io_uring_queue_init');
      runNops(ring, 2);
      io_uring_queue_exit(ring);
    };
    cycle();
    const fds = openFds();
    const blocks = windowBlocks();
    for (let i = 0; i < 10_000; i++) cycle();
    expect(openFds()).toBe(fds);
    expect(windowBlocks()).toBe(blocks);
    free(ring);
  });

  it('setups that fail', () => {
    const ring = alloc(io_uring);
    initRing(ring, 4096, { flags: IORING_SETUP_SQPOLL | IORING_SETUP_DEFER_TASKRUN });
    const fds = openFds();
    const blocks = windowBlocks();
    for (let i = 0; i < 1000; i++) {
      expect(initRing(ring, 4096, { flags: IORING_SETUP_SQPOLL | IORING_SETUP_DEFER_TASKRUN })).toBe(-22);
    }
    expect(openFds()).toBe(fds);
    expect(windowBlocks()).toBe(blocks);
    free(ring);
  });

  it('64 rings at once, each with its own completions', () => {
    const before = openFds();
    const rings = upTo(64).map(() => {
      const ring = alloc(io_uring);
      const result = patiently(() => initRing(ring, 256));
      check(result, 'io_uring_queue_init');
      return ring;
    });
    const cqe = allocPointers(io_uring_cqe);
    rings.forEach((ring, i) => {
      const sqe = io_uring_get_sqe(ring);
      if (!sqe) throw new Error('no SQE');
      io_uring_prep_nop(sqe);
      sqe.user_data = i;
    });
    for (const ring of rings) expect(io_uring_submit(ring)).toBe(1);
    rings.forEach((ring, i) => {
      expect(io_uring_wait_cqe(ring, cqe)).toBe(0);
      expect(cqe.value.user_data).toBe(BigInt(i));
      io_uring_cqe_seen(ring, cqe.value);
    });
    rings.forEach(closeRing);
    expect(openFds()).toBe(before);
    free(cqe);
  });

  it('closing a ring invalidates the objects for its SQEs; closing it again throws', () => {
    const ring = alloc(io_uring);
    check(initRing(ring, 8), 'io_uring_queue_init');
    expect(() => free(ring)).toThrow(/io_uring_queue_exit/);
    expect(() => initRing(ring, 8)).toThrow(/set up/);
    const sqe = io_uring_get_sqe(ring);
    if (!sqe) throw new Error('no SQE');
    io_uring_queue_exit(ring);
    expect(() => io_uring_prep_nop(sqe)).toThrow(/alive/);
    expect(() => io_uring_queue_exit(ring)).toThrow(/set up/);
    expect(io_uring_get_sqe(ring)).toBeNull();
    free(ring);
    expect(() => io_uring_get_sqe(ring)).toThrow(/alive/);
  });
});

describe('a ring whose descriptor somebody else has closed', () => {
  /** Closes the ring's descriptor, and opens a file with its number. */
  function replace(ring: io_uring): { fd: number; inode: number } {
    const fd = ring.ring_fd;
    closeSync(fd);
    expect(openSync('package.json', constants.O_RDONLY)).toBe(fd);
    return { fd, inode: fstatSync(fd).ino };
  }

  it('leaves the file alone that has its number now', () => {
    const ring = alloc(io_uring);
    expect(initRing(ring, 8)).toBe(0);
    const { fd, inode } = replace(ring);
    expect(io_uring_register_files(ring, new Int32Array([fd]), 1)).toBe(-EBADF);
    closeRing(ring);
    expect(fstatSync(fd).ino).toBe(inode);
    closeSync(fd);
  });

  it('leaves a ring alone that has its number now', () => {
    const other = createInstance({ windowSize: 4 << 20 });
    const ring = alloc(io_uring);
    expect(initRing(ring, 8)).toBe(0);
    const fd = ring.ring_fd;
    closeSync(fd);
    const theirs = other.memory.alloc(io_uring);
    expect(other.functions.io_uring_queue_init(8, theirs, 0)).toBe(0);
    expect(theirs.ring_fd).toBe(fd);
    closeRing(ring);
    const sqe = other.functions.io_uring_get_sqe(theirs);
    if (!sqe) throw new Error('no SQE');
    other.functions.io_uring_prep_nop(sqe);
    expect(other.functions.io_uring_submit(theirs)).toBe(1);
    other.close();
  });
});

describe('instances', () => {
  it('two at once, with windows of their own', () => {
    const other = createInstance({ windowSize: 4 << 20 });
    const { memory: theirs, functions } = other;
    expect(theirs.start >= memory.end || theirs.end <= memory.start).toBe(true);
    const mine = openRing(8);
    const ring = theirs.alloc(io_uring);
    expect(functions.io_uring_queue_init(8, ring, 0)).toBe(0);
    const sqe = functions.io_uring_get_sqe(ring);
    if (!sqe) throw new Error('no SQE');
    expect(() => io_uring_prep_nop(sqe)).toThrow(/same instance/);
    functions.io_uring_prep_nop(sqe);
    expect(functions.io_uring_submit(ring)).toBe(1);
    expect(runNops(mine, 8)).toEqual(upTo(8));
    functions.io_uring_queue_exit(ring);
    other.close();
  });

  it('closing one closes its rings', () => {
    const fds = openFds();
    const other = createInstance();
    for (let i = 0; i < 3; i++) {
      expect(other.functions.io_uring_queue_init(8, other.memory.alloc(io_uring), 0)).toBe(0);
    }
    expect(openFds()).toBe(fds + 4); // and the window's memfd
    other.close();
    expect(openFds()).toBe(fds);
  });

  it('closing one settles the requests of its Rings first', async () => {
    const other = createInstance({ windowSize: 4 << 20 });
    const ring = new Ring({ instance: other });
    await ring.nop();
    const cancelled = expect(ring.timeout(10_000)).rejects.toMatchObject({ code: 'ECANCELED' });
    other.close();
    await cancelled;
    await expect(ring.nop()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  });

  it('many, one after the other, give their addresses back', () => {
    const fds = openFds();
    for (let i = 0; i < 200; i++) {
      const other = createInstance({ windowSize: 512 << 20 });
      expect(other.functions.io_uring_queue_init(8, other.memory.alloc(io_uring), 0)).toBe(0);
      other.close();
    }
    expect(openFds()).toBe(fds);
  });

  it('the error tells that there is no room for a window', () => {
    const instances = [];
    let error: unknown;
    try {
      for (let i = 0; i < 8; i++) instances.push(createInstance({ windowSize: 1 << 30 }));
    } catch (caught) {
      error = caught;
    }
    for (const instance of instances) instance.close();
    expect(error).toMatchObject({ code: 'ENOMEM', errno: -12, syscall: 'mmap' });
    expect(String(error)).toMatch(/windowSize/);
    expect(instances.length).toBeGreaterThan(0);
  });
});
