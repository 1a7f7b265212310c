/** The port of liburing's test/ring-query.c. */
import { beforeEach, expect, it } from 'vitest';
import {
  type Address,
  alloc,
  allocArray,
  IO_URING_QUERY_OPCODES,
  IORING_REGISTER_QUERY,
  io_uring_query_hdr,
  io_uring_query_opcode,
  io_uring_register,
  memory,
} from '../../src/c.js';
import { EFAULT, EINVAL, EOPNOTSUPP } from '../../src/linux.js';
import './support/clean.js';
import { skip } from './support/skip.js';

/* the first two members of struct io_uring_query_opcode, and all of them with room behind */
const SHORT = 8;
const LARGE = 8 + 4 * 8 + 8 * 8;

const sys_ops = alloc(io_uring_query_opcode);

const query = (arg: io_uring_query_hdr): number => io_uring_register(-1, IORING_REGISTER_QUERY, arg, 0);

function header(op: Address, size: number): io_uring_query_hdr {
  const hdr = alloc(io_uring_query_hdr);
  hdr.query_op = IO_URING_QUERY_OPCODES;
  hdr.query_data = typeof op === 'number' ? op : memory.address(op, size, 'op');
  hdr.size = size;
  return hdr;
}

const size = io_uring_query_opcode.size;
const newOp = (): io_uring_query_opcode => alloc(io_uring_query_opcode);

beforeEach(() => {
  const hdr = header(sys_ops, size);
  const ret = query(hdr);
  if (ret === -EINVAL) skip('no IORING_REGISTER_QUERY');
  expect(ret).toBe(0);
});

it('test_basic_query', () => {
  const op = newOp();
  const hdr = header(op, size);
  expect(query(hdr)).toBe(0);
  // C's headers are those of the kernel; this kernel's struct may be shorter
  expect(hdr.size).toBeLessThanOrEqual(size);
  expect(hdr.result).toBe(0);
  expect(op.nr_register_opcodes).toBeGreaterThan(IORING_REGISTER_QUERY);
});

it('test_invalid', () => {
  const invalid_hdr = header(newOp(), size);
  invalid_hdr.query_op = 0xffffffff;
  expect(query(invalid_hdr)).toBe(0);
  expect(invalid_hdr.result).toBe(-EOPNOTSUPP);

  const invalid_next_hdr = header(newOp(), size);
  invalid_next_hdr.next_entry = 0xdeadbeef;
  expect(query(invalid_next_hdr)).toBe(-EFAULT);

  const invalid_data_hdr = header(0xdeadbeef, size);
  expect(query(invalid_data_hdr)).toBe(-EFAULT);
});

it('test_chain', () => {
  const ops = [newOp(), newOp(), newOp()] as const;
  const [hdr1, hdr2, hdr3] = [header(ops[0], size), header(ops[1], size), header(ops[2], size)] as const;
  hdr1.next_entry = hdr2.address;
  hdr2.next_entry = hdr3.address;

  expect(query(hdr1)).toBe(0);
  expect([hdr1.result, hdr2.result, hdr3.result]).toEqual([0, 0, 0]);
  for (const op of ops) expect(op.nr_register_opcodes).toBe(sys_ops.nr_register_opcodes);
});

it('test_chain_loop', () => {
  const hdr1 = header(newOp(), size);
  const hdr2 = header(newOp(), size);
  hdr1.next_entry = hdr2.address;
  hdr2.next_entry = hdr1.address;
  expect(query(hdr1)).toBeLessThan(0);

  const hdr_self_circular = header(newOp(), size);
  hdr_self_circular.next_entry = hdr_self_circular.address;
  expect(query(hdr_self_circular)).toBeLessThan(0);
});

it('test_compatibile_shorter', () => {
  const bytes = allocArray(SHORT);
  const hdr = header(bytes, SHORT);
  expect(query(hdr)).toBe(0);
  expect(hdr.result).toBe(0);
  expect(hdr.size).toBe(SHORT);
  expect([...new Uint32Array(bytes.buffer, bytes.byteOffset, 2)]).toEqual([
    sys_ops.nr_request_opcodes,
    sys_ops.nr_register_opcodes,
  ]);
});

it('test_compatibile_larger', () => {
  const bytes = allocArray(Math.max(LARGE, size + 64));
  const op = memory.struct(io_uring_query_opcode, bytes);
  const hdr = header(bytes, bytes.length);
  expect(query(hdr)).toBe(0);
  expect(hdr.result).toBe(0);
  expect(hdr.size).toBeGreaterThanOrEqual(SHORT + 4 * 8);
  expect(op.nr_request_opcodes).toBe(sys_ops.nr_request_opcodes);
  expect(op.nr_register_opcodes).toBe(sys_ops.nr_register_opcodes);
  expect(op.ring_setup_flags).toBe(sys_ops.ring_setup_flags);
  expect(op.feature_flags).toBe(sys_ops.feature_flags);
});
