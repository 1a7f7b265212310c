/** Import, a ring, and its first completion, through the C interface. */
import {
  alloc,
  allocPointers,
  check,
  io_uring,
  io_uring_cqe,
  io_uring_get_sqe,
  io_uring_prep_nop,
  io_uring_queue_init,
  io_uring_submit_and_wait,
  io_uring_wait_cqe,
} from 'liburing-wasm/c';

const ring = alloc(io_uring);
const pointer = allocPointers(io_uring_cqe);
check(io_uring_queue_init(8, ring, 0), 'io_uring_queue_init');
const sqe = io_uring_get_sqe(ring);
if (sqe !== null) io_uring_prep_nop(sqe);
check(io_uring_submit_and_wait(ring, 1), 'io_uring_submit_and_wait');
check(io_uring_wait_cqe(ring, pointer), 'io_uring_wait_cqe');
check(pointer.value.res, 'NOP');
