/** Rings, their queues and what is registered with them: functions that no port calls. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  __io_uring_sqring_wait,
  alloc,
  allocArray,
  cpu_set_t,
  IO_URING_QUERY_OPCODES,
  IORING_ENTER_NO_IOWAIT,
  IORING_FEAT_NATIVE_WORKERS,
  IORING_FEAT_NO_IOWAIT,
  IORING_OP_NOP128,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  io_uring_bpf,
  io_uring_cq_advance,
  io_uring_cq_has_overflow,
  io_uring_cq_ready,
  io_uring_cqe_get_data64,
  io_uring_cqe_iter_init,
  io_uring_cqe_iter_next,
  io_uring_free_probe,
  io_uring_get_events,
  io_uring_get_probe,
  io_uring_get_sqe,
  io_uring_get_sqe128,
  io_uring_memory_size,
  io_uring_memory_size_params,
  io_uring_mlock_size,
  io_uring_mlock_size_params,
  io_uring_napi,
  io_uring_prep_msg_ring,
  io_uring_prep_nop,
  io_uring_prep_nop128,
  io_uring_prep_poll_add,
  io_uring_prep_read,
  io_uring_prep_uring_cmd,
  io_uring_prep_uring_cmd128,
  io_uring_query_hdr,
  io_uring_query_opcode,
  io_uring_queue_exit,
  io_uring_queue_init_mem,
  io_uring_queue_mmap,
  io_uring_reg_wait,
  io_uring_register_bpf_filter,
  io_uring_register_bpf_filter_task,
  io_uring_register_eventfd_async,
  io_uring_register_ifq,
  io_uring_register_iowq_aff,
  io_uring_register_napi,
  io_uring_register_query,
  io_uring_register_sync_msg,
  io_uring_register_wait_reg,
  io_uring_register_zcrx_ctrl,
  io_uring_resize_rings,
  io_uring_ring_dontfork,
  io_uring_set_iowait,
  io_uring_setup,
  io_uring_sq_ready,
  io_uring_sq_space_left,
  io_uring_sqe,
  io_uring_sqe_set_data64,
  io_uring_submit,
  io_uring_submit_and_get_events,
  io_uring_submit_and_wait,
  io_uring_unregister_iowq_aff,
  io_uring_unregister_napi,
  io_uring_zcrx_ifq_reg,
  zcrx_ctrl,
} from '../../../src/c.js';
import { EAGAIN, EBADF, EFD_NONBLOCK, EINVAL, EOPNOTSUPP, O_RDWR, POLLIN } from '../../../src/linux.js';
import { t_aligned_alloc } from '../support/buffers.js';
import { atEnd, closing } from '../support/clean.js';
import { eventfd } from '../support/events.js';
import { open, pipe, read, write } from '../support/files.js';
import {
  complete,
  get_sqe,
  newCqe,
  newParams,
  newRing,
  next,
  openRing,
  T_SETUP_OK,
  t_create_ring_params,
  waited,
} from '../support/rings.js';
import { lacking } from '../support/skip.js';
import { fdPair } from '../support/sockets.js';
import { now, usleep } from '../support/time.js';

it('io_uring_cqe_get_data64, io_uring_sqe_set_data64', () => {
  const ring = openRing();
  const cqe = newCqe();
  const sqe = get_sqe(ring);
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data64(sqe, 0xfedcba9876543210n);
  expect(io_uring_submit(ring)).toBe(1);
  expect(io_uring_cqe_get_data64(waited(ring, cqe))).toBe(0xfedcba9876543210n);
});

it('io_uring_sq_ready, io_uring_sq_space_left', () => {
  const ring = openRing(8);
  expect([io_uring_sq_ready(ring), io_uring_sq_space_left(ring)]).toEqual([0, 8]);
  for (let i = 0; i < 3; i++) io_uring_prep_nop(get_sqe(ring));
  expect([io_uring_sq_ready(ring), io_uring_sq_space_left(ring)]).toEqual([3, 5]);
  expect(io_uring_submit(ring)).toBe(3);
  expect([io_uring_sq_ready(ring), io_uring_sq_space_left(ring)]).toEqual([0, 8]);
});

it('io_uring_cqe_iter_init, io_uring_cqe_iter_next', () => {
  const ring = openRing();
  const cqe = newCqe();
  for (let i = 0; i < 3; i++) {
    const sqe = get_sqe(ring);
    io_uring_prep_nop(sqe);
    sqe.user_data = i + 10;
  }
  expect(io_uring_submit(ring)).toBe(3);
  const iter = io_uring_cqe_iter_init(ring);
  const seen: bigint[] = [];
  while (io_uring_cqe_iter_next(iter, cqe)) seen.push(cqe.value.user_data);
  expect(seen).toEqual([10n, 11n, 12n]);
});

it('io_uring_cq_has_overflow, io_uring_get_events', () => {
  const ring = newRing();
  expect(t_create_ring_params(4, ring, newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 4 }))).toBe(T_SETUP_OK);
  atEnd(() => io_uring_queue_exit(ring));
  const nops = (): void => {
    for (let i = 0; i < 4; i++) io_uring_prep_nop(get_sqe(ring));
    expect(io_uring_submit(ring)).toBe(4);
  };
  nops();
  expect(io_uring_cq_has_overflow(ring)).toBe(false);
  nops();
  expect(io_uring_cq_has_overflow(ring)).toBe(true);
  expect(io_uring_cq_ready(ring)).toBe(4);
  io_uring_cq_advance(ring, 4);
  expect(io_uring_get_events(ring)).toBe(0);
  expect(io_uring_cq_ready(ring)).toBe(4);
  expect(io_uring_cq_has_overflow(ring)).toBe(false);
});

it('io_uring_submit_and_get_events', () => {
  const ring = openRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  const fds = fdPair();
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
  io_uring_prep_poll_add(get_sqe(ring), fds[0], POLLIN);
  expect(io_uring_submit_and_get_events(ring)).toBe(1);
  expect(write(fds[1], allocArray(1), 1)).toBe(1);
  // with DEFER_TASKRUN nothing completes before the ring is entered
  expect(io_uring_cq_ready(ring)).toBe(0);
  expect(io_uring_submit_and_get_events(ring)).toBe(0);
  expect(io_uring_cq_ready(ring)).toBe(1);
});

it('__io_uring_sqring_wait', () => {
  const ring = openRing(2, IORING_SETUP_SQPOLL);
  for (let i = 0; i < 100; i++) {
    let sqe = io_uring_get_sqe(ring);
    if (!sqe) {
      expect(__io_uring_sqring_wait(ring)).toBeGreaterThanOrEqual(0);
      sqe = io_uring_get_sqe(ring);
    }
    if (!sqe) throw new Error('no SQE after the wait');
    io_uring_prep_nop(sqe);
    expect(io_uring_submit(ring)).toBeGreaterThanOrEqual(0);
    next(ring);
  }
});

it('io_uring_queue_mmap', () => {
  const ring = newRing();
  const p = newParams();
  const fd = io_uring_setup(8, p);
  expect(fd).toBeGreaterThanOrEqual(0);
  expect(io_uring_queue_mmap(fd, p, ring)).toBe(0);
  atEnd(() => io_uring_queue_exit(ring));
  expect(ring.ring_fd).toBe(fd);
  // this ring has an array of indices
  expect(ring.sq.array).not.toBe(0);
  expect(complete(ring, io_uring_prep_nop).res).toBe(0);
});

it('io_uring_memory_size', () => {
  for (const flags of [0, IORING_SETUP_SQE128, IORING_SETUP_CQE32]) {
    expect(io_uring_memory_size(64, flags)).toBe(io_uring_memory_size_params(64, newParams({ flags })));
  }
  expect(io_uring_memory_size(64, IORING_SETUP_SQE128)).toBeGreaterThan(io_uring_memory_size(64, 0));
  // the size that the ring asks for is enough
  const size = io_uring_memory_size(64, 0);
  const ring = newRing();
  const memory = t_aligned_alloc(4096, size);
  expect(io_uring_queue_init_mem(64, ring, newParams(), memory, size)).toBe(size);
  atEnd(() => io_uring_queue_exit(ring));
  expect(complete(ring, io_uring_prep_nop).res).toBe(0);
});

it('io_uring_mlock_size, io_uring_mlock_size_params', () => {
  const p = newParams({ flags: IORING_SETUP_CQSIZE, cq_entries: 4096 });
  // kernels from 5.12 on charge no locked memory to a limit
  const ring = openRing();
  const native = ring.features & IORING_FEAT_NATIVE_WORKERS;
  for (const size of [io_uring_mlock_size(64, 0), io_uring_mlock_size_params(64, p)]) {
    if (native) expect(size).toBe(0);
    else expect(size).toBeGreaterThan(0);
  }
  expect(io_uring_mlock_size(1 << 20, 0)).toBe(-EINVAL);
});

it('io_uring_ring_dontfork', () => {
  const ring = openRing();
  expect(io_uring_ring_dontfork(ring)).toBe(0);
  expect(complete(ring, io_uring_prep_nop).res).toBe(0);
  expect(io_uring_ring_dontfork(newRing())).toBe(-EINVAL);
});

it('io_uring_resize_rings', () => {
  const ring = openRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  const p = newParams();
  p.sq_entries = 32;
  p.cq_entries = 64;
  const ret = io_uring_resize_rings(ring, p);
  if (ret === -EINVAL) return lacking('rings cannot be resized');
  expect(ret).toBe(0);
  expect([ring.sq.ring_entries, ring.cq.ring_entries]).toEqual([32, 64]);
  for (let i = 0; i < 32; i++) io_uring_prep_nop(get_sqe(ring));
  expect(io_uring_submit_and_wait(ring, 32)).toBe(32);
  expect(io_uring_cq_ready(ring)).toBe(32);
});

it('io_uring_set_iowait', () => {
  const ring = openRing();
  const possible = ring.features & IORING_FEAT_NO_IOWAIT;
  const enter = IORING_ENTER_NO_IOWAIT;
  expect(io_uring_set_iowait(ring, false)).toBe(possible ? 0 : -EOPNOTSUPP);
  if (!possible) return;
  const without = ring.int_flags;
  expect(io_uring_set_iowait(ring, true)).toBe(0);
  expect(ring.int_flags).not.toBe(without);
  expect(enter).not.toBe(0);
  expect(complete(ring, io_uring_prep_nop).res).toBe(0);
});

it('io_uring_register_eventfd_async', () => {
  const ring = openRing();
  const efd = closing(eventfd(0, EFD_NONBLOCK));
  const count = allocArray(1, BigUint64Array);
  expect(io_uring_register_eventfd_async(ring, efd)).toBe(0);
  // an inline completion raises no event; a worker's does
  expect(complete(ring, io_uring_prep_nop).res).toBe(0);
  expect(read(efd, count, 8)).toBe(-EAGAIN);
  complete(ring, (sqe) => {
    io_uring_prep_nop(sqe);
    sqe.flags |= IOSQE_ASYNC;
  });
  const deadline = now() + 20_000;
  while (read(efd, count, 8) !== 8 && now() < deadline) usleep(1000);
  expect(count[0]).toBe(1n);
});

/** The CPUs that the workers of this process's rings may run on. */
function workersCpus(): string[] {
  const tasks = readdirSync('/proc/self/task').map((task) => readFileSync(`/proc/self/task/${task}/status`, 'latin1'));
  const workers = tasks.filter((status) => /^Name:\tiou-wrk/.test(status));
  return workers.map((status) => /^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1] ?? '');
}

it('io_uring_register_iowq_aff, io_uring_unregister_iowq_aff', () => {
  const ring = openRing();
  const fds = fdPair();
  const set = alloc(cpu_set_t);
  expect(pipe(fds)).toBe(0);
  for (const fd of fds) closing(fd);
  set.bytes[0] = 1;
  expect(io_uring_register_iowq_aff(ring, cpu_set_t.size, set)).toBe(0);
  const sqe = get_sqe(ring);
  io_uring_prep_read(sqe, fds[0], allocArray(8), 8, 0);
  sqe.flags |= IOSQE_ASYNC;
  expect(io_uring_submit(ring)).toBe(1);
  const deadline = now() + 20_000;
  while (!workersCpus().includes('0') && now() < deadline) usleep(1000);
  expect(workersCpus()).toContain('0');
  expect(io_uring_unregister_iowq_aff(ring)).toBe(0);
  expect(io_uring_register_iowq_aff(ring, cpu_set_t.size, null)).toBe(-EINVAL);
});

it('io_uring_register_napi, io_uring_unregister_napi', () => {
  const ring = openRing();
  const napi = alloc(io_uring_napi);
  napi.busy_poll_to = 50;
  napi.prefer_busy_poll = 1;
  const ret = io_uring_register_napi(ring, napi);
  if (ret === -EINVAL) return lacking('no busy polling');
  expect(ret).toBe(0);
  napi.busy_poll_to = 0;
  napi.prefer_busy_poll = 0;
  expect(io_uring_unregister_napi(ring, napi)).toBe(0);
  // the old values are returned
  expect([napi.busy_poll_to, napi.prefer_busy_poll]).toEqual([50, 1]);
});

it('io_uring_register_query', () => {
  const op = alloc(io_uring_query_opcode);
  const hdr = alloc(io_uring_query_hdr);
  hdr.query_op = IO_URING_QUERY_OPCODES;
  hdr.query_data = op.address;
  hdr.size = io_uring_query_opcode.size;
  const ret = io_uring_register_query(hdr);
  if (ret === -EINVAL) return lacking('no IORING_REGISTER_QUERY');
  expect(ret).toBe(0);
  const probe = io_uring_get_probe();
  expect(op.nr_request_opcodes).toBe((probe?.last_op ?? 0) + 1);
  if (probe) io_uring_free_probe(probe);
});

it('io_uring_register_wait_reg, which liburing has no more', () => {
  expect(io_uring_register_wait_reg(openRing(), alloc(io_uring_reg_wait), 1)).toBe(-EINVAL);
});

it('io_uring_register_sync_msg', () => {
  const ring = openRing();
  const sqe = alloc(io_uring_sqe);
  io_uring_prep_msg_ring(sqe, ring.ring_fd, 0x10, 0x1234, 0);
  const ret = io_uring_register_sync_msg(sqe);
  if (ret === -EINVAL) return lacking('no IORING_REGISTER_SEND_MSG_RING');
  expect(ret).toBe(0);
  expect(next(ring)).toMatchObject({ user_data: 0x1234n, res: 0x10 });
});

it('io_uring_get_sqe128, io_uring_prep_nop128', () => {
  // on a ring of large SQEs each is a large one
  const ring = openRing(8, IORING_SETUP_SQE128);
  const sqe = io_uring_get_sqe128(ring);
  if (!sqe) throw new Error('no SQE');
  io_uring_prep_nop128(sqe);
  sqe.user_data = 3;
  expect(sqe.opcode).toBe(IORING_OP_NOP128);
  expect(io_uring_submit(ring)).toBe(1);
  const { res, user_data } = next(ring);
  expect(user_data).toBe(3n);
  // the kernel added the opcode with rings of both sizes
  expect([0, -EINVAL]).toContain(res);
  expect(io_uring_get_sqe128(openRing(8))).toBeNull();
});

it.each([
  { name: 'io_uring_prep_uring_cmd', prep: io_uring_prep_uring_cmd, flags: 0 },
  { name: 'io_uring_prep_uring_cmd128', prep: io_uring_prep_uring_cmd128, flags: IORING_SETUP_SQE128 },
])('$name, of /dev/null', ({ name, prep, flags }) => {
  const ring = openRing(8, flags);
  const fd = closing(open('/dev/null', O_RDWR));
  const cmd = (op: number, target: number): number => complete(ring, (sqe) => prep(sqe, op, target)).res;
  // it accepts any command, and does nothing
  const ret = cmd(1, fd);
  if (name === 'io_uring_prep_uring_cmd128' && ret === -EINVAL) return lacking('no IORING_OP_URING_CMD128');
  if (ret === -EOPNOTSUPP) return lacking('/dev/null has no commands');
  expect(ret).toBe(0);
  expect(cmd(1, -1)).toBe(-EBADF);
});

// functions for special hardware or later kernels: that the request arrives, and is refused
it('io_uring_register_ifq, io_uring_register_zcrx_ctrl', () => {
  const ring = openRing(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQE32);
  expect(io_uring_register_ifq(ring, alloc(io_uring_zcrx_ifq_reg))).toBeLessThan(0);
  expect(io_uring_register_zcrx_ctrl(ring, alloc(zcrx_ctrl))).toBeLessThan(0);
});

it('io_uring_register_bpf_filter, io_uring_register_bpf_filter_task', () => {
  expect(io_uring_register_bpf_filter(openRing(), alloc(io_uring_bpf))).toBe(-EINVAL);
  expect(io_uring_register_bpf_filter_task(alloc(io_uring_bpf))).toBe(-EINVAL);
});
