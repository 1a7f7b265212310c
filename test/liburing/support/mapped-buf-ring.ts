/** Buffer rings that the kernel allocates (IOU_PBUF_RING_MMAP). */
import {
  alloc,
  IORING_OFF_PBUF_RING,
  IORING_OFF_PBUF_SHIFT,
  type io_uring,
  io_uring_buf,
  io_uring_buf_ring,
  memory,
} from '../../../src/c.js';
import { MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../../src/linux.js';
import { iovecOf, t_aligned_alloc } from './buffers.js';
import { syscall } from './syscall.js';

/** A mapped buffer ring, and a copy of it for liburing's functions to work on. */
export interface MappedBufRing {
  readonly ring: io_uring_buf_ring;
  /** Takes what the copy has to the kernel. */
  publish(): void;
  unmap(): void;
}

/**
 * mmap(2) of a registered buffer ring. The kernel chooses where, which is not in the library's memory:
 * so io_uring_buf_ring_add(3) and io_uring_buf_ring_advance(3) fill a copy.
 */
export function mapBufRing({ ring_fd }: io_uring, bgid: number, entries: number): MappedBufRing {
  const size = io_uring_buf.size * entries;
  const off = IORING_OFF_PBUF_RING + bgid * 2 ** IORING_OFF_PBUF_SHIFT;
  const mapped = syscall('mmap', null, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd, off);
  if (mapped < 0) throw new Error(`mmap: ${mapped}`);
  const copy = t_aligned_alloc(4096, size).fill(0);
  const local = iovecOf(copy);
  const remote = alloc(local.type);
  remote.iov_base = mapped;
  remote.iov_len = size;
  return {
    ring: memory.struct(io_uring_buf_ring, copy),
    publish() {
      const copied = syscall('process_vm_writev', process.pid, local.address, 1, remote.address, 1, 0);
      if (copied !== size) throw new Error(`process_vm_writev: ${copied}`);
    },
    unmap() {
      if (syscall('munmap', mapped, size) !== 0) throw new Error('munmap');
    },
  };
}
