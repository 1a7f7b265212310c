/** Rings of old kernels: they are in the kernel's own pages, with a copy in the window. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyPackage } from '../support/shim.js';

const shim = copyPackage();
beforeAll(() => shim.build(['-DTEST_MIRROR']));
afterAll(() => shim.clean());

const PRELUDE = `
  import * as u from 'liburing-wasm/c';
  import { closeSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
  if (u.hostError) throw u.hostError;
  const assert = (condition, what) => { if (!condition) throw new Error(what); };
  const cqe = u.allocPointers(u.io_uring_cqe);
  const fds = () => readdirSync('/proc/self/fd').length;
  function open(entries, flags) {
    const ring = u.alloc(u.io_uring);
    assert(u.io_uring_queue_init(entries, ring, flags) === 0, 'io_uring_queue_init');
    return ring;
  }
  function nops(ring, count) {
    for (let i = 0; i < count; i++) {
      const sqe = u.io_uring_get_sqe(ring);
      assert(sqe, 'no SQE for ' + i);
      u.io_uring_prep_nop(sqe);
      sqe.user_data = i;
    }
    const submitted = u.io_uring_submit_and_wait(ring, count);
    assert(submitted === count, 'submitted ' + submitted);
    for (let i = 0; i < count; i++) {
      assert(u.io_uring_wait_cqe(ring, cqe) === 0, 'io_uring_wait_cqe');
      assert(cqe.value.res === 0 && Number(cqe.value.user_data) === i, 'CQE ' + i);
      u.io_uring_cqe_seen(ring, cqe.value);
    }
  }`;

function run(script: string): void {
  const { status, signal, stdout, stderr } = shim.run(`${PRELUDE}\n${script}\nconsole.log('fine');`);
  expect(stderr).toBe('');
  expect(signal).toBeNull();
  expect(status).toBe(0);
  expect(stdout).toBe('fine\n');
}

it('this build uses the copy: the kernel has the ring elsewhere', () => {
  run(`
    const ring = open(8, 0);
    const ours = BigInt(ring.sq.ring_ptr);
    const maps = readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => line.includes('[io_uring]'));
    assert(maps.length === 2, maps.length + ' mappings of the ring');
    for (const line of maps) assert(BigInt('0x' + line.split('-')[0]) > ours, line);
    u.io_uring_queue_exit(ring);
    assert(!readFileSync('/proc/self/maps', 'utf8').includes('[io_uring]'), 'a mapping is left');`);
});

it('rings of all sizes and kinds work when filled several times', () => {
  run(`
    const kinds = [0, u.IORING_SETUP_SQE128, u.IORING_SETUP_CQE32, u.IORING_SETUP_SQE128 | u.IORING_SETUP_CQE32,
      u.IORING_SETUP_NO_SQARRAY, u.IORING_SETUP_SINGLE_ISSUER | u.IORING_SETUP_DEFER_TASKRUN, u.IORING_SETUP_SQPOLL];
    for (const flags of kinds) {
      for (const entries of [1, 64, 100, 4096]) {
        const ring = open(entries, flags);
        for (let round = 0; round < 5; round++) nops(ring, ring.sq.ring_entries);
        u.io_uring_queue_exit(ring);
        u.free(ring);
      }
    }
    const largest = open(32768, 0);
    nops(largest, 32768);
    u.io_uring_queue_exit(largest);`);
});

it('reads a file into the window and into a Buffer', () => {
  run(`
    const ring = open(8, 0);
    const fd = openSync('package.json');
    const text = readFileSync('package.json');
    for (const buffer of [u.allocArray(300), Buffer.alloc(300)]) {
      u.io_uring_prep_read(u.io_uring_get_sqe(ring), fd, buffer, 300, 0);
      assert(u.io_uring_submit(ring) === 1, 'io_uring_submit');
      assert(u.io_uring_wait_cqe(ring, cqe) === 0, 'io_uring_wait_cqe');
      assert(cqe.value.res === 300 && text.subarray(0, 300).equals(buffer), 'contents');
      u.io_uring_cqe_seen(ring, cqe.value);
    }
    closeSync(fd);
    u.io_uring_queue_exit(ring);`);
});

it('sees a completion that comes later, without waiting', () => {
  run(`
    const ring = open(8, 0);
    const ts = u.alloc(u.__kernel_timespec);
    ts.tv_nsec = 20_000_000;
    u.io_uring_prep_timeout(u.io_uring_get_sqe(ring), ts, 0, 0);
    assert(u.io_uring_submit(ring) === 1, 'io_uring_submit');
    assert(u.io_uring_peek_cqe(ring, cqe) === -11, 'too early');
    const end = Date.now() + 5000;
    while (u.io_uring_peek_cqe(ring, cqe) === -11) assert(Date.now() < end, 'it never came');
    assert(cqe.value.res === -62, 'res ' + cqe.value.res);
    u.io_uring_cqe_seen(ring, cqe.value);
    u.io_uring_queue_exit(ring);`);
});

it('works with a registered ring fd', () => {
  run(`
    const ring = open(8, 0);
    assert(u.io_uring_register_ring_fd(ring) === 1, 'io_uring_register_ring_fd');
    nops(ring, 8);
    assert(u.io_uring_unregister_ring_fd(ring) === 1, 'io_uring_unregister_ring_fd');
    nops(ring, 8);
    u.io_uring_queue_exit(ring);`);
});

it('leaves nothing behind', () => {
  run(`
    const before = fds();
    for (let i = 0; i < 1000; i++) {
      const ring = open(64, 0);
      nops(ring, 3);
      u.io_uring_queue_exit(ring);
      u.free(ring);
    }
    assert(fds() === before, fds() - before + ' fds are left');
    assert(!readFileSync('/proc/self/maps', 'utf8').includes('[io_uring]'), 'a mapping is left');`);
});
