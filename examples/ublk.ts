/**
 * A block device whose sectors are in this process: a RAM disk, served through ublk(4) by commands on a
 * ring. It needs root and a kernel with CONFIG_BLK_DEV_UBLK. There is no such program in liburing; the
 * protocol is that of linux/ublk_cmd.h and of the kernel's Documentation/block/ublk.rst.
 *
 * node build/examples/ublk.js [MiB]
 *
 * Serves /dev/ublkbN until it is interrupted.
 */
import { argv, exit, pid } from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  __kernel_timespec,
  alloc,
  allocArray,
  allocPointers,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  io_uring,
  io_uring_cq_advance,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_for_each_cqe,
  io_uring_prep_uring_cmd,
  io_uring_queue_exit,
  io_uring_queue_init,
  type io_uring_sqe,
  io_uring_sqe_set_data,
  io_uring_submit_and_wait_timeout,
  map,
  memory,
  type Struct,
  type StructType,
  ublk_params,
  ublksrv_ctrl_cmd,
  ublksrv_ctrl_dev_info,
  ublksrv_io_cmd,
  ublksrv_io_desc,
  unmap,
} from 'liburing-wasm/c';
import {
  EINTR,
  EIO,
  ENODEV,
  EOPNOTSUPP,
  ETIME,
  O_RDWR,
  PROT_READ,
  UBLK_CMD_ADD_DEV,
  UBLK_CMD_DEL_DEV,
  UBLK_CMD_SET_PARAMS,
  UBLK_CMD_START_DEV,
  UBLK_CMD_STOP_DEV,
  UBLK_IO_COMMIT_AND_FETCH_REQ,
  UBLK_IO_FETCH_REQ,
  UBLK_IO_OP_DISCARD,
  UBLK_IO_OP_FLUSH,
  UBLK_IO_OP_READ,
  UBLK_IO_OP_WRITE,
  UBLK_IO_OP_WRITE_ZEROES,
  UBLK_IO_RES_OK,
  UBLK_PARAM_TYPE_BASIC,
  UBLK_PARAM_TYPE_DISCARD,
  UBLKSRV_CMD_BUF_OFFSET,
} from 'liburing-wasm/linux';
import { must_get_sqe } from './helpers.js';
import { atoi, close, open, perror, strerror } from './libc.js';

const QUEUE_DEPTH = 64;
const MAX_IO = 128 * 1024;
const SECTOR_SHIFT = 9;
const PAGE_SHIFT = 12;

/** _IOWR('u', nr, type) of linux/ioctl.h, as an int: what a command is called since Linux 6.4. */
const _IOWR = (nr: number, type: StructType): number => (3 << 30) | (type.size << 16) | ('u'.charCodeAt(0) << 8) | nr;

const FETCH_REQ = _IOWR(UBLK_IO_FETCH_REQ, ublksrv_io_cmd);
const COMMIT_AND_FETCH_REQ = _IOWR(UBLK_IO_COMMIT_AND_FETCH_REQ, ublksrv_io_cmd);

/** user_data of a control command: this and its number. That of an I/O command is its tag. */
const CONTROL = 0x10000;

const ring = alloc(io_uring);
const buffers = allocArray(QUEUE_DEPTH * MAX_IO);
/** Each SQE's place for a command's payload, seen as that. */
const payloads = new Map<number, Struct>();

let control_fd: number;
let char_fd: number;
let dev_id: number;
let disk: Uint8Array;
/** Of each tag: the request that the driver wants to have done. */
let descriptors: ublksrv_io_desc[];
/** I/O commands that the driver has: it gives all of them back when the device stops. */
let fetching = 0;

/** C's (struct x *) sqe->cmd. */
function payload_of<T extends Struct>(sqe: io_uring_sqe, type: StructType<T>): T {
  const known = payloads.get(sqe.address);
  if (known instanceof type) return known;
  const payload = memory.struct(type, sqe.cmd);
  payloads.set(sqe.address, payload);
  return payload;
}

/** Prepares a control command, with a struct to read or to fill in, or with a number. */
function prep_control(nr: number, argument?: Struct | number): void {
  const sqe = must_get_sqe(ring);
  io_uring_prep_uring_cmd(sqe, _IOWR(nr, ublksrv_ctrl_cmd), control_fd);
  const cmd = payload_of(sqe, ublksrv_ctrl_cmd);
  const isNumber = typeof argument !== 'object';
  cmd.dev_id = dev_id;
  cmd.queue_id = -1; // no queue's
  cmd.addr = isNumber ? 0 : argument.address;
  cmd.len = isNumber ? 0 : (argument.constructor as unknown as StructType).size;
  cmd.data[0] = BigInt(isNumber ? (argument ?? 0) : 0);
  io_uring_sqe_set_data(sqe, CONTROL + nr);
}

/** Prepares an I/O command of a tag: asks for the next request, after saying how the last one ended. */
function prep_io(op: number, tag: number, result: number): void {
  const sqe = must_get_sqe(ring);
  io_uring_prep_uring_cmd(sqe, op, char_fd);
  const cmd = payload_of(sqe, ublksrv_io_cmd);
  cmd.q_id = 0;
  cmd.tag = tag;
  cmd.result = result;
  // where the driver copies what is to be written to, and from where what was read
  cmd.addr = buffers.byteOffset + tag * MAX_IO;
  io_uring_sqe_set_data(sqe, tag);
  fetching++;
}

/** Does what the driver wants to have done: bytes, or -errno. */
function serve(tag: number): number {
  const descriptor = descriptors[tag] as ublksrv_io_desc;
  const start = Number(descriptor.start_sector) << SECTOR_SHIFT;
  const length = descriptor.nr_sectors << SECTOR_SHIFT;
  if (start + length > disk.length) return -EIO;

  const buffer = buffers.byteOffset + tag * MAX_IO;
  switch (descriptor.op_flags & 0xff) {
    case UBLK_IO_OP_READ:
      memory.bytes.set(disk.subarray(start, start + length), buffer);
      return length;
    case UBLK_IO_OP_WRITE:
      disk.set(memory.bytes.subarray(buffer, buffer + length), start);
      return length;
    case UBLK_IO_OP_DISCARD:
    case UBLK_IO_OP_WRITE_ZEROES:
      disk.fill(0, start, start + length);
      return length;
    case UBLK_IO_OP_FLUSH:
      return 0;
    default:
      return -EOPNOTSUPP;
  }
}

/** Submits, waits for a completion or for a tenth of a second, and hands all that are there to `handle`. */
function reap(ts: __kernel_timespec, cqe_ptr: CqePointer, handle: (user_data: number, res: number) => void): void {
  const ret = io_uring_submit_and_wait_timeout(ring, cqe_ptr, 1, ts, null);
  if (ret < 0 && ret !== -ETIME && ret !== -EINTR) throw new Error(`submit_and_wait: ${strerror(-ret)}`);
  let count = 0;
  for (const cqe of io_uring_for_each_cqe(ring)) {
    handle(io_uring_cqe_get_data(cqe), cqe.res);
    count++;
  }
  io_uring_cq_advance(ring, count);
}

type CqePointer = ReturnType<typeof allocPointers<io_uring_cqe>>;

/** Runs the event loop until a control command is done: other requests are served meanwhile. */
class Loop {
  readonly #ts = alloc(__kernel_timespec);
  readonly #cqe_ptr = allocPointers(io_uring_cqe);
  readonly #results = new Map<number, number>();

  constructor() {
    this.#ts.tv_nsec = 100_000_000;
  }

  /** One round, and one of Node's own loop, for signals. */
  async turn(): Promise<void> {
    reap(this.#ts, this.#cqe_ptr, (user_data, res) => {
      if (user_data >= CONTROL) {
        this.#results.set(user_data - CONTROL, res);
        return;
      }
      fetching--;
      if (res === UBLK_IO_RES_OK) prep_io(COMMIT_AND_FETCH_REQ, user_data, serve(user_data));
      else if (res !== -ENODEV) throw new Error(`ublk's I/O command of tag ${user_data}: ${strerror(-res)}`);
    });
    await nextTurn();
  }

  async control(nr: number, argument?: Struct | number): Promise<number> {
    prep_control(nr, argument);
    let result: number | undefined;
    while (result === undefined) {
      await this.turn();
      result = this.#results.get(nr);
    }
    this.#results.delete(nr);
    return result;
  }
}

async function add_device(loop: Loop): Promise<number> {
  const info = alloc(ublksrv_ctrl_dev_info);
  info.nr_hw_queues = 1;
  info.queue_depth = QUEUE_DEPTH;
  info.max_io_buf_bytes = MAX_IO;
  info.dev_id = dev_id = -1; // the driver chooses one, and says which in info
  info.ublksrv_pid = pid;

  const ret = await loop.control(UBLK_CMD_ADD_DEV, info);
  dev_id = info.dev_id;
  return ret;
}

function set_params(loop: Loop): Promise<number> {
  const params = alloc(ublk_params);
  params.len = ublk_params.size;
  params.types = UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DISCARD;
  const { basic, discard } = params;
  basic.logical_bs_shift = SECTOR_SHIFT;
  basic.physical_bs_shift = PAGE_SHIFT;
  basic.io_min_shift = SECTOR_SHIFT;
  basic.io_opt_shift = PAGE_SHIFT;
  basic.max_sectors = MAX_IO >> SECTOR_SHIFT;
  basic.dev_sectors = disk.length >> SECTOR_SHIFT;
  discard.discard_granularity = 1 << SECTOR_SHIFT;
  discard.max_discard_sectors = discard.max_write_zeroes_sectors = disk.length >> SECTOR_SHIFT;
  discard.max_discard_segments = 1;
  return loop.control(UBLK_CMD_SET_PARAMS, params);
}

/** Maps the requests that the driver writes, and asks for one with each tag. */
function start_queue(): Uint8Array {
  const length = Math.ceil((QUEUE_DEPTH * ublksrv_io_desc.size) / 4096) * 4096;
  const mapped = map(length, PROT_READ, char_fd, UBLKSRV_CMD_BUF_OFFSET);
  descriptors = Array.from({ length: QUEUE_DEPTH }, (_, tag) =>
    memory.struct(ublksrv_io_desc, mapped.byteOffset + tag * ublksrv_io_desc.size),
  );
  for (let tag = 0; tag < QUEUE_DEPTH; tag++) prep_io(FETCH_REQ, tag, -1);
  return mapped;
}

async function main([program, mib = '64']: readonly string[]): Promise<number> {
  const size = atoi(mib) << 20;
  if (size <= 0) {
    console.error(`${program}: [MiB], 1 to 2047`);
    return 1;
  }
  disk = new Uint8Array(size);

  control_fd = open('/dev/ublk-control', O_RDWR);
  if (control_fd < 0) {
    perror('/dev/ublk-control', control_fd);
    return 1;
  }

  // a control command's payload has 32 bytes, and an ordinary SQE room for 16
  const flags = IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN;
  let ret = io_uring_queue_init(2 * QUEUE_DEPTH, ring, flags);
  if (ret < 0) {
    console.error(`queue_init: ${strerror(-ret)}`);
    return 1;
  }

  let stop = false;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      stop = true;
    });
  }

  const loop = new Loop();
  ret = await add_device(loop);
  if (ret < 0) {
    perror('UBLK_CMD_ADD_DEV', ret);
    return 1;
  }

  ret = await set_params(loop);
  if (ret < 0) {
    perror('UBLK_CMD_SET_PARAMS', ret);
  } else {
    char_fd = open(`/dev/ublkc${dev_id}`, O_RDWR);
    if (char_fd < 0) perror(`/dev/ublkc${dev_id}`, char_fd);
    ret = char_fd < 0 ? char_fd : await run(loop, () => stop);
  }

  const deleted = await loop.control(UBLK_CMD_DEL_DEV);
  if (deleted < 0) perror('UBLK_CMD_DEL_DEV', deleted);
  io_uring_queue_exit(ring);
  close(control_fd);
  return ret < 0 || deleted < 0 ? 1 : 0;
}

/** Starts the device, serves it until it is to stop, and gives everything back. */
async function run(loop: Loop, stopped: () => boolean): Promise<number> {
  const mapped = start_queue();
  // the kernel looks for partitions before it says that the device has started
  let ret = await loop.control(UBLK_CMD_START_DEV, pid);
  if (ret < 0) perror('UBLK_CMD_START_DEV', ret);
  else console.log(`/dev/ublkb${dev_id}: ${disk.length >> 20} MiB`);

  while (ret >= 0 && !stopped()) await loop.turn();

  const result = await loop.control(UBLK_CMD_STOP_DEV);
  if (result < 0) perror('UBLK_CMD_STOP_DEV', result);
  while (fetching > 0) await loop.turn();
  if (ret >= 0) ret = result;
  unmap(mapped);
  close(char_fd);
  return ret;
}

exit(await main(argv.slice(1)));
