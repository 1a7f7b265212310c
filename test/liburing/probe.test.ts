/** The port of liburing's test/probe.c: test IORING_REGISTER_PROBE. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  allocArray,
  IO_URING_OP_SUPPORTED,
  IORING_OP_NOP,
  IORING_OP_READV,
  IORING_OP_WRITE,
  io_uring_free_probe,
  io_uring_get_probe_ring,
  io_uring_probe,
  io_uring_probe_op,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_register_probe,
  memory,
} from '../../src/c.js';
import { EINVAL } from '../../src/linux.js';
import { newRing } from './support/rings.js';
import { skipCase } from './support/skip.js';

const ring = newRing();
beforeAll(() => expect(io_uring_queue_init(8, ring, 0)).toBe(0));
afterAll(() => io_uring_queue_exit(ring));

function verify_probe(p: io_uring_probe, full: boolean): void {
  if (!full) expect(p.ops_len).toBe(0);
  expect(p.last_op).not.toBe(0);
  if (!full) return;

  /* check a few ops that must be supported */
  for (const op of [IORING_OP_NOP, IORING_OP_READV, IORING_OP_WRITE]) {
    expect((p.ops.at(op)?.flags ?? 0) & IO_URING_OP_SUPPORTED).not.toBe(0);
  }
}

it('test_probe', () => {
  const len = io_uring_probe.size + 256 * io_uring_probe_op.size;
  const bytes = allocArray(len);
  const p = memory.struct(io_uring_probe, bytes);

  const ret = io_uring_register_probe(ring, p, 0);
  if (ret === -EINVAL) skipCase('Probe not supported');
  expect(ret).toBe(0);
  verify_probe(p, false);

  /* now grab for all entries */
  bytes.fill(0);
  expect(io_uring_register_probe(ring, p, 256)).toBe(0);
  verify_probe(p, true);
});

it('test_probe_helper', () => {
  const p = io_uring_get_probe_ring(ring);
  if (!p) throw new Error('Failed getting probe data');
  verify_probe(p, true);
  io_uring_free_probe(p);
});
