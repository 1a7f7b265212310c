/**
 * Copies stdin to stdout through a ring that is set up by hand: io_uring_setup(2), mmap(2), SQEs filled
 * in field by field, io_uring_enter(2), and none of liburing's helpers. The port of the program in the
 * man page io_uring(7).
 *
 * node build/examples/raw.js < infile > outfile
 */
import { exit } from 'node:process';
import {
  alloc,
  allocArray,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_SINGLE_MMAP,
  IORING_OFF_CQ_RING,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_OP_READ,
  IORING_OP_WRITE,
  io_uring_cqe,
  io_uring_enter,
  io_uring_params,
  io_uring_setup,
  io_uring_smp_load_acquire,
  io_uring_smp_store_release,
  io_uring_sqe,
  map,
  memory,
} from 'liburing-wasm/c';
import { PROT_READ, PROT_WRITE } from 'liburing-wasm/linux';
import { perror, strerror } from './libc.js';

const QUEUE_DEPTH = 1;
const BLOCK_SZ = 1024;
const STDIN_FILENO = 0;
const STDOUT_FILENO = 1;

/* C's pointers to unsigned: addresses, of which memory.view reads what is there */
let ring_fd: number;
let sring_tail: number;
let sring_mask: number;
let sring_array: number;
let cring_head: number;
let cring_tail: number;
let cring_mask: number;
let sqes: io_uring_sqe[];
let cqes: io_uring_cqe[];
const buff = allocArray(BLOCK_SZ);
let offset = 0;

const read_u32 = (address: number): number => memory.view.getUint32(address, true);
const write_u32 = (address: number, value: number): void => memory.view.setUint32(address, value, true);

function app_setup_uring(): number {
  /* See io_uring_setup(2) for io_uring_params.flags you can set */
  const p = alloc(io_uring_params);
  ring_fd = io_uring_setup(QUEUE_DEPTH, p);
  if (ring_fd < 0) {
    perror('io_uring_setup', ring_fd);
    return 1;
  }

  /*
   * io_uring communication happens via 2 shared kernel-user space ring
   * buffers, which can be jointly mapped with a single mmap() call in
   * kernels >= 5.4.
   */

  let sring_sz = p.sq_off.array + p.sq_entries * 4;
  let cring_sz = p.cq_off.cqes + p.cq_entries * io_uring_cqe.size;

  /* Rather than check for kernel version, the recommended way is to
   * check the features field of the io_uring_params structure, which is a
   * bitmask. If IORING_FEAT_SINGLE_MMAP is set, we can do away with the
   * second mmap() call to map in the completion ring separately.
   */
  if (p.features & IORING_FEAT_SINGLE_MMAP) {
    if (cring_sz > sring_sz) sring_sz = cring_sz;
    cring_sz = sring_sz;
  }

  /* Map in the submission and completion queue ring buffers.
   *  Kernels < 5.4 only map in the submission queue, though.
   */
  const sq_ptr = map(sring_sz, PROT_READ | PROT_WRITE, ring_fd, IORING_OFF_SQ_RING).byteOffset;

  /* Map in the completion queue ring buffer in older kernels separately */
  const cq_ptr =
    p.features & IORING_FEAT_SINGLE_MMAP
      ? sq_ptr
      : map(cring_sz, PROT_READ | PROT_WRITE, ring_fd, IORING_OFF_CQ_RING).byteOffset;

  /* Save useful fields for later easy reference */
  sring_tail = sq_ptr + p.sq_off.tail;
  sring_mask = sq_ptr + p.sq_off.ring_mask;
  sring_array = sq_ptr + p.sq_off.array;

  /* Map in the submission queue entries array */
  const sqe_bytes = map(p.sq_entries * io_uring_sqe.size, PROT_READ | PROT_WRITE, ring_fd, IORING_OFF_SQES);
  sqes = structs(io_uring_sqe, sqe_bytes.byteOffset, p.sq_entries);

  /* Save useful fields for later easy reference */
  cring_head = cq_ptr + p.cq_off.head;
  cring_tail = cq_ptr + p.cq_off.tail;
  cring_mask = cq_ptr + p.cq_off.ring_mask;
  cqes = structs(io_uring_cqe, cq_ptr + p.cq_off.cqes, p.cq_entries);

  return 0;
}

/** C's pointer to an array of structs. */
function structs<T extends io_uring_sqe | io_uring_cqe>(
  type: { new (...of: ConstructorParameters<typeof io_uring_sqe>): T; readonly size: number },
  address: number,
  length: number,
): T[] {
  return Array.from({ length }, (_, i) => new type(memory, address + i * type.size));
}

/*
 * Read from completion queue.
 * In this function, we read completion events from the completion queue.
 * We dequeue the CQE, update and head and return the result of the operation.
 */
function read_from_cq(): number {
  /* Read barrier */
  const head = io_uring_smp_load_acquire(cring_head);
  /*
   * Remember, this is a ring buffer. If head == tail, it means that the
   * buffer is empty.
   */
  if (head === read_u32(cring_tail)) return -1;

  /* Get the entry */
  const { res } = cqes[head & read_u32(cring_mask)] as io_uring_cqe;
  if (res < 0) console.error(`Error: ${strerror(Math.abs(res))}`);

  /* Write barrier so that update to the head are made visible */
  io_uring_smp_store_release(cring_head, head + 1);

  return res;
}

/*
 * Submit a read or a write request to the submission queue. C takes the length of what it writes from
 * strlen, and so copies text only; here it is what was read.
 */
function submit_to_sq(fd: number, op: number, len: number): number {
  /* Add our submission queue entry to the tail of the SQE ring buffer */
  const tail = read_u32(sring_tail);
  const index = tail & read_u32(sring_mask);
  const sqe = sqes[index] as io_uring_sqe;
  /* Fill in the parameters required for the read or write operation */
  sqe.opcode = op;
  sqe.fd = fd;
  sqe.addr = buff.byteOffset;
  sqe.len = len;
  sqe.off = offset;

  write_u32(sring_array + 4 * index, index);

  /* Update the tail */
  io_uring_smp_store_release(sring_tail, tail + 1);

  /*
   * Tell the kernel we have submitted events with the io_uring_enter()
   * system call. We also pass in the IORING_ENTER_GETEVENTS flag which
   * causes the io_uring_enter() call to wait until min_complete
   * (the 3rd param) events complete.
   */
  const ret = io_uring_enter(ring_fd, 1, 1, IORING_ENTER_GETEVENTS, null);
  if (ret < 0) {
    perror('io_uring_enter', ret);
    return -1;
  }

  return ret;
}

function main(): number {
  /* Setup io_uring for use */
  if (app_setup_uring()) {
    console.error('Unable to setup uring!');
    return 1;
  }

  /*
   * A while loop that reads from stdin and writes to stdout.
   * Breaks on EOF.
   */
  while (true) {
    /* Initiate read from stdin and wait for it to complete */
    submit_to_sq(STDIN_FILENO, IORING_OP_READ, BLOCK_SZ);
    /* Read completion queue entry */
    const res = read_from_cq();
    if (res > 0) {
      /* Read successful. Write to stdout. */
      submit_to_sq(STDOUT_FILENO, IORING_OP_WRITE, res);
      read_from_cq();
    } else if (res === 0) {
      /* reached EOF */
      break;
    } else {
      /* Error reading file */
      console.error(`Error: ${strerror(Math.abs(res))}`);
      break;
    }
    offset += res;
  }

  return 0;
}

exit(main());
