/**
 * Copies files at the same time, each in a coroutine of its own, 1 KiB a second. The port of liburing's
 * examples/ucontext-cp.c: what swapcontext(3) does there, a generator's `yield` does here.
 *
 * node build/examples/ucontext-cp.js infile1 outfile1 [infile2 outfile2 [...]]
 */
import { argv, exit } from 'node:process';
import {
  __kernel_timespec,
  alloc,
  allocArray,
  allocPointers,
  free,
  io_uring,
  io_uring_cqe,
  io_uring_cqe_get_data,
  io_uring_cqe_seen,
  io_uring_get_sqe,
  io_uring_peek_cqe,
  io_uring_prep_readv,
  io_uring_prep_timeout,
  io_uring_prep_writev,
  io_uring_queue_exit,
  io_uring_queue_init,
  io_uring_sqe_set_data,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
  iovec,
} from 'liburing-wasm/c';
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from 'liburing-wasm/linux';
import { close, open, perror, strerror } from './libc.js';

const QD = 64;
const BS = 1024;

/** What runs until it awaits a completion. The engine keeps its stack, which C allocates. */
type Coroutine<T> = Generator<void, T>;

interface async_context {
  ring: io_uring;
  cqe: ReturnType<typeof allocPointers<io_uring_cqe>>;
  /** Its place among all, as the user data of its requests. */
  index: number;
  ctx_fnew: Coroutine<void>;
}

interface arguments_bundle {
  pctx: async_context;
  infd: number;
  outfd: number;
}

let success = 0;
let failure = 0;

/** C's DEFINE_AWAIT_OP(operation) */
const define_await_op = (prep: typeof io_uring_prep_readv) =>
  function* await_op(
    pctx: async_context,
    fd: number,
    ioves: iovec,
    nr_vecs: number,
    offset: number,
  ): Coroutine<number> {
    const sqe = io_uring_get_sqe(pctx.ring);
    if (!sqe) return -1;

    prep(sqe, fd, ioves, nr_vecs, offset);
    io_uring_sqe_set_data(sqe, pctx.index);
    yield;
    io_uring_peek_cqe(pctx.ring, pctx.cqe);
    const { res } = pctx.cqe.value;
    io_uring_cqe_seen(pctx.ring, pctx.cqe.value);

    return res;
  };

const await_readv = define_await_op(io_uring_prep_readv);
const await_writev = define_await_op(io_uring_prep_writev);

function* await_delay(pctx: async_context, seconds: number): Coroutine<number> {
  const sqe = io_uring_get_sqe(pctx.ring);
  if (!sqe) return -1;

  const ts = alloc(__kernel_timespec);
  ts.tv_sec = seconds;
  io_uring_prep_timeout(sqe, ts, 0, 0);
  io_uring_sqe_set_data(sqe, pctx.index);
  yield;
  io_uring_peek_cqe(pctx.ring, pctx.cqe);
  io_uring_cqe_seen(pctx.ring, pctx.cqe.value);
  free(ts);

  return 0;
}

function* copy_file(pctx: async_context, infd: number, outfd: number, piov: iovec): Coroutine<number> {
  let offset = 0;

  for (;;) {
    console.log(`${infd}->${outfd}: readv ${piov.iov_len} bytes from ${offset}`);
    const bytes_read = yield* await_readv(pctx, infd, piov, 1, offset);
    if (bytes_read < 0) {
      perror('await_readv', bytes_read);
      return 1;
    }
    if (bytes_read === 0) return 0;

    piov.iov_len = bytes_read;

    console.log(`${infd}->${outfd}: writev ${piov.iov_len} bytes from ${offset}`);
    const bytes_written = yield* await_writev(pctx, outfd, piov, 1, offset);
    if (bytes_written !== bytes_read) {
      perror('await_writev', bytes_written);
      return 1;
    }
    if (bytes_read < BS) return 0;
    offset += bytes_read;

    console.log(`${infd}->${outfd}: wait ${1}s`);
    yield* await_delay(pctx, 1);
  }
}

function* copy_file_wrapper(pbundle: arguments_bundle): Coroutine<void> {
  const iov = alloc(iovec);
  const buf = allocArray(BS);
  iov.iov_base = buf;
  iov.iov_len = BS;

  const ret = yield* copy_file(pbundle.pctx, pbundle.infd, pbundle.outfd, iov);

  console.log(`${pbundle.infd}->${pbundle.outfd}: done with ret code ${ret}`);

  if (ret === 0) success++;
  else failure++;

  free(iov);
  free(buf);
  close(pbundle.infd);
  close(pbundle.outfd);
}

/** A coroutine that has not begun: makecontext(3). */
function setup_context(ring: io_uring, index: number, infd: number, outfd: number): async_context {
  const pctx = { ring, index, cqe: allocPointers(io_uring_cqe) } as async_context;
  pctx.ctx_fnew = copy_file_wrapper({ pctx, infd, outfd });
  return pctx;
}

function main([program, ...files]: readonly string[]): number {
  const ring = alloc(io_uring);
  const contexts: async_context[] = [];

  if (files.length < 2) {
    console.error(`${program}: infile1 outfile1 [infile2 outfile2 [...]]`);
    return 1;
  }

  let ret = io_uring_queue_init(QD, ring, 0);
  if (ret < 0) {
    console.error(`queue_init: ${strerror(-ret)}`);
    return -1;
  }

  const req_count = files.length >> 1;
  console.log(`copying ${req_count} files...`);

  for (let i = 0; i < files.length; i += 2) {
    const infd = open(files[i] as string, O_RDONLY);
    if (infd < 0) {
      perror('open infile', infd);
      return 1;
    }
    const outfd = open(files[i + 1] ?? '', O_WRONLY | O_CREAT | O_TRUNC, 0o644);
    if (outfd < 0) {
      perror('open outfile', outfd);
      return 1;
    }

    const pctx = setup_context(ring, contexts.length, infd, outfd);
    contexts.push(pctx);

    pctx.ctx_fnew.next();
  }

  const cqe = allocPointers(io_uring_cqe);

  /* event loop */
  while (success + failure < req_count) {
    /* usually be timed waiting */
    ret = io_uring_submit_and_wait(ring, 1);
    if (ret < 0) {
      console.error(`submit_and_wait: ${strerror(-ret)}`);
      return 1;
    }

    ret = io_uring_wait_cqe(ring, cqe);
    if (ret < 0) {
      console.error(`wait_cqe: ${strerror(-ret)}`);
      return 1;
    }

    const pctx = contexts[io_uring_cqe_get_data(cqe.value)] as async_context;

    if (pctx.ctx_fnew.next().done) free(pctx.cqe);
  }

  io_uring_queue_exit(ring);

  console.log(`finished with ${success} success(es) and ${failure} failure(s)`);

  return failure > 0 ? 1 : 0;
}

exit(main(argv.slice(1)));
